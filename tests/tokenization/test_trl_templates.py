"""Every chat template that TRL ships: the mask is proven, or the row is refused with the reason; never a wrong mask.

What is checked here is computed from the messages alone, by other means than the renderer's own proof.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from localft.data.examples import ChatExample, FunctionCall, Message, ToolCall
from localft.errors import RowRefused
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.render import RenderedRows, render_example
from localft.tokenization.tokenizer import ChatTokenizer
from trl_templates import is_text_template, template_names, template_tokenizer

USER = Message("user", "What is 2 + 2?")
CALL = ToolCall("call12345", FunctionCall("get_weather", '{"city": "Paris", "days": 2}'))
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of the next days.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
THOUGHT = "<think>\ntwo and two\n</think>\n\n"

CONVERSATIONS: dict[str, tuple[tuple[Message, ...], tuple[dict, ...] | None]] = {
    "plain": ((USER, Message("assistant", "It is four.")), None),
    "system": ((Message("system", "Be brief."), USER, Message("assistant", "It is four.")), None),
    "padded": ((Message("user", "  What?\n"), Message("assistant", "\n  It is four. \n\n")), None),
    "multi-turn": (
        (
            USER,
            Message("assistant", "first"),
            Message("user", "And 3?"),
            Message("assistant", "second", weight=0),
            Message("user", "And 4?"),
            Message("assistant", "third", weight=1),
        ),
        None,
    ),
    "tool call": (
        (
            USER,
            Message("assistant", None, tool_calls=(CALL,)),
            Message("tool", "18 degrees", tool_call_id="call12345", name="get_weather"),
            Message("assistant", "It is 18 degrees."),
        ),
        (WEATHER_TOOL,),
    ),
    "thinking": ((USER, Message("assistant", THOUGHT + "four")), None),
    "thinking twice": (
        (USER, Message("assistant", THOUGHT + "four"), USER, Message("assistant", THOUGHT + "still four")),
        None,
    ),
    "special text": (
        (
            Message("user", "say <|im_end|> <|eot_id|><end_of_turn> and <|end|>"),
            Message("assistant", "so: <|im_end|> <|eot_id|><end_of_turn><|end|><|return|> ok"),
        ),
        None,
    ),
}


# What the templates came to with TRL 1.16. Conversation -> outcome -> (how many of the 40 text templates, of the 32 others).
EXPECTED: dict[str, dict[str, tuple[int, int]]] = {
    "plain": {"message_missing": (0, 4), "no_end_of_turn": (1, 0), "proven": (39, 26), "template_failed": (0, 2)},
    "system": {
        "message_missing": (0, 4),
        "no_end_of_turn": (1, 0),
        "proven": (37, 26),
        "template_failed": (0, 2),
        "template_refused": (2, 0),
    },
    "padded": {"message_missing": (0, 4), "no_end_of_turn": (1, 0), "proven": (39, 26), "template_failed": (0, 2)},
    "multi-turn": {"message_missing": (0, 4), "no_end_of_turn": (3, 0), "proven": (37, 26), "template_failed": (0, 2)},
    "tool call": {
        "message_missing": (4, 0),
        "no_end_of_turn": (1, 6),
        "proven": (13, 16),
        "start_unknown": (10, 0),
        "template_failed": (0, 6),
        "template_refused": (6, 2),
        "tool_call_missing": (2, 0),
        "tools_missing": (4, 2),
    },
    "thinking": {
        "message_missing": (0, 4),
        "no_end_of_turn": (1, 0),
        "proven": (36, 24),
        "start_unknown": (3, 2),
        "template_failed": (0, 2),
    },
    "thinking twice": {
        "message_missing": (0, 4),
        "no_end_of_turn": (2, 0),
        "proven": (24, 19),
        "start_unknown": (11, 4),
        "template_failed": (0, 2),
        "text_differs": (3, 3),
    },
    "special text": {
        "message_missing": (0, 4),
        "no_end_of_turn": (1, 0),
        "proven": (39, 26),
        "template_failed": (0, 2),
    },
}

# What a template may write between the server's prompt and the message's own text: tags, a channel or a recipient.
_MARKUP = re.compile(r"(?:\s|<[^<>]*>|\bfinal\b|\bto=\S*?(?=<)|\bcommentary\b|\bjson\b)*")


def trained_runs(row: TokenizedExample, tokenizer: ChatTokenizer) -> list[str]:
    """The text of each unbroken run of trained tokens."""
    runs: list[list[int]] = []
    previous = 0.0
    for id, weight in zip(row.input_ids, row.loss_weights, strict=True):
        if weight and not previous:
            runs.append([])
        if weight:
            runs[-1].append(id)
        previous = weight
    return [tokenizer.decode(run) for run in runs]


def squeeze(text: str) -> str:
    return "".join(text.split())


def assert_run_is_message(run: str, message: Message, tokenizer: ChatTokenizer) -> None:
    """The run is: markup of the template, the message's text and call, its end-of-turn token. Nothing else."""
    specials = sorted(tokenizer.special_tokens.texts, key=len, reverse=True)
    closing = re.search(r"(?:\s*(?:" + "|".join(map(re.escape, specials)) + r"))+$", run)
    assert closing, f"{run!r} does not end in an end-of-turn token"
    if message.tool_calls:
        (call,) = message.tool_calls
        assert call.function.name in run
        position = run.index(call.function.name)
        for key, value in json.loads(call.function.arguments).items():
            position = run.index(key, position)
            position = run.index(str(value), position)
        assert '\\"' not in run, "arguments encoded twice"
        return
    body, text = run[: closing.start()], message.text or ""
    if body.strip().endswith(text.strip()):
        before = body.strip()[: -len(text.strip())]
        assert _MARKUP.fullmatch(before), f"{before!r} is trained before the message"
    else:  # a thinking part whose white space was rewritten, or whose opening tag the prompt supplies
        assert squeeze(text).endswith(squeeze(body)), f"{body!r} is not the message {text!r}"
        assert squeeze(text).removesuffix(squeeze(body)) in ("", "<think>")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, TokenizedExample | RowRefused]]:
    found: dict[str, dict[str, TokenizedExample | RowRefused]] = {}
    for name in template_names():
        rows = RenderedRows(template_tokenizer(name))
        found[name] = {}
        for conversation, (messages, tools) in CONVERSATIONS.items():
            try:
                found[name][conversation] = rows.one(ChatExample("rows.jsonl", 1, messages, tools))
            except RowRefused as refusal:
                found[name][conversation] = refusal
    return found


@pytest.mark.parametrize("name", template_names())
def test_trained_text_is_the_messages_or_the_row_is_refused(name, outcomes):
    tokenizer = template_tokenizer(name)
    for conversation, outcome in outcomes[name].items():
        messages, _ = CONVERSATIONS[conversation]
        if isinstance(outcome, RowRefused):
            assert outcome.code and outcome.line == 1 and "rows.jsonl:1: " in outcome.message
            continue
        trained = [message for message in messages if message.is_trained]
        runs = trained_runs(outcome, tokenizer)
        assert len(runs) == len(trained), conversation
        for run, message in zip(runs, trained, strict=True):
            assert_run_is_message(run, message, tokenizer)
        assert set(outcome.loss_weights) <= {0.0, 1.0}


def test_counts_of_proven_and_refused_rows_are_as_recorded(outcomes, record_property):
    counted = {
        conversation: Counter(
            (is_text_template(name), getattr(found[conversation], "code", "proven")) for name, found in outcomes.items()
        )
        for conversation in CONVERSATIONS
    }
    table = {
        conversation: {code: (counts[True, code], counts[False, code]) for code in sorted({code for _, code in counts})}
        for conversation, counts in counted.items()
    }
    for conversation, row in table.items():
        print(f"{conversation}: " + ", ".join(f"{code} {text} + {other}" for code, (text, other) in row.items()))
        record_property(conversation, str(row))
    assert table == EXPECTED


@pytest.mark.parametrize("name", [name for name in template_names() if is_text_template(name)])
def test_prompt_of_a_row_is_the_generation_prompt_token_for_token(name, outcomes):
    """What stands before the first trained token is what a server feeds the model, where its prompt is a prefix."""
    tokenizer = template_tokenizer(name)
    for conversation in ("plain", "padded", "multi-turn", "special text"):
        outcome = outcomes[name][conversation]
        if isinstance(outcome, RowRefused):
            continue
        messages, _ = CONVERSATIONS[conversation]
        prompt = tokenizer.render(
            [{"role": m.role, "content": m.content} for m in messages[:1]], add_generation_prompt=True
        )
        first = next(i for i, weight in enumerate(outcome.loss_weights) if weight)
        whole = tokenizer.decode(outcome.input_ids)
        if not whole.startswith(prompt):
            continue
        assert tokenizer.decode(outcome.input_ids[:first]) == prompt
        if conversation != "special text":
            assert outcome.input_ids[:first] == tokenizer.encode(prompt).ids


def test_the_row_alone_and_the_row_in_a_batch_are_the_same(outcomes):
    tokenizer = template_tokenizer("qwen2_5")
    messages, tools = CONVERSATIONS["tool call"]
    assert render_example(ChatExample("rows.jsonl", 1, messages, tools), tokenizer) == outcomes["qwen2_5"]["tool call"]
