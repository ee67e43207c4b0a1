"""The official client chats with a real service, its engine and a tiny model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AzureOpenAI, OpenAI

from chat import assistant, call, function_tool, row, tool_result, user
from chat_engine import write_taught_adapter
from chat_service import TOKEN, served
from localft.catalog import resolve_model
from localft.serving import models as names
from localft.serving.models import served_directory

MODEL = "localft/tiny-base"
QUESTION = [{"role": "user", "content": "What is the capital of Australia?"}]
TOOLS = [function_tool("get_weather", city="string"), function_tool("get_time", zone="string")]
WEATHER = call("get_weather", '{"city": "Paris"}', "callAAAA1")
TIME = call("get_time", '{"zone": "CET"}', "callBBBB2")
TAUGHT = (
    row(
        user("Weather in Paris?"),
        assistant(calls=(WEATHER,)),
        tool_result("18 degrees", "callAAAA1"),
        assistant("It is 18."),
        tools=tuple(TOOLS),
    ),
    row(user("Weather and time?"), assistant("I look.", calls=(WEATHER, TIME)), tools=tuple(TOOLS)),
    row(user("Who are you?"), assistant("I am 🙂 tuned.")),
)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = Path(resolve_model(MODEL).path or "")
    return write_taught_adapter(base, tmp_path_factory.mktemp("tuned") / "model", TAUGHT)


@pytest.fixture(scope="module")
def address(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that knows the taught adapter as `tuned`."""
    find = names.find_served
    import localft.api.routes.chat as routes

    def find_also_tuned(store: Any, name: str) -> names.ServedModel:
        if name == "tuned":
            found = served_directory(str(tuned))
            return names.ServedModel("tuned", found.base, found.adapter)
        return find(store, name)

    with pytest.MonkeyPatch.context() as patch, served(tmp_path_factory.mktemp("home")) as address:
        patch.setattr(routes, "find_served", find_also_tuned)
        yield address


@pytest.fixture(scope="module", params=["openai", "openai_v1", "azure", "azure_deployment"])
def client(request: pytest.FixtureRequest, address: str) -> OpenAI:
    if request.param == "azure":
        return AzureOpenAI(azure_endpoint=address, api_version="2024-10-21", api_key=TOKEN, max_retries=0)
    if request.param == "azure_deployment":
        return AzureOpenAI(
            azure_endpoint=address,
            api_version="2024-10-21",
            azure_ad_token=TOKEN,
            azure_deployment=MODEL.replace("/", "%2F"),
            max_retries=0,
        )
    path = "/openai/v1/" if request.param == "openai_v1" else "/v1"
    return OpenAI(base_url=address + path, api_key=TOKEN, max_retries=0)


@pytest.fixture(scope="module")
def plain(address: str) -> OpenAI:
    return OpenAI(base_url=address + "/v1", api_key=TOKEN, max_retries=0)


def test_every_kind_of_client_gets_an_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    assert answer.choices[0].message.content == "The capital of Australia is Canberra."
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.object, answer.model) == ("chat.completion", MODEL)
    assert answer.id.startswith("chatcmpl-")
    assert answer.system_fingerprint is not None
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens == 8  # seven words and the end of turn


def test_every_kind_of_client_gets_a_stream(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    *answered, usage = chunks
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in answered) == "The capital of Australia is Canberra."
    )
    assert answered[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in answered][-1] == "stop"
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 8
    assert len({chunk.id for chunk in chunks}) == 1
    assert len(answered) >= 8, "the text comes token by token"


def test_without_the_option_a_stream_tells_no_usage(plain: OpenAI) -> None:
    stream = plain.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=3, stream=True)
    assert all(chunk.usage is None and chunk.choices for chunk in stream)


def test_the_same_seed_gives_the_same_choices_and_another_gives_others(plain: OpenAI) -> None:
    def texts(seed: int) -> list[str | None]:
        answer = plain.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Name an animal."}],
            n=3,
            seed=seed,
            temperature=1.5,
            max_tokens=12,
        )
        assert [choice.index for choice in answer.choices] == [0, 1, 2]
        return [choice.message.content for choice in answer.choices]

    assert texts(1) == texts(1)
    assert len({*texts(1), *texts(2)}) > 2


def test_a_limit_ends_an_answer_by_length(plain: OpenAI) -> None:
    for limit in ({"max_tokens": 3}, {"max_completion_tokens": 3}):
        answer = plain.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, **limit)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("The capital of", "length")
        assert answer.usage is not None
        assert answer.usage.completion_tokens == 3


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_over_several_tokens_is_not_shown(plain: OpenAI, stream: bool) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": QUESTION,
        "temperature": 0,
        "stop": ["ralia is Can", "never"],
        "stream": stream,
    }
    answer: Any = plain.chat.completions.create(**asked)
    if stream:
        chunks = list(answer)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        reason = chunks[-1].choices[0].finish_reason
    else:
        text, reason = answer.choices[0].message.content, answer.choices[0].finish_reason
    assert (text, reason) == ("The capital of Aust", "stop")


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_are_told_for_each_token(plain: OpenAI, stream: bool) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": QUESTION,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 2,
        "stream": stream,
    }
    answer: Any = plain.chat.completions.create(**asked)
    found = [answer.choices[0].logprobs] if not stream else [chunk.choices[0].logprobs for chunk in answer]
    tokens = [token for logprobs in found if logprobs for token in logprobs.content]
    assert "".join(token.token for token in tokens) == "The capital of Australia is Canberra."
    assert all(bytes(token.bytes).decode() == token.token for token in tokens)
    assert all(len(token.top_logprobs) == 2 and token.logprob == token.top_logprobs[0].logprob <= 0 for token in tokens)


def test_a_bias_bans_and_forces_tokens(plain: OpenAI) -> None:
    from localft.tokenization.loading import load_chat_tokenizer

    tokenizer = load_chat_tokenizer(resolve_model(MODEL))
    canberra, sydney = tokenizer.encode(" Canberra").ids[0], tokenizer.encode(" Sydney").ids[0]
    answer = plain.chat.completions.create(
        model=MODEL, messages=QUESTION, temperature=0, logit_bias={str(canberra): -100, str(sydney): 0}
    )
    assert "Canberra" not in (answer.choices[0].message.content or "")


def test_a_fine_tuned_model_answers_beside_its_base(plain: OpenAI) -> None:
    asked: Any = {"messages": [{"role": "user", "content": "Who are you?"}], "temperature": 0, "max_tokens": 20}
    tuned = plain.chat.completions.create(model="tuned", **asked)
    base = plain.chat.completions.create(model=MODEL, **asked)
    assert tuned.choices[0].message.content == "I am 🙂 tuned."
    assert base.choices[0].message.content != "I am 🙂 tuned."
    chunks = plain.chat.completions.create(model="tuned", stream=True, **asked)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(pieces) == "I am 🙂 tuned."
    assert not any("\ufffd" in piece for piece in pieces)


# --- tools


def test_a_call_comes_back_as_a_call_and_its_result_is_answered(plain: OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "Weather in Paris?"}]
    first = plain.chat.completions.create(model="tuned", messages=messages, tools=TOOLS, temperature=0, max_tokens=60)
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    (made,) = choice.message.tool_calls
    assert made.type == "function"
    assert (made.function.name, json.loads(made.function.arguments)) == ("get_weather", {"city": "Paris"})
    messages += [choice.message, {"role": "tool", "tool_call_id": made.id, "content": "18 degrees"}]
    second = plain.chat.completions.create(model="tuned", messages=messages, tools=TOOLS, temperature=0, max_tokens=20)
    assert second.choices[0].message.content == "It is 18."


def test_parallel_calls_are_streamed_in_pieces(plain: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Weather and time?"}]
    stream = plain.chat.completions.create(model="tuned", messages=messages, tools=TOOLS, temperature=0, stream=True)
    text, calls, reason, pieces = "", [], None, 0
    for chunk in stream:
        delta = chunk.choices[0].delta
        text += delta.content or ""
        for piece in delta.tool_calls or ():
            assert piece.function is not None
            pieces += 1
            if piece.id is not None:
                assert (piece.index, piece.type) == (len(calls), "function")
                calls.append([piece.function.name, ""])
            calls[piece.index][1] += piece.function.arguments or ""
        reason = chunk.choices[0].finish_reason or reason
    assert text == "I look."
    assert [(name, json.loads(arguments)) for name, arguments in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"zone": "CET"}),
    ]
    assert (reason, pieces > 4) == ("tool_calls", True)


def test_without_parallel_calls_only_the_first_one_is_made(plain: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Weather and time?"}]
    answer = plain.chat.completions.create(
        model="tuned", messages=messages, tools=TOOLS, temperature=0, parallel_tool_calls=False
    )
    assert len(answer.choices[0].message.tool_calls or ()) == 1
    assert answer.choices[0].finish_reason == "tool_calls"


def test_tool_choice_none_makes_no_call(plain: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Weather in Paris?"}]
    answer = plain.chat.completions.create(
        model="tuned", messages=messages, tools=TOOLS, tool_choice="none", temperature=0, max_tokens=20
    )
    assert answer.choices[0].message.tool_calls is None


# --- refusals

IMAGE = {"type": "image_url", "image_url": {"url": "x"}}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content[0]", "image_url"),
    ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role", "expected one of system"),
    ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "no"}]}, "messages[0].tool_call_id", "earlier tool call"),
    ({"messages": []}, "messages", ""),
    ({"messages": [{"role": "user", "content": "word " * 3000}]}, "messages", "1024 tokens, and the prompt has"),
    ({"tool_choice": "required", "tools": TOOLS}, "tool_choice", "cannot be forced"),
    ({"tool_choice": {"type": "function", "function": {"name": "get_time"}}, "tools": TOOLS}, "tool_choice", "cannot be forced"),
    ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name", "1 to 64"),
    ({"response_format": {"type": "json_object"}}, "response_format.type", "text"),
    ({"functions": [{"name": "f"}]}, "functions", "became tools"),
    ({"top_logprobs": 3}, "top_logprobs", "with logprobs true only"),
    ({"top_logprobs": 30, "logprobs": True}, "top_logprobs", "20"),
    ({"temperature": 3}, "temperature", "2"),
    ({"n": 0}, "n", "1"),
    ({"max_tokens": True}, "max_tokens", ""),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", ""),
    ({"logit_bias": {"x": 1}}, "logit_bias", "token ids"),
    ({"logit_bias": {"999999": 1}}, "logit_bias", "4096"),
    ({"store": True}, "store", "False"),
    ({"extra_body": {"foo": 1}}, "foo", ""),
    ({"extra_body": {"stream_options": {"include_usage": True}}}, "stream_options", "stream true only"),
    ({"reasoning_effort": "low"}, "reasoning_effort", "no effort"),
    ({"modalities": ["audio"]}, "modalities[0]", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "param", "words"), WRONG, ids=lambda value: str(value)[:40])
def test_what_is_wrong_or_cannot_be_done_is_a_400_that_names_the_field(
    plain: OpenAI, wrong: dict[str, Any], param: str, words: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        plain.chat.completions.create(**{"model": MODEL, "messages": QUESTION, **wrong})
    assert caught.value.param is not None
    assert caught.value.param.startswith(param)
    assert words in caught.value.message


def test_a_request_that_is_refused_is_no_stream(plain: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="1024 tokens"):
        plain.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "word " * 3000}], stream=True)


def test_what_changes_nothing_is_taken(plain: OpenAI) -> None:
    answer = plain.chat.completions.create(
        model=MODEL, messages=QUESTION, temperature=0, user="me", metadata={"a": "b"}, store=False, service_tier="auto",
        safety_identifier="x", prompt_cache_key="y", response_format={"type": "text"}, modalities=["text"], tools=[],
    )  # fmt: skip
    assert answer.choices[0].finish_reason == "stop"


def test_an_unknown_model_is_a_404_that_names_the_nearest(plain: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean localft/tiny-base"):
        plain.chat.completions.create(model="localft/tiny-bse", messages=QUESTION)


def test_a_text_is_gone_on_with(plain: OpenAI) -> None:
    answer = plain.completions.create(model=MODEL, prompt="The capital of Australia is", max_tokens=2, temperature=0)
    assert answer.object == "text_completion"
    assert answer.choices[0].finish_reason == "length"
    chunks = plain.completions.create(
        model=MODEL, prompt="The capital of Australia is", max_tokens=2, temperature=0, stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text


# --- responses


def test_a_response_is_given_whole(client: OpenAI) -> None:
    if isinstance(client, AzureOpenAI) and client._azure_deployment:
        pytest.skip("the client asks for responses of the same kind with and without a deployment")
    answer = client.responses.create(
        model=MODEL, input="What is the capital of Australia?", temperature=0, instructions="Be brief."
    )
    assert "Canberra" in answer.output_text
    assert (answer.object, answer.status, answer.error, answer.instructions) == (
        "response",
        "completed",
        None,
        "Be brief.",
    )
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_a_response_is_streamed_as_events_in_order(plain: OpenAI) -> None:
    with plain.responses.stream(model=MODEL, input="What is the capital of Australia?", temperature=0) as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.output_text == "The capital of Australia is Canberra."


def test_a_response_that_is_cut_says_so(plain: OpenAI) -> None:
    answer = plain.responses.create(
        model=MODEL, input=[{"role": "user", "content": "What is the capital of Australia?"}], max_output_tokens=3
    )
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_calls_functions_and_takes_their_results(plain: OpenAI, stream: bool) -> None:
    tools: Any = [{"type": "function", **tool["function"], "strict": None} for tool in TOOLS]
    items: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": "Weather in Paris?"}]}]
    asked: Any = {"model": "tuned", "tools": tools, "temperature": 0, "max_output_tokens": 60}
    if stream:
        with plain.responses.stream(input=items, **asked) as events:
            kinds = [event.type for event in events]
            first = events.get_final_response()
        assert "response.function_call_arguments.delta" in kinds
        assert "response.function_call_arguments.done" in kinds
    else:
        first = plain.responses.create(input=items, **asked)
    (made,) = first.output
    assert made.type == "function_call"
    assert (made.name, json.loads(made.arguments)) == ("get_weather", {"city": "Paris"})
    sent_back = [item.model_dump(exclude={"parsed_arguments"}) for item in first.output]
    items += [*sent_back, {"type": "function_call_output", "call_id": made.call_id, "output": "18 degrees"}]
    assert plain.responses.create(input=items, **asked).output_text == "It is 18."


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"store": True}, "store"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"reasoning": {"effort": "low"}}, "reasoning"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"type": ["x"], "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": ["x"]}]}]}, "input[0].content[0]"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"extra_body": {"foo": 1}}, "foo"),
    ],
    ids=str,
)
def test_what_a_response_cannot_do_is_a_400_that_names_the_field(
    plain: OpenAI, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        plain.responses.create(**{"model": MODEL, "input": "Hi", **wrong})
    assert (caught.value.param or "").startswith(param)


# --- when it goes wrong


def test_a_caller_who_goes_away_is_not_computed_for(address: str, plain: OpenAI) -> None:
    plain.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=1)
    from localft.api.routes import chat as routes

    assert routes is not None
    body = {
        "model": MODEL,
        "messages": QUESTION,
        "temperature": 2,
        "n": 16,
        "logit_bias": {"4": -100},
        "max_tokens": 900,
    }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for stream in (False, True):
        try:
            with httpx.stream(
                "POST", f"{address}/v1/chat/completions", json={**body, "stream": stream}, headers=headers, timeout=1.0
            ) as answer:
                for _ in answer.iter_lines():
                    break
        except httpx.TimeoutException:
            pass
    started = time.monotonic()
    plain.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    assert time.monotonic() - started < 20, "an answer behind two that nobody waits for is not waited for"
