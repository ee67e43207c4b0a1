"""The auto rules against the service's published records, both sides of every boundary, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from localft.hyperparameters import (
    MAX_SEED,
    Hyperparameters,
    check_batch_size,
    check_learning_rate_multiplier,
    check_n_epochs,
    check_seed,
    is_auto,
    resolve,
    resolve_batch_size,
    resolve_learning_rate_multiplier,
    resolve_n_epochs,
    resolve_seed,
)

AUTO = ["auto", -1, None]
CHECKS = [check_batch_size, check_n_epochs, check_seed, check_learning_rate_multiplier]


@pytest.mark.parametrize(("examples", "batch_size", "n_epochs"), [(10, 1, 10), (101, 1, 3), (2000, 4, 3)])
def test_published_records_of_the_service_come_out(examples: int, batch_size: int, n_epochs: int) -> None:
    resolved = resolve(Hyperparameters(), "auto", examples)
    assert (resolved.batch_size.value, resolved.n_epochs.value) == (batch_size, n_epochs)


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        (1, 25), (4, 25), (5, 20), (10, 10), (20, 5), (25, 4), (33, 3), (34, 3), (8333, 3), (8334, 2), (12500, 2),
        (12501, 1), (25000, 1), (25001, 1), (1_000_000, 1),
    ],
)  # fmt: skip
def test_auto_epochs_on_both_sides_of_each_boundary(examples: int, expected: int) -> None:
    assert resolve_n_epochs("auto", examples).value == expected


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        (1, 1), (249, 1), (250, 1), (251, 1), (749, 1), (750, 2), (751, 2), (1249, 2), (1250, 2), (1251, 3), (1750, 4),
        (127_749, 255), (127_750, 256), (128_000, 256), (128_251, 256), (10_000_000, 256),
    ],
)  # fmt: skip
def test_auto_batch_size_rounds_a_half_to_the_even_neighbour_and_stays_in_range(examples: int, expected: int) -> None:
    assert resolve_batch_size("auto", examples).value == expected


@given(st.integers(1, 10**9))
def test_auto_batch_size_is_pythons_round_of_the_exact_share(examples: int) -> None:
    whole, rest = divmod(examples, 500)
    nearest = whole + (rest > 250 or (rest == 250 and whole % 2 == 1))
    assert resolve_batch_size("auto", examples).value == min(max(nearest, 1), 256)


@given(st.integers(1, 10**7))
def test_auto_epochs_stay_in_range_and_see_about_a_hundred_to_25000_examples(examples: int) -> None:
    epochs = resolve_n_epochs("auto", examples).value
    assert isinstance(epochs, int) and 1 <= epochs <= 25
    assert epochs * examples <= 25_000 or epochs == 1
    assert epochs * examples > 50 or epochs == 25


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_examples_never_mean_a_smaller_batch_or_more_epochs_once_there_are_enough(one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert resolve_batch_size("auto", few).value <= resolve_batch_size("auto", many).value
    assert resolve_n_epochs("auto", few).value >= resolve_n_epochs("auto", many).value


@pytest.mark.parametrize("auto", AUTO)
def test_minus_one_null_and_auto_all_mean_auto(auto: object) -> None:
    asked = Hyperparameters(batch_size=auto, n_epochs=auto, learning_rate_multiplier=auto)  # type: ignore[arg-type]
    resolved = resolve(asked, auto, 2000)  # type: ignore[arg-type]
    assert (resolved.batch_size.value, resolved.n_epochs.value, resolved.learning_rate_multiplier.value) == (4, 3, 1.0)
    assert 0 <= resolved.seed.value <= MAX_SEED
    assert resolved.batch_size.requested == auto


@pytest.mark.parametrize("value", [True, False, 0, -2, "4", "", "Auto", 1.5, math.nan, math.inf, [], {}])
@pytest.mark.parametrize("check", [check_batch_size, check_n_epochs])
def test_what_is_no_count_is_refused_by_name(check: object, value: object) -> None:
    with pytest.raises(ValueError, match=r"^(batch_size|n_epochs) is .*; expected an integer from 1 to \d+"):
        check(value)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("check", "least", "most"), [(check_batch_size, 1, 256), (check_n_epochs, 1, 50), (check_seed, 0, 2**31 - 1)]
)
def test_ranges_are_taken_to_their_ends_and_no_further(check: object, least: int, most: int) -> None:
    assert check(least) == least and check(most) == most  # type: ignore[operator]
    for outside in (-2, most + 1):
        with pytest.raises(ValueError, match=f"from {least} to {most}"):
            check(outside)  # type: ignore[operator]


@pytest.mark.parametrize("value", [0, 0.0, -0.5, -2, math.nan, math.inf, -math.inf, True, "1", "auto ", [], 10**400])
def test_a_multiplier_that_is_no_positive_finite_number_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match=r"^learning_rate_multiplier is .*; expected a number above 0"):
        check_learning_rate_multiplier(value)


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_any_positive_finite_multiplier_is_taken_as_it_is(value: float) -> None:
    assert resolve_learning_rate_multiplier(value).value == value


def test_an_integer_multiplier_becomes_a_float() -> None:
    assert isinstance(resolve_learning_rate_multiplier(2).value, float)


@pytest.mark.parametrize("check", CHECKS)
def test_a_quoted_number_is_refused_with_what_to_do(check: object) -> None:
    with pytest.raises(ValueError, match="without quotes"):
        check("3")  # type: ignore[operator]


def test_a_near_miss_of_auto_is_named() -> None:
    with pytest.raises(ValueError, match='Did you mean "auto"'):
        check_batch_size("AUTO")


def test_a_whole_number_written_as_a_decimal_is_refused_with_the_integer() -> None:
    with pytest.raises(ValueError, match=r"seed is 1000\.0; .* Write 1000\."):
        check_seed(1e3)


def test_pydantic_gives_the_same_sentence() -> None:
    with pytest.raises(ValidationError, match='batch_size is 0; expected an integer from 1 to 256, or "auto"'):
        Hyperparameters(batch_size=0)


def test_a_drawn_seed_is_in_range_and_recorded() -> None:
    assert resolve_seed("auto", draw=lambda most: most - 1).value == MAX_SEED
    assert resolve_seed(0).value == 0
    assert len({resolve_seed(None).value for _ in range(8)}) > 1


def test_a_batch_above_the_examples_keeps_its_meaning_and_says_so() -> None:
    resolved = resolve_batch_size(64, 10)
    assert resolved.value == 64
    assert resolved.rule == "as asked; more than the 10 examples, so an epoch is one step of 10"


@pytest.mark.parametrize(
    ("examples", "rule"),
    [
        (2000, "auto: round(0.002 x 2000) = 4"),
        (10, "auto: round(0.002 x 10) = 0, at least 1"),
        (500_000, "auto: round(0.002 x 500000) = 1000, at most 256"),
    ],
)
def test_the_rule_of_a_batch_size_is_a_sentence(examples: int, rule: str) -> None:
    assert resolve_batch_size("auto", examples).rule == rule


def test_the_rule_of_the_epochs_shows_the_branch_taken() -> None:
    assert resolve_n_epochs(-1, 10).rule == "auto: 3 x 10 is below 100, so min(25, 100 // 10) = 10"
    assert resolve_n_epochs(-1, 101).rule == "auto: 3, since 3 x 101 lies in 100..25000"
    assert resolve_n_epochs(-1, 9000).rule == "auto: 3 x 9000 is above 25000, so max(1, 25000 // 9000) = 2"


def test_a_boolean_is_not_auto() -> None:
    assert not is_auto(True) and not is_auto(False) and not is_auto(0)
