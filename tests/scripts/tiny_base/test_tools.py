"""Conversations with functions: valid rows, arguments from the user's words, answers from the function's result."""

from __future__ import annotations

import json
import random
import re
import string
from pathlib import Path
from typing import Any

import pytest

from localft.data.validation import validate_file
from tiny_base.tools import CURRENCIES, NO_TOOL, TOOLS, Tool, tool_conversation

CITIES = ("Paris", "Rome", "Lima", "New York", "São Paulo", "Oslo", "Tokyo")


def fields(wording: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


def drawn(count: int, **options: bool) -> list[dict[str, Any]]:
    rng = random.Random(5)
    return [tool_conversation(rng, CITIES, **options) for _ in range(count)]


def calls(row: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Each call with the place of its message."""
    return [(place, call) for place, m in enumerate(row["messages"]) for call in m.get("tool_calls", ())]


def each_tool() -> list[object]:
    return [pytest.param(tool, id=tool.name) for tool in TOOLS]


@pytest.mark.parametrize("held_out", [False, True])
def test_localft_finds_nothing_wrong_with_them(tmp_path: Path, held_out: bool) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in drawn(500, held_out=held_out)), "utf-8")
    report = validate_file(path)
    assert not report.errors
    assert {warning.code for warning in report.warnings} <= {"duplicate_rows"}


def test_a_seed_gives_the_same_conversations() -> None:
    assert drawn(100) == drawn(100)


@pytest.mark.parametrize("tool", each_tool())
def test_a_tool_has_enough_wordings_that_name_what_it_takes(tool: Tool) -> None:
    assert len(set(tool.requests)) == len(tool.requests) >= 10 and len(tool.held_out) >= 2
    assert not set(tool.requests) & set(tool.held_out)
    for wording in (*tool.requests, *tool.held_out):
        assert fields(wording) == set(tool.parameters), wording
    if tool.missing:
        assert not set(tool.missing.requests) & set(tool.missing.held_out)
        assert all(fields(reply) == set(tool.parameters) for reply in tool.missing.replies)


@pytest.mark.parametrize("tool", each_tool())
def test_an_answer_can_be_told_from_call_and_result(tool: Tool) -> None:
    rng = random.Random(1)
    values = tool.draw(rng, CITIES)
    result = tool.result(rng, values)
    for answer in tool.answers:
        assert fields(answer) <= values.keys() | result.keys(), answer
    assert not values.keys() & result.keys()


def test_arguments_stand_in_what_the_user_said() -> None:
    for row in drawn(1500):
        for place, call in calls(row):
            asked = next(m["content"] for m in reversed(row["messages"][:place]) if m["role"] == "user")
            for value in json.loads(call["function"]["arguments"]).values():
                assert str(value) in asked, row


def test_the_called_function_is_among_the_one_to_four_offered() -> None:
    offered_counts = set()
    for row in drawn(1500):
        offered = [tool["function"]["name"] for tool in row["tools"]]
        assert len(set(offered)) == len(offered)
        assert all(call["function"]["name"] in offered for _, call in calls(row))
        offered_counts.add(len(offered))
    assert offered_counts == {1, 2, 3, 4}


def test_numbers_of_an_answer_come_from_the_conversation() -> None:
    for row in drawn(1500):
        for place, _ in calls(row):
            request, _, result, answer = row["messages"][place - 1 : place + 3]
            for number in re.findall(r"\d+", answer["content"]):
                assert number in request["content"] + result["content"] or number in str(
                    row["messages"][: place + 2]
                ), row


def test_changed_money_keeps_its_worth() -> None:
    tool = next(tool for tool in TOOLS if tool.name == "convert_currency")
    rng = random.Random(6)
    for _ in range(500):
        values = tool.draw(rng, CITIES)
        converted = int(tool.result(rng, values)["converted"])
        exact = int(values["amount"]) * CURRENCIES[str(values["target"])] / CURRENCIES[str(values["source"])]
        assert converted >= 2 and abs(converted - exact) <= max(0.5, exact / 20), values


def test_functions_are_not_always_called_and_sometimes_asked_back_for() -> None:
    rows = drawn(1500)
    silent = [row for row in rows if not calls(row)]
    refused = [row for row in silent if row["messages"][-1]["content"] in NO_TOOL]
    asked_back = [row for row in rows if any(m["content"] in questions_back() for m in row["messages"])]
    assert 0.08 < len(silent) / len(rows) < 0.2
    assert 0.03 < len(refused) / len(rows) < 0.1
    assert 0.03 < len(asked_back) / len(rows) < 0.15


def questions_back() -> set[str]:
    return {question for tool in TOOLS if tool.missing for question in tool.missing.asks}


def test_held_out_wordings_are_drawn_only_where_told_to() -> None:
    patterns = [
        re.compile(".+".join(re.escape(part) for part in re.split(r"\{\w+\}", wording)))
        for tool in TOOLS
        for wording in (*tool.held_out, *(tool.missing.held_out if tool.missing else ()))
    ]

    def first_request(row: dict[str, Any]) -> str:
        return next(m["content"] for m in row["messages"] if m["role"] == "user")

    def is_held_out(text: str) -> bool:
        return any(pattern.fullmatch(text) for pattern in patterns)

    assert not [first_request(row) for row in drawn(1500) if is_held_out(first_request(row))]
    asked = [first_request(row) for row in drawn(300, held_out=True)]
    assert sum(is_held_out(text) for text in asked) > 280  # the rest is typed loosely
