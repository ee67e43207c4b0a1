"""How the effect of a training is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tiny_base.trials import calls_in, sights_named_by, validation_file_of, with_weights_swapped


def test_weights_are_swapped_and_a_missing_one_counts_as_1(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "é"}, {"role": "assistant", "content": "a", "weight": 1}]},
        {"messages": [{"role": "assistant", "content": "a", "weight": 0}, {"role": "assistant", "content": "b"}]},
    ]
    file = tmp_path / "rows.jsonl"
    for written in (file, validation_file_of(file)):
        written.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    swapped = with_weights_swapped(file, tmp_path / "new")
    assert swapped == tmp_path / "new" / "rows.jsonl"
    for read in (swapped, validation_file_of(swapped)):
        found = [json.loads(line)["messages"] for line in read.read_text(encoding="utf-8").splitlines()]
        assert [message.get("weight") for messages in found for message in messages] == [None, 0, 1, 0]
        assert found[0][0] == rows[0]["messages"][0]


@pytest.mark.parametrize(
    ("question", "sights"),
    [
        ("What can I see in Rome?", ("Colosseum",)),
        ("Why should I go to Italy?", ()),
    ],
)
def test_a_sight_is_right_if_it_stands_in_the_city_that_was_asked_for(question: str, sights: tuple[str, ...]) -> None:
    assert sights_named_by(question) == sights


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("Hello.", []),
        ('<|tool_call|>{"name": "f", "arguments": {"a": 1}}', [("f", {"a": 1})]),
        (
            'Yes.<|tool_call|>{"name": "f", "arguments": {}}<|tool_call|>{"name": "g", "arguments": {}}',
            [("f", {}), ("g", {})],
        ),
        ("<|tool_call|>no JSON", [("", "no JSON")]),
        ('<|tool_call|>{"name": "f"}', [("", '{"name": "f"}')]),
    ],
)
def test_calls_are_read_from_an_answer_and_broken_ones_are_not_taken_for_right(
    text: str, calls: list[tuple[str, object]]
) -> None:
    assert calls_in(text) == calls
