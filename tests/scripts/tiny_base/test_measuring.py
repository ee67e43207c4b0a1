"""How the knowledge of the embedded base model is counted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, cast

import pytest

from localft.modeling.generate import Answer
from tiny_base import measuring
from tiny_base.facts import Topic
from tiny_base.measuring import (
    Probe,
    Talker,
    held_out_pairs,
    held_out_wordings,
    sampled,
    score,
    score_field,
    score_talk,
    talk_probes,
)
from tiny_base.systems import LONG
from tiny_base.text import World
from tiny_base.world import kinds

WORLD = World(kinds())


class Parrot:
    """Answers each question by what it was told to say."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self._answers = answers

    def answers(self, conversations: Sequence[list[dict[str, str]]]) -> list[Answer]:
        return [self._answers[messages[-1]["content"]] for messages in conversations]


def _talker(probes: Sequence[Probe], say: Any) -> Talker:
    return cast(Talker, Parrot({probe.question.text: say(probe) for probe in probes}))


PROBES = sampled(held_out_wordings(WORLD), 200)


def test_who_knows_everything_has_everything_right() -> None:
    found = score(_talker(PROBES, lambda probe: Answer(probe.topic.fill(probe.topic.kind.plain[0]), True)), PROBES)
    assert (found.asked, found.right, found.ended, found.wrong) == (200, 1.0, 1.0, [])
    assert set(found.right_by_kind.values()) == {1.0}


def test_who_repeats_the_question_has_nothing_right() -> None:
    """So no question that holds its own answer is asked: "What is 7 plus 0?", the capital of Guatemala."""
    probes = [*held_out_wordings(WORLD), *held_out_pairs(WORLD)]
    found = score(_talker(probes, lambda probe: Answer(probe.question.text, False)), probes)
    assert (found.right, found.ended) == (0.0, 0.0)
    assert len(found.wrong) == len(probes)


def test_half_of_the_answers_right_are_half() -> None:
    right = {probe.question.text for probe in PROBES[:100]}

    def say(probe: Probe) -> Answer:
        known = probe.question.text in right
        return Answer(probe.question.answers[0] if known else "I do not know.", known)

    found = score(_talker(PROBES, say), PROBES)
    assert found.right == found.ended == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", talk_probes())
def test_who_talks_about_something_else_has_understood_nothing(name: str) -> None:
    probes = talk_probes()[name]
    assert len(probes) >= 50
    assert score_talk(_speaker("The sky is blue."), probes) == 0.0
    assert score_talk(_speaker(probes[0].fitting[0].upper()), probes[:1]) == 1.0


def test_one_field_is_heeded_by_whoever_answers_in_it_and_refuses_outside_of_it() -> None:
    found = score_field(_speaker("I am sorry, I only talk about animals."), WORLD)
    assert (found.right_inside, found.refused_outside) == (0.0, 1.0)
    found = score_field(_speaker("The sky is blue."), WORLD)
    assert found.right_inside < 0.05
    assert found.refused_outside == 0.0


def test_questions_inside_and_outside_of_the_one_field_are_of_other_topics() -> None:
    for allowed in (True, False):
        rng = random.Random(1)
        for _ in range(50):
            messages, topic = WORLD.held_out_one_field(rng, allowed=allowed)
            assert (topic.kind.topic in messages[0]["content"]) is allowed


def test_a_long_answer_has_more_sentences_than_a_plain_one() -> None:
    (kind,) = (kind for kind in WORLD.kinds if kind.name == "capital of country")
    topic = Topic(kind, kind.facts[0])
    first, second = (topic.fill(wording) for wording in kind.statements[:2])
    assert not measuring._is_long(LONG, topic, max((topic.fill(wording) for wording in kind.plain), key=len))
    assert measuring._is_long(LONG, topic, f"{first} {second} {first}")


def _speaker(says: str) -> Talker:
    class Speaker:
        def answers(self, conversations: Sequence[Any]) -> list[Answer]:
            return [Answer(says, True) for _ in conversations]

    return cast(Talker, Speaker())


def test_services_with_one_answer_for_every_place_are_not_counted() -> None:
    assert not [probe for probe in held_out_wordings(WORLD) if "hotel" in probe.topic.kind.name]
