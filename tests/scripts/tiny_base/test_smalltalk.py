"""The small talk: what is asked in it, what is never asked, and that a seed decides all of it."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tiny_base import smalltalk
from tiny_base.exchanges import EXCHANGES, JOKES, POEMS, STORIES, Exchange
from tiny_base.smalltalk import COPYING, TOLD, small_talk
from tiny_base.text import SARCASM
from tiny_base.wording import CAT_NAMES, DOG_NAMES, FIRST_NAMES, HELD_OUT_NAMES, MADE_UP_NAMES, alternatives, plainly

SCRIPTS = Path(__file__).parents[3] / "scripts"
ALL = (*EXCHANGES, *COPYING)


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
    assert len(EXCHANGES) >= 90
    assert all(len(exchange.questions) >= 15 for exchange in EXCHANGES)
    seen: dict[str, Exchange] = {}
    for exchange in ALL:
        assert len(exchange.questions) >= 8 and len(exchange.held_out) >= 2, exchange.questions[0]
        assert len(set(exchange.questions)) == len(exchange.questions)
        for question in (*exchange.questions, *exchange.held_out):
            assert not plainly(question) or seen.setdefault(plainly(question), exchange) is exchange, question


def test_no_held_out_wording_is_one_that_is_trained_typed_loosely() -> None:
    for told in (*ALL, *TOLD):
        trained = told.questions if isinstance(told, Exchange) else told.asking
        assert not {plainly(q) for q in trained} & {plainly(q) for q in told.held_out} - {""}, trained[0]


def test_no_held_out_wording_is_ever_said(talks: list[list[dict[str, str]]]) -> None:
    held_out = {plainly(q) for e in EXCHANGES for q in e.held_out} | {plainly(q) for t in TOLD for q in t.held_out}
    held_out |= {plainly(q) for q in smalltalk.SAY_AGAIN_HELD_OUT}
    said = {plainly(message["content"]) for talk in talks for message in talk if message["role"] == "user"}
    assert not (held_out - {""}) & said


def test_there_are_many_jokes_poems_and_stories() -> None:
    assert len(set(JOKES.answers)) >= 12 and len(POEMS) >= 20 and len(set(STORIES)) >= 8
    assert all(story.count(". ") + 1 == 3 for story in STORIES)


FIRST_WORDS = alternatives(
    """hi | who are you | what's your name? | thanks! | thank you | what's the weather | I love you | Say hello | Hallo
    | Bonjour | Guten Tag, wer bist du? | 😀 | ok | yes | no | help | meaning of life? | why? | really? | what? | test
    | how old are you | write a story | write a poem | write code | write an email | who is the president
    | what do you know? | what is localft | you are stupid | lol"""
)


@pytest.mark.parametrize("said", FIRST_WORDS)
def test_what_visitors_say_first_is_trained(said: str) -> None:
    assert plainly(said) in {plainly(question) for exchange in EXCHANGES for question in exchange.questions}


def test_no_answer_is_sarcastic(talks: list[list[dict[str, str]]]) -> None:
    for talk in talks:
        for message in talk[1::2]:
            assert not SARCASM.search(message["content"]), message


def test_no_answer_to_a_visitor_is_sarcastic() -> None:
    assert not [answer for exchange in EXCHANGES for answer in exchange.answers if SARCASM.search(answer)]


def test_what_was_told_is_told_back(talks: list[list[dict[str, str]]]) -> None:
    """A name that the assistant tells stands in an earlier message of the user."""
    found = 0
    for talk in talks:
        for place, message in enumerate(talk):
            if message["role"] == "assistant" and message["content"].startswith("Your name is "):
                name = message["content"].removeprefix("Your name is ").rstrip(".")
                said = " ".join(earlier["content"] for earlier in talk[:place] if earlier["role"] == "user")
                assert name.lower() in said.lower(), talk
                found += 1
    assert found > 50


def test_what_is_said_again_was_said_before(talks: list[list[dict[str, str]]]) -> None:
    again = [
        (talk[place - 1]["content"], talk[place + 1]["content"])
        for talk in talks
        for place, message in enumerate(talk)
        if place and message["role"] == "user" and message["content"] in smalltalk.SAY_AGAIN and place > 1
    ]
    assert len(again) > 50
    assert all(before == behind for before, behind in again)


def test_copying_gives_the_words_back() -> None:
    rng = random.Random(2)
    for _ in range(50):
        asked, copied = smalltalk.exchange(rng, smalltalk.REPEAT, words="red river stone")
        assert "red river stone" in asked["content"] and copied["content"] == "red river stone"


def test_two_things_told_at_once_are_told_back() -> None:
    rng = random.Random(4)
    for _ in range(300):
        told, _noted, *asked = smalltalk._telling_both(rng)
        for answer in asked[1::2]:
            value = max((v for t in TOLD for v in t.values if v in answer["content"]), key=len)
            assert value.lower() in told["content"].lower(), (told, answer)


def test_no_animal_has_the_name_of_a_person() -> None:
    assert not set(DOG_NAMES) & {*FIRST_NAMES, *HELD_OUT_NAMES} and not set(CAT_NAMES) & {*FIRST_NAMES, *HELD_OUT_NAMES}


def test_held_out_names_are_never_said(talks: list[list[dict[str, str]]]) -> None:
    assert len(set(FIRST_NAMES)) >= 400 and len(set(HELD_OUT_NAMES)) >= 50
    assert not set(HELD_OUT_NAMES) & {*FIRST_NAMES, *MADE_UP_NAMES}
    said = {word for talk in talks for message in talk for word in re.findall(r"\w+", message["content"].title())}
    assert not said & set(HELD_OUT_NAMES)


def test_each_exchange_is_measured_in_words_that_were_not_trained() -> None:
    measured = smalltalk.held_out_small_talk()
    assert len(measured) >= 2 * len(EXCHANGES)
    assert all(answers for _, answers in measured)


def test_held_out_names_are_told_before_they_are_asked_for() -> None:
    conversations = smalltalk.held_out_names_told()
    assert [name for _, name in conversations] == list(HELD_OUT_NAMES)
    for messages, name in conversations:
        assert [message["role"] for message in messages] == ["user", "assistant", "user"]
        assert name in messages[0]["content"] and name not in messages[2]["content"]


def test_an_aside_is_one_question_and_one_answer() -> None:
    rng = random.Random(5)
    asides = [smalltalk.aside(rng) for _ in range(300)]
    assert all([message["role"] for message in aside] == ["user", "assistant"] for aside in asides)
    assert len({aside[1]["content"] for aside in asides}) > 100
