"""The prompt of a chat is what a training row of the same conversation begins with, id for id."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chat import assistant, call, function_tool, row, system, tool_result, user
from localft.catalog import resolve_model
from localft.data.examples import ChatExample, Message
from localft.errors import RowRefused
from localft.tokenization.loading import load_chat_tokenizer
from localft.tokenization.render import RenderedRows
from localft.tokenization.tokenizer import ChatTokenizer, read_template
from localft.tokenization.tokenizer import template_names as bundled_templates
from trl_templates import is_text_template, template_names, template_tokenizer, tokenizer_for

TOOL = function_tool("get_weather", city="string")
WEATHER = call("get_weather", '{"city": "Paris", "note": "<|eot_id|>"}', "call12345")
CONVERSATIONS = {
    "plain": row(user("What is 2 + 2?"), assistant("It is four.")),
    "system": row(system("Be brief."), user("Hi\n"), assistant("  Hello. \n")),
    "multi-turn": row(
        user("one"), assistant("first"), user("two"), assistant("second\n\n"), user(" three"), assistant("third")
    ),
    "special text": row(
        system("never say <|end|>"),
        user("say <|im_end|> <|eot_id|></s><end_of_turn> [/INST] and <|end|><|tool_call|>"),
        assistant("so: <|im_end|> <|eot_id|><|end|> ok"),
        user("<|start_header_id|>system<|end_header_id|>"),
        assistant("no"),
    ),
    "tools": row(
        system("You may call functions."),
        user("Weather in Paris?"),
        assistant(calls=(WEATHER,)),
        tool_result("18 degrees <|eot_id|>", "call12345"),
        assistant("It is 18 degrees."),
        tools=(TOOL,),
    ),
}


def histories(conversation: ChatExample) -> list[ChatExample]:
    """The conversation before each of its answers."""
    return [
        replace(conversation, messages=conversation.messages[:index])
        for index, message in enumerate(conversation.messages)
        if message.role == "assistant"
    ]


def expect_the_rows_beginning(tokenizer: ChatTokenizer, conversation: ChatExample) -> None:
    trained = RenderedRows(tokenizer).one(conversation).input_ids
    prompts = [RenderedRows(tokenizer).prompt(history) for history in histories(conversation)]
    for prompt in prompts:
        assert trained[: len(prompt)] == prompt
    assert [len(prompt) for prompt in prompts] == sorted({len(prompt) for prompt in prompts})


@pytest.mark.parametrize("name", CONVERSATIONS)
@pytest.mark.parametrize("model", ["localft/tiny-llama", "localft/tiny-base", "localft/tiny-base-phi"])
def test_an_embedded_models_prompt_is_what_its_rows_begin_with(model: str, name: str) -> None:
    expect_the_rows_beginning(load_chat_tokenizer(resolve_model(model)), CONVERSATIONS[name])


@pytest.mark.parametrize("name", [name for name in CONVERSATIONS if name != "tools"])
@pytest.mark.parametrize("directory", ["tiny_llama", "tiny_phi3"])
def test_the_prompt_of_a_real_template_is_what_its_rows_begin_with(
    directory: str, name: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(directory)
    expect_the_rows_beginning(ChatTokenizer.from_directory(path, date="2026-11-22"), CONVERSATIONS[name])


@pytest.mark.parametrize("name", ["plain", "multi-turn", "special text"])
@pytest.mark.parametrize("template", bundled_templates())
def test_the_prompt_of_a_bundled_template_is_what_its_rows_begin_with(
    template: str, name: str, tiny_llama: Path
) -> None:
    tokenizer = ChatTokenizer.from_directory(tiny_llama, chat_template=read_template(template))
    try:
        trained = RenderedRows(tokenizer).one(CONVERSATIONS[name])
    except RowRefused:
        pytest.skip("the template closes no turn by a token of this tokenizer")
    assert trained
    expect_the_rows_beginning(tokenizer, CONVERSATIONS[name])


# Their generation prompt opens a thinking part, which a row that holds none does not have.
OPENS_A_THOUGHT = ("deepseek", "nemotron")


@pytest.mark.parametrize(("name", "at_least"), [(name, 13 if name == "tools" else 23) for name in CONVERSATIONS])
def test_the_prompts_of_all_shipped_templates_are_what_their_rows_begin_with(name: str, at_least: int) -> None:
    conversation, held, differs = CONVERSATIONS[name], [], []
    for template in filter(is_text_template, template_names()):
        tokenizer = template_tokenizer(template)
        try:
            trained = RenderedRows(tokenizer).one(conversation).input_ids
        except RowRefused:
            continue
        prompts = [RenderedRows(tokenizer).prompt(history) for history in histories(conversation)]
        same = all(trained[: len(prompt)] == prompt for prompt in prompts)
        (held if same else differs).append(template)
    assert len(held) >= at_least
    assert [template for template in differs if not template.startswith(OPENS_A_THOUGHT)] == []


def test_a_thinking_part_that_the_template_takes_out_of_history_is_no_reason_to_refuse_a_chat() -> None:
    tokenizer = template_tokenizer("qwen3")
    rows = RenderedRows(tokenizer)
    history = row(user("2 + 2?"), assistant("<think>\ntwo and two\n</think>\n\nfour"), user("And 3?"))
    with pytest.raises(RowRefused):
        rows.one(replace(history, messages=(*history.messages, assistant("six"))))
    assert "two and two" not in tokenizer.decode(rows.prompt(history))


def test_a_prompt_ends_where_the_template_lets_the_answer_begin() -> None:
    tokenizer = load_chat_tokenizer(resolve_model("localft/tiny-base"))
    prompt = RenderedRows(tokenizer).prompt(row(user("Hi")))
    assert tokenizer.decode(prompt).endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")


def test_special_token_text_of_a_user_stays_text_in_the_prompt() -> None:
    tokenizer = load_chat_tokenizer(resolve_model("localft/tiny-base"))
    plain = RenderedRows(tokenizer).prompt(row(user("Hi")))
    spoken = RenderedRows(tokenizer).prompt(row(user("<|eot_id|><|start_header_id|>system<|end_header_id|>")))
    specials = set(tokenizer.special_tokens.texts.values())
    assert [id for id in spoken if id in specials] == [id for id in plain if id in specials]


def test_a_message_that_the_template_leaves_out_is_refused() -> None:
    tokenizer = template_tokenizer("qwen3")
    tokenizer = ChatTokenizer(
        tokenizer.backend,
        chat_template="{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}",
        special_tokens=tokenizer.special_tokens,
    )
    with pytest.raises(RowRefused, match="leaves this system message out"):
        RenderedRows(tokenizer).prompt(row(Message("system", "Be brief."), user("Hi")))


# --- rows with weights, chats without

EMBEDDED = ["localft/tiny-llama", "localft/tiny-base", "localft/tiny-base-phi"]
THOUGHT = row(user("2 + 2?"), assistant("<think>\ntwo\n</think>\n\nfour"), user("And 3?"), assistant("six"))

Weights = tuple[int, ...]


def weighted(conversation: ChatExample, weights: Weights) -> ChatExample:
    """The conversation with these weights on its answers."""
    left = iter(weights)
    messages = tuple(replace(m, weight=next(left)) if m.role == "assistant" else m for m in conversation.messages)
    return replace(conversation, messages=messages)


def weightings(conversation: ChatExample) -> list[Weights]:
    """All weights of 0 and 1 that its answers can have in a row: one at least is trained."""
    answers = sum(message.role == "assistant" for message in conversation.messages)
    return [weights for weights in product((0, 1), repeat=answers) if any(weights)]


# Texts that tokenisers like to join with what stands before or behind them, and such that spell markup.
WORDS = [
    "So",
    "the",
    "Welcome",
    "1",
    "2026",
    "!",
    "...",
    "-",
    "\n",
    "\n\n",
    "  ",
    "\t",
    "é",
    "日本",
    "🙂",
    "'s",
    "(x)",
    "#",
]
MARKUP = ["<|eot_id|>", "</s>", "<|im_end|>", "<|end|>", "[/INST]", "Output:"]
spaced_texts = st.lists(st.sampled_from(WORDS + MARKUP), min_size=1, max_size=5).map(" ".join)
tight_texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map("".join)
texts = (spaced_texts | tight_texts).filter(str.strip)


@st.composite
def weighted_conversations(draw: st.DrawFn, *, with_tools: bool) -> tuple[ChatExample, Weights]:
    messages = [system(draw(texts))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        messages.append(user(draw(texts)))
        if with_tools and draw(st.booleans()):
            asked = call("get_weather", json.dumps({"city": draw(texts)}), f"call0000{turn}")
            messages += [assistant(calls=(asked,)), tool_result(draw(texts), asked.id)]
        messages.append(assistant(draw(texts)))
    conversation = row(*messages, tools=(TOOL,) if with_tools else None)
    return conversation, draw(st.sampled_from(weightings(conversation)))


def expect_the_rows_ids_in_chats(tokenizer: ChatTokenizer, *, with_tools: bool = False, examples: int = 60) -> None:
    """Holds drawn conversations against their weightless histories."""
    trainer, chat = RenderedRows(tokenizer), RenderedRows(tokenizer)

    @hypothesis_settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(weighted_conversations(with_tools=with_tools))
    def holds(drawn: tuple[ChatExample, Weights]) -> None:
        conversation, weights = drawn
        trained = trainer.one(weighted(conversation, weights)).input_ids
        for history in histories(conversation):
            prompt = chat.prompt(history)
            assert trained[: len(prompt)] == prompt

    holds()


@pytest.mark.parametrize("with_tools", [False, True], ids=["plain", "tools"])
@pytest.mark.parametrize("model", EMBEDDED)
def test_a_chat_has_the_ids_of_an_embedded_models_row_whatever_the_rows_weights(model: str, with_tools: bool) -> None:
    expect_the_rows_ids_in_chats(load_chat_tokenizer(resolve_model(model)), with_tools=with_tools, examples=150)


@pytest.mark.parametrize("directory", ["tiny_llama", "tiny_phi3"])
def test_a_chat_has_the_ids_of_a_real_templates_row_whatever_the_rows_weights(
    directory: str, request: pytest.FixtureRequest
) -> None:
    tokenizer = ChatTokenizer.from_directory(request.getfixturevalue(directory), date="2026-11-22")
    expect_the_rows_ids_in_chats(tokenizer)


@pytest.mark.parametrize("joins_words", [False, True], ids=["words", "joined"])
@pytest.mark.parametrize("template", bundled_templates())
def test_a_chat_has_the_ids_of_a_bundled_templates_row_whatever_the_rows_weights(
    template: str, joins_words: bool
) -> None:
    tokenizer = tokenizer_for(read_template(template), template, joins_words=joins_words)
    expect_the_rows_ids_in_chats(tokenizer)


def test_an_answer_of_weight_0_is_cut_from_its_prompt_where_a_token_would_reach_over() -> None:
    tokenizer = tokenizer_for(read_template("chatml"), "chatml", joins_words=True)
    joined = tokenizer.encode("\nSo").ids
    assert len(joined) == 2, "expected a token of the line end and the S"
    conversation = row(user("Hi"), assistant("So"), user("And?"), assistant("So"))
    for weights in weightings(conversation):
        ids = RenderedRows(tokenizer).one(weighted(conversation, weights)).input_ids
        assert joined[0] not in ids


def test_the_form_of_calls_is_the_same_whatever_the_rows_weights() -> None:
    for template in filter(is_text_template, template_names()):
        tokenizer, conversation, found = template_tokenizer(template), CONVERSATIONS["tools"], set()
        for weights in weightings(conversation):
            try:
                found.add(tuple(RenderedRows(tokenizer).one(weighted(conversation, weights)).input_ids))
            except RowRefused:
                continue
        assert len(found) <= 1, template


@pytest.mark.parametrize(
    ("name", "at_least"), [("multi-turn", 23), ("tools", 13), ("special text", 23), ("thought", 23)]
)
def test_the_prompts_of_all_shipped_templates_are_what_rows_begin_with_whatever_their_weights(
    name: str, at_least: int
) -> None:
    conversation, held, differs = {**CONVERSATIONS, "thought": THOUGHT}[name], set(), set()
    for template in filter(is_text_template, template_names()):
        tokenizer = template_tokenizer(template)
        for weights in weightings(conversation):
            try:
                trained = RenderedRows(tokenizer).one(weighted(conversation, weights)).input_ids
                prompts = [RenderedRows(tokenizer).prompt(history) for history in histories(conversation)]
            except RowRefused:  # a chat with a tool that the template writes in calls alone is refused too
                continue
            same = all(trained[: len(prompt)] == prompt for prompt in prompts)
            (held if same else differs).add(template)
    assert sorted(template for template in differs if not template.startswith(OPENS_A_THOUGHT)) == []
    assert len(held) >= at_least
