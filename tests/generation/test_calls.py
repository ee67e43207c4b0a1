"""Tool calls are read by the form that the template itself writes, whatever pieces the text comes in."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

import pytest

from chat import assistant, call, function_tool, row, user
from localft.catalog import resolve_model
from localft.errors import RowRefused
from localft.generation.calls import CallReader
from localft.generation.transcript import mark, visible
from localft.tokenization.call_form import CallForm, learn_call_form
from localft.tokenization.loading import load_chat_tokenizer
from localft.tokenization.render import RenderedRows
from localft.tokenization.tokenizer import ChatTokenizer
from trl_templates import is_text_template, template_names, template_tokenizer

NAMES = {"get_weather", "get_time"}
TOOLS = (function_tool("get_weather", city="string"), function_tool("get_time", zone="string"))
PARIS = call("get_weather", '{"city": "Paris \\"} {\\" x", "days": [1, {"a": 2}]}', "callAAAA1")
TIME = call("get_time", '{"zone": "CET"}', "callBBBB2")


def marked_form(tokenizer: ChatTokenizer) -> CallForm | None:
    form = learn_call_form(RenderedRows(tokenizer))
    if form is None:
        return None
    between = None if form.between is None else mark(form.between, tokenizer)
    return replace(form, before=mark(form.before, tokenizer), middle=mark(form.middle, tokenizer), between=between)


def written_answer(tokenizer: ChatTokenizer, *calls, text: str | None = None) -> str:
    """What a model writes that was trained on this answer, up to its end of turn."""
    rows = RenderedRows(tokenizer)
    example = row(user("Do it."), assistant(text, calls=calls), tools=TOOLS)
    trained = rows.one(example)
    prompt = rows.prompt(row(user("Do it."), tools=TOOLS))
    ids = [id for id, weight in zip(trained.input_ids, trained.loss_weights, strict=True) if weight]
    assert trained.input_ids[: len(prompt)] == prompt
    while ids and ids[-1] in rows.stop_ids:
        ids.pop()
    return mark(tokenizer.decode(ids), tokenizer)


def read(form: CallForm, answer: str, size: int, *, parallel: bool = True) -> tuple[str, list[tuple[str, str]]]:
    numbers = count()
    reader = CallReader(form, NAMES, parallel=parallel, new_id=lambda: f"id{next(numbers)}")
    text, calls = "", []
    pieces = [reader.feed(answer[at : at + size]) for at in range(0, len(answer), size)] + [reader.finish()]
    for piece in pieces:
        text += piece.text
        for delta in piece.calls:
            if delta.name is not None:
                assert delta.id == f"id{delta.index}"
                calls.append((delta.name, delta.arguments))
            else:
                name, arguments = calls[delta.index]
                calls[delta.index] = (name, arguments + delta.arguments)
    return text, calls


def as_objects(calls: list[tuple[str, str]]) -> list[tuple[str, dict]]:
    return [(name, json.loads(arguments)) for name, arguments in calls]


def expected(*calls) -> list[tuple[str, dict]]:
    return [(one.function.name, json.loads(one.function.arguments)) for one in calls]


@pytest.fixture(scope="module")
def tiny() -> ChatTokenizer:
    return load_chat_tokenizer(resolve_model("localft/tiny-base"))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_call_a_text_before_it_and_a_second_call_are_read(tiny: ChatTokenizer, size: int) -> None:
    form = marked_form(tiny)
    assert form is not None
    answer = written_answer(tiny, PARIS, TIME, text="I will look.")
    text, calls = read(form, answer, size)
    assert (text, as_objects(calls)) == ("I will look.", expected(PARIS, TIME))
    assert calls[0][1] == json.dumps(json.loads(PARIS.function.arguments))


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_the_calls_of_every_shipped_template_that_writes_json_are_read(size: int) -> None:
    read_of = []
    for name in filter(is_text_template, template_names()):
        tokenizer = template_tokenizer(name)
        form = marked_form(tokenizer)
        if form is None:
            continue
        try:
            one = written_answer(tokenizer, PARIS)
        except (RowRefused, AssertionError):
            continue
        text, calls = read(form, one, size)
        assert (name, visible(text).strip(), as_objects(calls)) == (name, "", expected(PARIS))
        if form.between is not None:
            text, calls = read(form, written_answer(tokenizer, PARIS, TIME), size)
            assert (name, as_objects(calls)) == (name, expected(PARIS, TIME))
        read_of.append(name)
    assert {"qwen2_5", "qwen3", "llama3_1"} <= set(read_of), read_of
    assert len(read_of) >= 10, read_of


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_text_that_only_looks_like_a_call_is_text(tiny: ChatTokenizer, size: int) -> None:
    form = marked_form(tiny)
    assert form is not None
    for answer in ("2 < 3 and {braces}", '<|tool_call|>{"name": "get_weather", "arguments": {}}', "a\ufdd0b", "{"):
        assert read(form, answer, size) == (answer, [])


@pytest.mark.parametrize("size", [1, 1000])
def test_a_call_of_a_function_that_is_not_offered_is_text(tiny: ChatTokenizer, size: int) -> None:
    form = marked_form(tiny)
    assert form is not None
    text, calls = read(form, form.before + '{"name": "other", "arguments": {}}', size)
    assert calls == []
    assert '"other"' in text


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_another_order_of_keys_and_arguments_in_a_string_are_read(tiny: ChatTokenizer, size: int) -> None:
    form = marked_form(tiny)
    assert form is not None
    for body in (
        '{"arguments": {"zone": "CET"}, "name": "get_time"}',
        '{ "name" : "get_time", "arguments": "{\\"zone\\": \\"CET\\"}"}',
    ):
        assert as_objects(read(form, form.before + body, size)[1]) == expected(TIME)


def test_json_in_words_is_no_call_for_a_template_whose_calls_are_plain_json() -> None:
    form = marked_form(template_tokenizer("llama3_1"))
    assert form is not None
    assert not form.is_marked
    answer = 'Use {"name": "get_time", "parameters": {"zone": "CET"}} for it.'
    assert read(form, answer, 3) == (answer, [])
    assert read(form, '{"city": "Paris"}', 3) == ('{"city": "Paris"}', [])
    assert as_objects(read(form, '{"name": "get_time", "parameters": {"zone": "CET"}}', 3)[1]) == expected(TIME)


def test_without_parallel_calls_the_first_one_is_the_end(tiny: ChatTokenizer) -> None:
    form = marked_form(tiny)
    assert form is not None
    reader = CallReader(form, NAMES, parallel=False)
    first = written_answer(tiny, PARIS)
    reader.feed(first)
    assert reader.is_complete
    assert reader.feed(written_answer(tiny, TIME)).calls == ()


def test_a_call_that_is_cut_off_keeps_what_was_told_of_it(tiny: ChatTokenizer) -> None:
    form = marked_form(tiny)
    assert form is not None
    answer = written_answer(tiny, TIME)
    assert read(form, answer[:-5], 1)[1] == [("get_time", '{"zone": "C')]
    text, calls = read(form, answer[: len(form.before) + 8], 1)
    assert calls == []
    assert text == '{"name":'
