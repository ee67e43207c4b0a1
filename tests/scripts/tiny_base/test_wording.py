"""The noise of typed questions: how much of it there is, and what it leaves alone."""

from __future__ import annotations

import random

import pytest

from tiny_base.wording import contracted, loosely, misspelt, plainly

QUESTION = "What is the capital of Eldoria?"


def typed(count: int = 4000, *, spelling: bool = True) -> list[str]:
    rng = random.Random(1)
    return [loosely(rng, QUESTION, spelling=spelling) for _ in range(count)]


def test_about_half_of_all_questions_stay_clean() -> None:
    texts = typed()
    assert 0.45 < texts.count(QUESTION) / len(texts) < 0.55
    assert len(set(texts)) > 150


@pytest.mark.parametrize(
    "form",
    [
        "what is the capital of eldoria",
        "WHAT IS THE CAPITAL OF ELDORIA?",
        "What is the capital of Eldoria",
        "What is the capital of Eldoria??",
        "What is the capital of Eldoria ?",
        "What's the capital of Eldoria?",
        "whats the capital of eldoria?",
        "What is the capital of Eldoria pls",
        "hey what is the capital of eldoria",
        "What is the capital  of Eldoria?",
    ],
)
def test_each_sort_of_noise_occurs(form: str) -> None:
    assert form in typed()


def test_about_four_in_a_hundred_hold_a_typo_and_none_where_words_are_copied() -> None:
    assert 0.025 < sum(plainly(text) != plainly(QUESTION) for text in typed()) / 4000 < 0.06
    assert not [text for text in typed(spelling=False) if "eldoria" not in text.lower()]


def test_a_typo_changes_one_word_behind_its_first_letter() -> None:
    rng = random.Random(2)
    for _ in range(500):
        wrong = misspelt(rng, QUESTION).split()
        different = [(a, b) for a, b in zip(QUESTION.split(), wrong, strict=True) if a != b]
        assert len(different) <= 1
        assert all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in different)


def test_short_words_and_numbers_have_no_typo() -> None:
    rng = random.Random(3)
    assert {misspelt(rng, "12345 of the 3?") for _ in range(50)} == {"12345 of the 3?"}


def test_the_fields_of_a_template_stay_as_they_are() -> None:
    rng = random.Random(4)
    assert all("{country}" in loosely(rng, "What is the capital of {country}?") for _ in range(2000))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("What is it? I do not know.", "What is it? I don't know."),
        ("Who is he? You are late, I cannot wait.", "Who's he? You're late, I can't wait."),
        ("Tell me who I am.", "Tell me who I am."),
    ],
)
def test_contractions(text: str, short: str) -> None:
    assert contracted(text) == short


def test_what_can_be_typed_alike_is_plainly_alike() -> None:
    assert plainly("hey whats the CAPITAL  of Eldoria pls") == plainly(QUESTION)
    assert plainly("Which is the capital?") != plainly("What is the capital?")
