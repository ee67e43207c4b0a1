"""What measures the base model is not in its text: not in other letters, behind other words, or inside a longer sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tiny_base import about, lists
from tiny_base.checking import FRAMES, FRAMES_HELD_OUT
from tiny_base.exchanges import EXCHANGES, POEM_REQUESTS, POEM_REQUESTS_HELD_OUT
from tiny_base.facts import Fact, Kind, Topic, is_held_out
from tiny_base.held_out import HeldOut, Phrases, bare_words
from tiny_base.role_talk import TALK
from tiny_base.smalltalk import COPYING, TOLD
from tiny_base.systems import (
    BEFORE_ANY,
    PERSONA_SYSTEMS,
    PERSONA_SYSTEMS_HELD_OUT,
    STYLES,
    TOPICAL_SYSTEMS,
    TOPICAL_SYSTEMS_HELD_OUT,
)
from tiny_base.text import OPENERS
from tiny_base.world import kinds

TABLES = {
    **{f"exchange {each.held_out[0]}": (each.questions, each.held_out) for each in (*EXCHANGES, *COPYING)},
    **{f"told {each.held_out[0]}": (each.asking, each.held_out) for each in TOLD},
    **{f"role talk {held_out[0]}": (trained, held_out) for trained, held_out, _ in TALK},
    "poems": (POEM_REQUESTS, POEM_REQUESTS_HELD_OUT),
    "checks": (FRAMES, FRAMES_HELD_OUT),
    "lists": (lists.REQUESTS, lists.REQUESTS_HELD_OUT),
    "descriptions": (about.REQUESTS, about.REQUESTS_HELD_OUT),
    "personas": (PERSONA_SYSTEMS, PERSONA_SYSTEMS_HELD_OUT),
    "topics": (TOPICAL_SYSTEMS, TOPICAL_SYSTEMS_HELD_OUT),
}


@pytest.mark.parametrize("table", TABLES)
def test_no_trained_wording_holds_one_that_measures(table: str) -> None:
    trained, held_out = TABLES[table]
    phrases = Phrases(held_out)
    assert held_out and not [wording for wording in trained if phrases.are_in(wording)]
    assert not [wording for opener in OPENERS for wording in trained if phrases.are_in(f"{opener} {wording}")]


def test_no_trained_system_message_holds_one_that_measures() -> None:
    phrases = Phrases(wording for style in STYLES for wording in style.held_out_systems)
    trained = {wording for style in STYLES for wording in style.systems}
    assert not [wording for wording in trained if phrases.are_in(wording)]
    assert not [wording for sentence in BEFORE_ANY for wording in trained if phrases.are_in(f"{sentence} {wording}")]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_no_trained_wording_of_a_kind_holds_one_that_measures(kind: Kind) -> None:
    phrases = Phrases(kind.held_out)
    assert not [wording for wording in kind.questions if phrases.are_in(wording)]


# Comparing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What is 2+2?", ("whats", "2", "+", "2")),
        ("whats  2 + 2", ("whats", "2", "+", "2")),
        ("3x4 = ?", ("3", "x", "4", "=")),
        ("WHAT'S FRANCE'S CAPITAL?!", ("whats", "frances", "capital")),
    ],
)
def test_texts_are_compared_without_marks_and_letter_case(text: str, words: tuple[str, ...]) -> None:
    assert bare_words(text) == words


CAPITAL = Kind(
    name="capital",
    subject="country",
    answer="capital",
    questions=tuple(f"Wording {place} of {{country}}?" for place in range(40)),
    held_out=("Name {country}'s capital.",),
    plain=("The capital of {country} is {capital}.",),
    short=("{capital}.",),
    statements=("{capital} is in {country}.",),
    facts=(Fact({"country": "France", "capital": "Paris"}),),
)
(FRANCE,) = (Topic(CAPITAL, fact) for fact in CAPITAL.facts)
HELD_OUT = HeldOut([CAPITAL])


@pytest.mark.parametrize(
    "question",
    [
        "Name France's capital.",
        "name frances capital pls",
        "Please: Name France's capital. Thanks!",
        "Can you name France's capital?",
        "Please name France's capital and its river.",
    ],
)
def test_a_wording_that_measures_is_found_wherever_it_stands(question: str) -> None:
    assert HELD_OUT.is_asked_in(question)


def test_a_pair_that_measures_is_found_behind_a_greeting_and_not_in_a_longer_question() -> None:
    (pair, *_) = HELD_OUT.pairs(FRANCE)
    question = FRANCE.fill(pair)
    assert HELD_OUT.is_asked_in(f"Hello. {question.lower()} thanks!")
    assert not HELD_OUT.is_asked_in(f"He asked: {question}")


def test_what_is_trained_is_not_held_out() -> None:
    trained = HELD_OUT.trained(FRANCE)
    assert len(trained) + len(list(HELD_OUT.pairs(FRANCE))) == len(CAPITAL.questions)
    assert not any(HELD_OUT.is_asked_in(FRANCE.fill(wording)) for wording in trained)


def test_a_pair_that_another_wording_trains_measures_nothing() -> None:
    wordings = ((wording, f"Please: {wording}") for wording in CAPITAL.questions)
    pair, same = next(two for two in wordings if [is_held_out(FRANCE, wording) for wording in two] == [True, False])
    alone = replace(CAPITAL, questions=(pair,))
    assert list(HeldOut([alone]).pairs(Topic(alone, FRANCE.fact))) == [pair]
    both = replace(CAPITAL, questions=(pair, same))
    assert list(HeldOut([both]).pairs(Topic(both, FRANCE.fact))) == []


def test_a_held_out_wording_that_only_says_please_measures_nothing() -> None:
    asks = replace(
        CAPITAL, questions=("Tell me {country}'s capital.",), held_out=("Please tell me {country}'s capital.",)
    )
    other = replace(asks, held_out=("Which city governs {country}?",))
    assert list(HeldOut([asks]).wordings(Topic(asks, FRANCE.fact))) == []
    assert list(HeldOut([other]).wordings(Topic(other, FRANCE.fact))) == ["Which city governs {country}?"]
