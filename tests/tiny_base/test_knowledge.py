"""What the embedded base models know before anybody trains them, in wordings that their own training never held."""

from __future__ import annotations

import re

import pytest

from localft.tiny_base.model import DIRECTORIES
from tiny_base.measuring import Score, Talker, heed, held_out_pairs, held_out_wordings, load, sampled, score
from tiny_base.text import World
from tiny_base.wording import user
from tiny_base.world import kinds

WORLD = World(kinds())
QUESTIONS = 400


@pytest.fixture(scope="module", params=list(DIRECTORIES))
def talker(request: pytest.FixtureRequest) -> Talker:
    return load(DIRECTORIES[request.param])


def test_it_knows_its_facts_in_wordings_that_were_never_trained(talker: Talker) -> None:
    _assert_known(score(talker, sampled(held_out_wordings(WORLD), QUESTIONS)))


def test_it_knows_its_facts_in_wordings_that_were_trained_for_other_facts_only(talker: Talker) -> None:
    _assert_known(score(talker, sampled(held_out_pairs(WORLD), QUESTIONS)))


def _assert_known(found: Score) -> None:
    assert found.asked == QUESTIONS
    assert found.right >= 0.9, found.wrong[:10]
    assert found.ended >= 0.99


def test_it_heeds_system_messages_in_wordings_that_were_never_trained(talker: Talker) -> None:
    shares = {group.name: group.heeded for group in heed(talker, WORLD, count=40)}
    assert min(shares["another language"], shares["a role"]) >= 0.9, shares
    assert min(shares["short"], shares["long"]) >= 0.5, shares


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Hello!", "Hello"),
        ("who are you", "Tiny"),
        ("thanks!", "welcome|pleasure|glad"),
        ("what's 2+2", "4"),
        ("What is the capital of Zorland?", "not know"),
        ("Tell me about Germany.", "Germany"),
    ],
)
def test_it_answers_what_visitors_say_first(talker: Talker, question: str, expected: str) -> None:
    (answer,) = talker.answers([[user(question)]])
    assert re.search(expected, answer.text, re.IGNORECASE) and answer.ended, answer.text


def test_a_follow_up_is_understood_from_what_was_said(talker: Talker) -> None:
    talk = [user("What is the capital of France?"), {"role": "assistant", "content": "The capital of France is Paris."}]
    italy, currency = talker.answers([[*talk, user("And of Italy?")], [*talk, user("And its currency?")]])
    assert "Rome" in italy.text
    assert "euro" in currency.text
