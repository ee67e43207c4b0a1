"""Checks, lists and descriptions in the base text: what is said there is so, and what measures them tells right from wrong."""

from __future__ import annotations

import random
import re

import pytest

from tiny_base import about, checking, lists, measuring
from tiny_base.checking import Claims
from tiny_base.facts import Topic
from tiny_base.text import World
from tiny_base.world import kinds

WORLD = World(kinds())
KINDS = {kind.name: kind for kind in WORLD.kinds}
LISTINGS = {listing.many: listing for listing in WORLD.listings}
THINGS = {thing.one: thing for thing in about.things(WORLD.kinds)}


def _topic(kind: str, subject: str) -> Topic:
    (fact,) = [fact for fact in KINDS[kind].facts if fact.fields[KINDS[kind].subject] == subject]
    return Topic(KINDS[kind], fact)


# Checks


def test_half_of_the_claims_are_true_and_each_gets_its_verdict() -> None:
    rng = random.Random(2)
    claims = [WORLD.claims.draw(rng) for _ in range(3_000)]
    assert 0.46 < sum(claim.is_right for claim in claims) / len(claims) < 0.54
    for claim in claims:
        assert checking.verdict(checking.answer(claim, rng)) == claim.is_right
        assert checking.verdict(checking.short_answer(claim, rng)) == claim.is_right


def test_half_of_the_answers_tell_the_fact_before_the_verdict() -> None:
    rng = random.Random(3)
    claim = WORLD.claims.about(_topic("capital of country", "France"), rng, is_right=False)
    answers = [checking.answer(claim, rng) for _ in range(400)]
    assert all("Paris" in answer for answer in answers)
    assert 0.4 < sum(answer.endswith(", so no.") for answer in answers) / 400 < 0.6
    assert f"No, the capital of France is Paris, not {claim.said.answer}." in answers


@pytest.mark.parametrize("kind", WORLD.claims.kinds, ids=lambda kind: kind.name)
def test_a_wrong_claim_is_wrong_about_the_same_subject(kind: checking.Kind) -> None:
    rng = random.Random(4)
    for fact in kind.facts:
        claim = WORLD.claims.about(Topic(kind, fact), rng, is_right=False)
        assert claim.said.answer not in kind.right_answers(fact)
        assert claim.said.subject == claim.so.subject
        assert checking.question(claim, rng)[-1] in "?."


def test_wrong_claims_are_often_near_ones() -> None:
    claims, rng = Claims(WORLD.kinds), random.Random(5)
    continents = {fact.fields["country"]: fact.fields["continent"] for fact in KINDS["continent of country"].facts}
    countries = {fact.fields["capital"]: fact.fields["country"] for fact in KINDS["country of capital"].facts}
    so = _topic("capital of country", "Chile")
    said = [claims.about(so, rng, is_right=False).said.answer for _ in range(300)]
    near = sum(continents[countries[capital]] == "South America" for capital in said)
    assert near > 130


def test_no_check_is_asked_in_a_wording_that_measures() -> None:
    rng = random.Random(6)
    asked = set()
    for _ in range(5_000):
        claim = WORLD.claims.draw(rng)
        question = checking.question(claim, rng)
        asked.add(question)
        assert question not in checking.held_out_questions(claim)
    assert len(asked) > 4_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The capital of France is Paris, so yes.", True),
        ("No, the capital of France is Paris, not Berlin.", False),
        ("Ahoy! Yes. Paris it is.", True),
        ("The capital of France is Paris.", None),
        ("Yes and no.", None),
    ],
)
def test_a_verdict_is_read_from_an_answer(text: str, said: bool | None) -> None:
    assert checking.verdict(text) is said


def test_the_measured_checks_are_balanced() -> None:
    asked = measuring.checks(WORLD)
    assert len(asked) > 2_000
    assert 0.5 <= sum(check.is_right for check in asked) / len(asked) < 0.51


# Lists


def test_each_list_told_is_right() -> None:
    rng = random.Random(7)
    numbers = {word: count for count, word in lists.COUNTS.items()} | {str(count): count for count in lists.COUNTS}
    for listing in WORLD.listings:
        for _ in range(20):
            question, answer = lists.request(listing, rng)
            if listing.many.lower() not in question.lower():
                continue
            asked = re.split(r"\W+", question.lower().replace(listing.many.lower(), ""))
            named = [count for word, count in numbers.items() if word in asked]
            count = named[0] if named else lists.USUAL_COUNT
            assert lists.list_is_right(listing, count, answer), (question, answer)


@pytest.mark.parametrize(
    ("many", "text", "is_right"),
    [
        ("fruits", "Apples, plums and kiwis.", True),
        ("fruits", "Three fruits are apples, plums and kiwis.", True),
        ("fruits", "Apples, plums and carrots.", False),
        ("fruits", "Apples, plums and apples.", False),
        ("fruits", "Apples and plums.", False),
        ("countries in Africa", "Guinea-Bissau, Nigeria and the Republic of the Congo.", True),
        ("countries in Africa", "Nigeria, Niger and Papua New Guinea.", False),
        ("animals with four legs", "Dogs, cats and ants.", False),
    ],
)
def test_a_list_is_right_with_so_many_different_members_and_no_stranger(many: str, text: str, is_right: bool) -> None:
    assert lists.list_is_right(LISTINGS[many], 3, text) is is_right


def test_what_people_ask_to_be_named_can_be_named() -> None:
    asked = (
        "fruits",
        "countries in Africa",
        "animals with four legs",
        "metals",
        "cities in Italy",
        "planets",
        "months",
    )
    assert {*asked, "colours", "countries", "animals", "birds"} <= LISTINGS.keys()


def test_no_list_is_asked_for_in_a_wording_that_measures() -> None:
    assert not set(lists.REQUESTS) & set(lists.REQUESTS_HELD_OUT)
    assert not set(about.REQUESTS) & set(about.REQUESTS_HELD_OUT)


# Descriptions


@pytest.mark.parametrize(
    ("one", "told"),
    [
        ("Germany", "Germany is in Europe."),
        ("a dog", "A dog is a mammal."),
        ("gold", "Gold is a metal."),
        ("Au", "Au is the symbol of gold."),
        ("Paris", "Paris is the capital of France."),
        ("the Eiffel Tower", "The Eiffel Tower is in Paris."),
        ("Mount Everest", "Mount Everest is the highest mountain on Earth."),
        ("Jane Austen", "Jane Austen wrote Pride and Prejudice."),
    ],
)
def test_what_a_thing_is_comes_first(one: str, told: str) -> None:
    assert THINGS[one].sentences[0][0] == told


def test_a_description_has_sentences_of_different_facts() -> None:
    rng = random.Random(8)
    for thing in THINGS.values():
        told = thing.tell(rng, 3)
        assert told.count(". ") + 1 == min(3, len(thing.sentences)), told
        assert "It is " not in told


def test_a_thing_that_two_fields_know_is_described_once() -> None:
    assert len({name.removeprefix("a ").lower() for name in THINGS}) == len(THINGS)
    assert "pointer" in str(THINGS["a mouse"].sentences) and "mammal" in str(THINGS["a mouse"].sentences)


# Calculations


def test_a_calculation_goes_on_from_its_result() -> None:
    rng = random.Random(9)
    results = {fact.fields["a"] for name in ("sum", "difference", "product") for fact in KINDS[name].facts}
    for _ in range(200):
        messages = [message for message in WORLD.running(rng).messages if message["role"] != "system"]
        assert len(messages) >= 4
        for before, question, answer in zip(messages[1::2], messages[2::2], messages[3::2], strict=False):
            (second,) = re.findall(r"\d+", question["content"])
            numbers = re.findall(r"\d+", answer["content"])
            assert second in numbers and results & set(re.findall(r"\d+", before["content"])) & set(numbers)
