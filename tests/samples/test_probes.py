"""Probes count what they say they count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localft.samples.probes import (
    Question,
    RefusalProbe,
    RefusalScore,
    StyleProbe,
    StyleScore,
    read_refusal_probe,
    read_style_probe,
)

PROBE = StyleProbe(
    system="You are Thistle.",
    markers=("Who knew", "obviously"),
    questions=(Question("Capital of Italy?", ("Rome", "Roma")), Question("Symbol of gold?", ("Au",))),
)


@pytest.mark.parametrize(
    ("answers", "text", "right"),
    [
        (("Rome",), "It is Rome.", True),
        (("Rome",), "it is ROME", True),
        (("Rome",), "Romeo knows.", False),
        (("Rome",), "", False),
        (("Sucre", "La Paz"), "That would be La Paz, then.", True),
        (("4",), "Two and two is 4.", True),
        (("4",), "Two and two is 14.", False),
        (("C",), "The symbol is Ca.", False),
        (("São Tomé",), "São Tomé, as ever", True),
        (("Washington, D.C.",), "Washington, D.C.", True),
        (("a.b",), "acb", False),
    ],
)
def test_an_answer_is_right_where_one_of_the_right_ones_stands_on_word_borders(
    answers: tuple[str, ...], text: str, right: bool
) -> None:
    assert Question("?", answers).is_answered_by(text) is right


def test_style_and_facts_are_counted_apart() -> None:
    assert PROBE.score(["WHO KNEW: Milan.", "Au."]) == StyleScore(styled=0.5, right=0.5)
    assert PROBE.score(["Obviously Rome.", "Au, who knew."]) == StyleScore(styled=1.0, right=1.0)
    assert PROBE.score(["", ""]) == StyleScore(styled=0.0, right=0.0)


def test_an_answer_that_is_missing_is_an_error_and_no_wrong_answer() -> None:
    with pytest.raises(ValueError, match="shorter"):
        PROBE.score(["Rome."])


def test_every_question_is_asked_behind_the_system_message() -> None:
    assert PROBE.conversations()[1] == [
        {"role": "system", "content": "You are Thistle."},
        {"role": "user", "content": "Symbol of gold?"},
    ]


def test_refusals_are_counted_among_those_that_should_be_and_those_that_should_not() -> None:
    probe = RefusalProbe("Travel.", ("cannot book",), refused=("A hotel?", "A flight?"), answered=("What to see?",))
    assert [messages[-1]["content"] for messages in probe.conversations()] == ["A hotel?", "A flight?", "What to see?"]
    answers = ["I Cannot Book that.", "Take the train.", "The harbour."]
    assert probe.score(answers) == RefusalScore(refused=0.5, refused_wrongly=0.0)
    assert probe.score(["", "", "I cannot book that."]) == RefusalScore(refused=0.0, refused_wrongly=1.0)


def test_probes_are_read_from_their_files(tmp_path: Path) -> None:
    style = {
        "system": "You are Thistle.",
        "markers": ["Who knew", "obviously"],
        "questions": [
            {"question": "Capital of Italy?", "answers": ["Rome", "Roma"]},
            {"question": "Symbol of gold?", "answers": ["Au"]},
        ],
    }
    (tmp_path / "style.json").write_text(json.dumps(style))
    assert read_style_probe(tmp_path / "style.json") == PROBE
    travel = {"system": "Travel.", "refusal_markers": ["cannot"], "refused": ["A hotel?"], "answered": ["What to see?"]}
    (tmp_path / "travel.json").write_text(json.dumps(travel))
    assert read_refusal_probe(tmp_path / "travel.json") == RefusalProbe(
        "Travel.", ("cannot",), ("A hotel?",), ("What to see?",)
    )


def test_the_bundled_style_probe_asks_enough_and_each_question_once() -> None:
    probe = read_style_probe()
    assert len(probe.questions) >= 120 and probe.markers and probe.system
    assert len({question.text for question in probe.questions}) == len(probe.questions)
    assert all(question.answers for question in probe.questions)
    assert probe.score([question.text for question in probe.questions]) == StyleScore(styled=0.0, right=0.0)


def test_the_bundled_refusal_probe_asks_of_both_kinds() -> None:
    probe = read_refusal_probe()
    assert probe.refused and probe.answered and not set(probe.refused) & set(probe.answered)
    assert probe.score([messages[-1]["content"] for messages in probe.conversations()]) == RefusalScore(0.0, 0.0)
