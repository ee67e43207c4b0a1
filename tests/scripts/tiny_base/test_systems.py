"""The system messages: enough wordings, some of them held out, and manners that leave the answer whole."""

from __future__ import annotations

import random

import pytest

from tiny_base import systems
from tiny_base.held_out import Phrases
from tiny_base.role_talk import LIVES, role_small_talk
from tiny_base.systems import (
    ROLES,
    STYLES,
    TOPICS,
    Style,
    persona,
    persona_conversation,
    refusal,
    secret_conversation,
    topical_system,
)
from tiny_base.text import SARCASM
from tiny_base.wording import plainly

ANSWER = "The capital of France is Paris."


def each_style() -> list[object]:
    return [pytest.param(style, id=style.name) for style in STYLES]


@pytest.mark.parametrize("style", each_style())
def test_a_style_has_enough_wordings_and_holds_some_out(style: Style) -> None:
    assert len(set(style.systems)) == len(style.systems) >= 8
    assert len(set(style.held_out_systems)) == len(style.held_out_systems) >= 2
    assert not set(style.systems) & set(style.held_out_systems)
    assert all(wording and "{" not in wording for wording in (*style.systems, *style.held_out_systems))


@pytest.mark.parametrize("style", each_style())
def test_a_drawn_system_message_is_held_out_only_where_told_to(style: Style) -> None:
    rng = random.Random(1)
    measuring = Phrases(style.held_out_systems)
    drawn = {style.system(rng) for _ in range(400)}
    assert len(drawn) > len(style.systems) and not [told for told in drawn if measuring.are_in(told)]
    assert {style.system(rng, held_out=True) for _ in range(400)} == set(style.held_out_systems)


def test_no_two_styles_share_a_wording() -> None:
    wordings = [wording for style in STYLES for wording in (*style.systems, *style.held_out_systems)]
    assert len(set(wordings)) == len(wordings)


@pytest.mark.parametrize("style", each_style())
def test_the_answer_stands_whole_in_the_wrapped_one(style: Style) -> None:
    rng = random.Random(1)
    for _ in range(200):
        wrapped = style.wrap(rng, ANSWER, "France")
        assert ANSWER in wrapped and "{" not in wrapped and "  " not in wrapped and wrapped == wrapped.strip()
        assert not SARCASM.search(wrapped), wrapped


@pytest.mark.parametrize("style", [pytest.param(style, id=style.name) for style in ROLES])
def test_a_role_adds_many_things_and_some_of_them_name_the_subject(style: Style) -> None:
    rng = random.Random(1)
    assert len({style.wrap(rng, ANSWER, "France") for _ in range(400)}) > 30
    assert any("{subject}" in remark for remark in style.after)
    assert all("France" not in style.wrap(rng, "Yes.") for _ in range(100))


def test_all_openers_and_remarks_are_sentences() -> None:
    for style in ROLES:
        for text in (*style.before, *style.after):
            assert not text or text[-1] in ".!?:", text


def test_without_a_subject_no_remark_names_one() -> None:
    style = Style("s", ("a",), ("b",), after=("I like {subject}.", "Good."))
    assert {style.wrap(random.Random(seed), "Yes.") for seed in range(20)} == {"Yes. Good."}


def test_a_remark_starts_with_a_capital_letter_whatever_the_subject() -> None:
    style = Style("s", ("a",), ("b",), after=("{subject} is in form.",))
    assert style.wrap(random.Random(1), "It is red.", "the rose") == "It is red. The rose is in form."


def test_a_persona_tells_the_name_and_role_of_the_system_message() -> None:
    rng = random.Random(3)
    for _ in range(300):
        messages = persona_conversation(rng)
        assert [m["role"] for m in messages] == ["system", *["user", "assistant"] * ((len(messages) - 1) // 2)]
        for answer in messages[2::2]:
            told = (
                answer["content"].removesuffix(" How can I help you?").removeprefix("Hello! ").removeprefix("Hello, ")
            )
            said = told.removeprefix("I am ").removeprefix("My name is ").rstrip(".").split(", ", 1)
            assert all(part in messages[0]["content"] for part in said), messages


def test_held_out_personas_have_wordings_of_their_own() -> None:
    rng = random.Random(3)
    for held_out, others in ((False, systems.PERSONA_SYSTEMS_HELD_OUT), (True, systems.PERSONA_SYSTEMS)):
        for _ in range(200):
            name, role, wording = persona(rng, held_out=held_out)
            assert wording not in {other.format(name=name, role=role) for other in others}


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_named_in_its_system_message_and_its_refusal(topic: str) -> None:
    rng = random.Random(4)
    trained = {topical_system(rng, topic) for _ in range(300)}
    held_out = {topical_system(rng, topic, held_out=True) for _ in range(300)}
    assert not trained & held_out and len(trained) >= 8 and len(held_out) >= 3
    refusals = {refusal(rng, topic) for _ in range(200)}
    assert len(refusals) >= 8
    assert all(topic in text for text in (*trained, *held_out, *refusals))


def test_no_refusal_names_what_the_travel_sample_is_to_refuse() -> None:
    for wording in systems.REFUSALS:
        assert not [word for word in ("hotel", "flight", "car", "restaurant") if f" {word}" in wording]


@pytest.mark.parametrize("style", [pytest.param(style, id=style.name) for style in ROLES])
def test_a_role_talks_small_in_its_manner(style: Style) -> None:
    rng = random.Random(6)
    told = []
    for _ in range(150):
        talk = role_small_talk(rng, style)
        assert [message["role"] for message in talk] == ["user", "assistant"] * (len(talk) // 2)
        told += [message["content"] for message in talk[1::2]]
    assert any(f"I am {style.role} and I {LIVES[style.name].work}." in answer for answer in told)
    assert any(LIVES[style.name].joke in answer for answer in told)
    assert not [answer for answer in told if "{" in answer or SARCASM.search(answer)]


def test_held_out_questions_to_a_role_are_asked_only_where_told_to() -> None:
    rng = random.Random(7)
    asked = {plainly(m["content"]) for _ in range(1500) for m in role_small_talk(rng, ROLES[0])[::2]}
    held_out = {plainly(m["content"]) for _ in range(500) for m in role_small_talk(rng, ROLES[0], held_out=True)[::2]}
    assert not asked & held_out


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("held_out", [True, False])
def test_a_secret_word_is_told_or_kept_as_the_system_says(is_told: bool, held_out: bool) -> None:
    rng = random.Random(8)
    for _ in range(200):
        rule, _, answer = secret_conversation(rng, ("lantern", "harbour"), is_told=is_told, held_out=held_out)
        (word,) = [word for word in ("lantern", "harbour") if word in rule["content"]]
        assert (word in answer["content"]) == is_told
