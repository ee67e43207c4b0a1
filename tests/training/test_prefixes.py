"""The forest of what rows begin with in common."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from localft.training.prefixes import LEAST_SHARED, Forest, forest, separate


def spelled(grown: Forest, rows: list[list[int]]) -> list[list[int]]:
    """The rows, put together from the segments of their paths."""
    runs = [rows[run.row][run.begin : run.end] for run in grown.segments]
    return [[token for index in path for token in runs[index]] for path in grown.paths]


def lengths(grown: Forest) -> list[int]:
    return [run.end - run.begin for run in grown.segments]


def test_a_common_beginning_stands_once() -> None:
    rows = [[7] * 20 + [1], [7] * 20 + [2], [8] * 3]
    grown = forest(rows)
    assert lengths(grown) == [20, 1, 1, 3]
    assert [run.parent for run in grown.segments] == [-1, 0, 0, -1]
    assert grown.paths == ((0, 1), (0, 2), (3,))
    assert grown.tokens == 25


def test_a_beginning_too_short_to_pay_is_not_shared() -> None:
    for common, segments in ((LEAST_SHARED - 1, 2), (LEAST_SHARED, 3)):
        assert len(forest([[7] * common + [1], [7] * common + [2]]).segments) == segments


def test_beginnings_are_shared_within_beginnings() -> None:
    """One system message for all, two sets of tools, and turns that go on from one another."""
    system, tools, other = [1] * 40, [2] * 30, [3] * 50
    rows = [system + tools + [4], system + other + [5], system + tools + [4] + [6] * 20, system + tools + [7]]
    grown = forest(rows)
    assert spelled(grown, rows) == rows
    assert grown.tokens == 40 + 30 + 1 + 51 + 21 + 1
    assert lengths(grown)[:2] == [40, 30]


def test_equal_rows_are_one_and_a_row_may_end_where_others_go_on() -> None:
    row = list(range(50))
    assert lengths(forest([row, row, row])) == [50]
    grown = forest([row, [*row, 9], row])
    assert lengths(grown) == [50, 1]
    assert grown.paths == ((0,), (0, 1), (0,))


def test_a_conversation_of_a_thousand_unrolled_turns_is_no_matter_of_recursion() -> None:
    rng = random.Random(1)
    whole = [rng.randrange(500) for _ in range(2000 * LEAST_SHARED)]
    rows = [whole[: turn * LEAST_SHARED] for turn in range(1, 2001)]
    grown = forest(rows)
    assert grown.tokens == len(whole)
    assert [len(path) for path in grown.paths] == list(range(1, 2001))


def test_separate_rows_share_nothing() -> None:
    grown = separate([20, 20])
    assert grown.paths == ((0,), (1,))
    assert grown.tokens == 40


@given(
    shapes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 30)), min_size=1, max_size=12),
    seed=st.integers(0, 9),
)
def test_any_rows_are_spelled_by_their_paths_in_no_more_tokens_than_they_have(
    shapes: list[tuple[int, int, int]], seed: int
) -> None:
    rng = random.Random(seed)
    rows = [
        [first] * 18 * first + [second] * 17 * second + [rng.randrange(4) for _ in range(length)]
        for first, second, length in shapes
    ]
    grown = forest(rows)
    assert spelled(grown, rows) == rows
    assert all(run.parent < index for index, run in enumerate(grown.segments))
    assert all(length > 0 for length in lengths(grown))
    distinct = {tuple(row[: end + 1]) for row in rows for end in range(len(row))}
    assert len(distinct) <= grown.tokens <= sum(map(len, rows))
    assert grown.tokens - len(distinct) < LEAST_SHARED * len(rows), "what is not shared is short"
