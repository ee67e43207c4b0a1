"""The world of the embedded model: every template can be filled, every answer tells what was asked, the values are right."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from tiny_base import world
from tiny_base.facts import Fact, Kind
from tiny_base.tables import LANGUAGES_ELSEWHERE
from tiny_base.text import SARCASM

KINDS = {kind.name: kind for kind in world.kinds()}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def _asking(kind: Kind) -> tuple[str, ...]:
    return (*kind.questions, *kind.held_out, *kind.follow_ups, *kind.follow_ups_on_subject)


def _telling(kind: Kind) -> tuple[str, ...]:
    foreign = [sentence for sentences in kind.foreign.values() for sentence in sentences]
    return (*kind.plain, *kind.short, *kind.statements, *foreign)


def _holds(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _named(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def _names_of_the_answer(kind: Kind, fact: Fact) -> list[str]:
    """The answer, and what other languages call it."""
    names = (kind.answer, *(f"{kind.answer}_{code}" for code in LANGUAGES_ELSEWHERE))
    return [fact.fields[name] for name in names if name in fact.fields]


def _as_typed(template: str, fact: Fact) -> str:
    return template.format_map(fact.fields).lower().rstrip("?.")


def _answer(name: str, asked: str) -> tuple[str, ...]:
    """The right answers to the fact of kind `name` whose subject is `asked`."""
    kind = KINDS[name]
    (fact,) = [fact for fact in kind.facts if fact.fields[kind.subject] == asked]
    return kind.right_answers(fact)


def test_each_kind_has_facts_and_a_name_of_its_own() -> None:
    assert len(KINDS) == len(world.kinds())
    assert all(kind.facts for kind in KINDS.values())


def test_every_template_is_filled_by_every_fact(kind: Kind) -> None:
    for fact in kind.facts:
        for template in (*_asking(kind), *_telling(kind), *kind.checks):
            filled = template.format_map(fact.fields)
            assert filled == filled.strip()
            assert "{" not in filled


def test_every_answer_holds_the_answer_or_its_foreign_name_word_for_word(kind: Kind) -> None:
    for fact in kind.facts:
        for template in _telling(kind):
            told = template.format_map(fact.fields)
            assert any(_holds(told, name) for name in _names_of_the_answer(kind, fact)), (template, fact)


def test_every_foreign_name_of_the_answer_is_a_right_answer(kind: Kind) -> None:
    for fact in kind.facts:
        assert set(_names_of_the_answer(kind, fact)) <= set(kind.right_answers(fact))
        assert len(set(kind.right_answers(fact))) == len(kind.right_answers(fact))


def test_every_check_names_the_answer_in_a_field_that_no_question_has(kind: Kind) -> None:
    """So that the answer of another fact can be put in its place: the answer itself, or the answer with its article."""
    asked_about = {name for template in (*kind.questions, *kind.held_out) for name in _named(template)}
    for template in kind.checks:
        told = _named(template) - asked_about
        assert told, template
        for fact in kind.facts:
            assert any(_holds(fact.fields[name], fact.fields[kind.answer]) for name in told), (template, fact)


def test_no_question_gives_the_answer_away(kind: Kind) -> None:
    """What is asked about may hold it (the capital of Singapore, 7 + 0), and so may a single letter such as I."""
    for fact in kind.facts:
        for template in _asking(kind):
            asked_about = [fact.fields[name] for name in _named(template)]
            answer = fact.fields[kind.answer]
            if len(answer) == 1 or any(_holds(words, answer) for words in asked_about):
                continue
            assert not _holds(template.format_map(fact.fields), answer), (template, fact)
    assert not any(kind.answer in _named(template) for template in _asking(kind))


def test_there_are_enough_wordings_and_held_out_ones_are_not_trained(kind: Kind) -> None:
    assert len(set(kind.questions)) == len(kind.questions) >= 8
    assert len(set(kind.held_out)) == len(kind.held_out) >= 2
    assert len(set(kind.statements)) == len(kind.statements) >= 4
    assert kind.plain and kind.short
    trained = {question.lower().rstrip("?.") for question in kind.questions}
    assert trained.isdisjoint(question.lower().rstrip("?.") for question in kind.held_out)


def test_the_same_question_has_the_same_answer(kind: Kind) -> None:
    known: dict[str, Fact] = {}
    for fact in kind.facts:
        for template in (*kind.questions, *kind.held_out):
            question = template.format_map(fact.fields)
            other = known.setdefault(question, fact)
            right = set(kind.right_answers(fact)) & set(kind.right_answers(other))
            assert right, f"{question} has the answers {fact.fields[kind.answer]} and {other.fields[kind.answer]}"


def test_what_is_held_out_of_one_kind_is_not_trained_with_another() -> None:
    trained = {
        _as_typed(question, fact) for kind in KINDS.values() for fact in kind.facts for question in kind.questions
    }
    held_out = [
        (kind.name, wording, fact) for kind in KINDS.values() for fact in kind.facts for wording in kind.held_out
    ]
    assert not {(name, wording) for name, wording, fact in held_out if _as_typed(wording, fact) in trained}


def test_two_kinds_answer_no_question_differently() -> None:
    known: dict[str, set[str]] = {}
    for kind in KINDS.values():
        for fact in kind.facts:
            for question in {_as_typed(template, fact) for template in (*kind.questions, *kind.held_out)}:
                right = set(kind.right_answers(fact))
                assert known.setdefault(question, right) & right, question


def test_no_two_facts_of_a_kind_have_the_same_subject(kind: Kind) -> None:
    subjects = [fact.fields[kind.subject] for fact in kind.facts]
    assert len(set(subjects)) == len(subjects)


def test_nothing_told_is_in_the_tone_that_is_trained_later(kind: Kind) -> None:
    told = " ".join(
        (*_telling(kind), *_asking(kind), *(value for fact in kind.facts for value in fact.fields.values()))
    )
    assert SARCASM.search(told) is None


@pytest.mark.parametrize(
    ("name", "asked", "right"),
    [
        ("capital of country", "France", ("Paris", "París", "Parigi")),
        ("capital of country", "the USA", ("Washington",)),
        ("capital of country", "Kazakhstan", ("Astana", "Astaná")),
        ("capital of country", "Bolivia", ("Sucre", "La Paz")),
        ("capital of country", "Australia", ("Canberra",)),
        ("country of capital", "Amsterdam", ("the Netherlands", "Netherlands")),
        ("country of capital", "London", ("the United Kingdom", "United Kingdom", "UK")),
        ("continent of country", "Peru", ("South America",)),
        ("currency of country", "Japan", ("yen",)),
        ("currency of country", "Croatia", ("euro",)),
        ("language of country", "Brazil", ("Portuguese",)),
        ("language of country", "Belgium", ("Dutch", "French", "German")),
        ("country of city", "Istanbul", ("Turkey",)),
        ("symbol of element", "iron", ("Fe",)),
        ("atomic number of element", "iron", ("26",)),
        ("element of symbol", "Au", ("gold",)),
        ("sort of element", "copper", ("metal",)),
        ("state of element", "mercury", ("liquid",)),
        ("day after", "Sunday", ("Monday",)),
        ("day before", "Monday", ("Sunday",)),
        ("month after", "December", ("January",)),
        ("month before", "May", ("April",)),
        ("days in month", "February", ("28", "29")),
        ("season of month", "October", ("autumn", "fall")),
        ("month by place", "eighth", ("August",)),
        ("sum", "3 + 4", ("7",)),
        ("difference", "9 - 4", ("5",)),
        ("product", "7 x 8", ("56",)),
        ("word of number", "14", ("fourteen",)),
        ("number of word", "ninety", ("90",)),
        ("number after", "19", ("20",)),
        ("planet by place", "third", ("Earth",)),
        ("count", "minutes in an hour", ("60",)),
        ("outstanding thing", "the largest planet of the solar system", ("Jupiter",)),
    ],
)
def test_facts_checked_by_hand(name: str, asked: str, right: tuple[str, ...]) -> None:
    assert _answer(name, asked) == right
