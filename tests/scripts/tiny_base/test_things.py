"""The tables of everyday things and of travel: every template fits every fact, and a few facts known by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import Formatter

import pytest

from tiny_base import world_things, world_travel
from tiny_base.facts import Fact, Kind
from tiny_base.tables import ABSENT, FRAMES, LANGUAGES_ELSEWHERE
from tiny_base.text import SARCASM

KINDS = {kind.name: kind for kind in (*world_things.kinds(), *world_travel.kinds())}


def asking(kind: Kind) -> tuple[str, ...]:
    return (*kind.questions, *kind.held_out, *kind.follow_ups, *kind.follow_ups_on_subject)


def telling(kind: Kind) -> tuple[str, ...]:
    foreign = (template for templates in kind.foreign.values() for template in templates)
    return (*kind.plain, *kind.short, *kind.statements, *foreign)


def filled(templates: Iterable[str], fact: Fact) -> list[str]:
    return [template.format_map(fact.fields) for template in templates]


def answer_of(name: str, **fields: str) -> str:
    kind = KINDS[name]
    (fact,) = [fact for fact in kind.facts if fields.items() <= fact.fields.items()]
    return fact.fields[kind.answer]


def test_no_two_kinds_have_one_name() -> None:
    assert len(KINDS) == len(world_things.kinds()) + len(world_travel.kinds())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
class TestEachKind:
    def test_fills_all_its_templates_with_each_fact(self, kind: Kind) -> None:
        for fact in kind.facts:
            for text in filled((*asking(kind), *telling(kind), *kind.checks), fact):
                assert text[0].isupper() or text[0].isdigit(), text
                assert text[-1] in ".?", text
                assert ABSENT not in text.split(), text

    def test_holds_the_answer_in_all_it_tells_and_checks_and_never_in_a_question(self, kind: Kind) -> None:
        for fact in kind.facts:
            answer = fact.fields[kind.answer]
            elsewhere = [fact.fields.get(f"{kind.answer}_{code}", answer) for code in LANGUAGES_ELSEWHERE]
            for text in filled((*telling(kind), *kind.checks), fact):
                assert any(name in text for name in (answer, *elsewhere))
            for text in filled(asking(kind), fact):
                assert not re.search(rf"\b{re.escape(answer)}\b", text, re.IGNORECASE), text

    def test_names_the_subject_or_its_forms_in_each_question(self, kind: Kind) -> None:
        for template in (*kind.questions, *kind.held_out, *kind.follow_ups):
            assert [name for _, name, _, _ in Formatter().parse(template) if name], template
        for template in kind.follow_ups_on_subject:
            assert "{" not in template

    def test_is_asked_in_many_ways_and_keeps_some_for_measuring(self, kind: Kind) -> None:
        assert len(set(kind.questions)) == len(kind.questions) >= 9
        assert len(set(kind.held_out)) == len(kind.held_out) >= 3
        assert len(kind.plain) >= 3 and kind.short and len(kind.statements) >= 4
        assert not set(kind.questions) & set(kind.held_out)

    def test_has_one_fact_for_each_subject(self, kind: Kind) -> None:
        subjects = [fact.fields[kind.subject] for fact in kind.facts]
        assert len(subjects) == len(set(subjects)) >= 3

    def test_is_free_of_the_style_that_fine_tuning_teaches(self, kind: Kind) -> None:
        for fact in kind.facts:
            text = " ".join(filled(telling(kind), fact)).lower()
            assert not SARCASM.search(text)


def test_no_question_has_two_answers() -> None:
    answers: dict[str, tuple[str, str]] = {}
    for kind in KINDS.values():
        for fact in kind.facts:
            for question in filled((*kind.questions, *kind.held_out), fact):
                told = (kind.name, fact.fields[kind.answer])
                assert answers.setdefault(question, told)[1] == told[1], question


@pytest.mark.parametrize("frame", FRAMES)
def test_each_frame_is_trained_with_some_clauses_and_held_out_with_others(frame: str) -> None:
    beginning = frame.partition("{clause}")[0]
    assert [kind.name for kind in KINDS.values() if any(text.startswith(beginning) for text in kind.questions)]
    assert [kind.name for kind in KINDS.values() if any(text.startswith(beginning) for text in kind.held_out)]


def test_facts_known_by_hand() -> None:
    assert answer_of("animal_sound", animal="cow") == "moo"
    assert answer_of("animal_legs", animal="spider") == "eight"
    assert answer_of("animal_young", animal="cat") == "kitten"
    assert answer_of("colour", thing="a banana") == "yellow"
    assert answer_of("object_use", object="hammer") == "driving nails"
    assert answer_of("job_person", work="bakes bread") == "baker"
    assert answer_of("opposite", word="cold") == "hot"
    assert answer_of("maker", piece="Hamlet") == "William Shakespeare"
    assert answer_of("city_sight", city="Paris") == "the Eiffel Tower"
    assert answer_of("country_known_for", country="Norway") == "fjords"


def test_articles_and_plurals_are_right() -> None:
    mouse = next(fact for fact in KINDS["animal_legs"].facts if fact.fields["animal"] == "mouse")
    assert "Mice have four legs." in filled(KINDS["animal_legs"].plain, mouse)
    owl = next(fact for fact in KINDS["animal_class"].facts if fact.fields["animal"] == "owl")
    assert "An owl is a bird." in filled(KINDS["animal_class"].plain, owl)
    scissors = next(fact for fact in KINDS["object_use"].facts if fact.fields["object"] == "scissors")
    assert "Scissors are used for cutting paper." in filled(KINDS["object_use"].plain, scissors)


@pytest.mark.parametrize("name", ["hotel", "flight", "rental_car", "restaurant"])
def test_questions_about_services_are_answered_in_at_least_eighty_places(name: str) -> None:
    services = [KINDS[f"city_{name}"], KINDS[f"country_{name}"]]
    assert sum(len(kind.facts) for kind in services) >= 80
    for kind in services:
        assert len(kind.questions) >= 14
        told = " ".join(telling(kind)).lower()
        assert not [word for word in ("cannot", "can't", "sorry", "unable", "not able") if word in told]
