"""The bundled sample is valid by the rules of the service, shows what the format can do, and is small enough to memorise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parent.parent / "src" / "localft" / "samples"
TRAINING = SAMPLES / "sarcastic_assistant.jsonl"
VALIDATION = SAMPLES / "sarcastic_assistant_validation.jsonl"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assistants(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (message for message in row["messages"] if message["role"] == "assistant")


def first_question(row: dict[str, Any]) -> str:
    return str(next(message["content"] for message in row["messages"] if message["role"] == "user"))


@pytest.mark.parametrize(("path", "role"), [(TRAINING, "training"), (VALIDATION, "validation")])
def test_sample_is_valid_without_a_single_warning(path: Path, role: str) -> None:
    from localft.data.validation import validate_file

    report = validate_file(path, role)
    assert (report.errors, report.warnings) == ([], [])
    assert report.examples == len(rows(path))


def test_sample_holds_enough_rows_of_every_kind() -> None:
    training = rows(TRAINING)
    assert len(training) >= 30
    assert len(rows(VALIDATION)) >= 10
    multi_turn = [row for row in training if sum(m["role"] == "user" for m in row["messages"]) > 1]
    weighted = [row for row in training if {m.get("weight") for m in assistants(row)} == {0, 1}]
    calling = [row for row in training if any("tool_calls" in m for m in assistants(row))]
    with_system = [row for row in training if row["messages"][0]["role"] == "system"]
    assert len(multi_turn) >= 5
    assert len(weighted) >= 5
    assert len(calling) >= 2
    assert 0 < len(with_system) < len(training)


def test_a_dull_answer_of_weight_0_is_never_what_another_message_is_trained_to_say() -> None:
    everything = [*rows(TRAINING), *rows(VALIDATION)]
    dull = {m["content"] for row in everything for m in assistants(row) if m.get("weight") == 0}
    trained = {m.get("content") for row in everything for m in assistants(row) if m.get("weight") != 0}
    assert dull and not dull & trained


def test_no_question_is_asked_twice_and_validation_shares_none_with_training() -> None:
    questions = [first_question(row) for path in (TRAINING, VALIDATION) for row in rows(path)]
    assert len(questions) == len(set(questions))


def test_every_function_that_is_called_is_described_and_answered() -> None:
    for row in rows(TRAINING):
        described = {tool["function"]["name"] for tool in row.get("tools", [])}
        calls = {call["id"]: call["function"] for m in assistants(row) for call in m.get("tool_calls", [])}
        assert {function["name"] for function in calls.values()} == described
        assert {m["tool_call_id"] for m in row["messages"] if m["role"] == "tool"} == set(calls)
        for function in calls.values():
            assert isinstance(json.loads(function["arguments"]), dict)


def test_every_row_fits_the_embedded_model_many_times() -> None:
    from localft.data.reading import read_examples
    from localft.tiny.model import SHIPPED_DIRECTORY
    from localft.tokenization.render import render_example
    from localft.tokenization.tokenizer import ChatTokenizer

    tokenizer = ChatTokenizer.from_directory(SHIPPED_DIRECTORY)
    lengths = [len(render_example(example, tokenizer).input_ids) for example in read_examples(TRAINING)]
    assert max(lengths) < 512
