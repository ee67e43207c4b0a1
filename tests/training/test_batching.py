"""Which examples form a step, and how it is spread, without a model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localft.tokenization.examples import TokenizedExample
from localft.training import batching
from localft.training.batching import Steps, cut, deal, order, pack, steps_per_epoch
from localft.training.prefixes import forest
from tiny_jobs import random_rows


def test_order_is_a_pure_function_of_seed_and_epoch() -> None:
    assert order(42, 0, 12) == [6, 3, 5, 0, 8, 1, 10, 9, 4, 11, 2, 7]
    assert order(42, 0, 1000) == order(42, 0, 1000)
    assert order(42, 1, 1000) != order(42, 0, 1000)
    assert order(43, 0, 1000) != order(42, 0, 1000)


@given(seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 49), n=st.integers(0, 200))
def test_every_example_comes_once_an_epoch(seed: int, epoch: int, n: int) -> None:
    assert sorted(order(seed, epoch, n)) == list(range(n))


@pytest.mark.parametrize(
    ("n", "batch_size", "steps"), [(10, 7, 2), (10, 1, 10), (10, 10, 1), (10, 256, 1), (101, 1, 101)]
)
def test_steps_per_epoch_round_up(n: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(n, batch_size) == steps


def test_deal_gives_the_longest_rows_first_to_the_rank_with_the_fewest_tokens() -> None:
    assert deal([5, 9, 7], 2) == [[1], [2, 0]]
    assert deal([4000, 100, 100, 100, 100, 100], 2) == [[0], [1, 2, 3, 4, 5]]
    assert deal([5], 3) == [[0], [], []]


@given(lengths=st.lists(st.integers(1, 100), max_size=40), ranks=st.integers(1, 9))
def test_deal_splits_a_step_into_shares_that_differ_by_one_row_at_most(lengths: list[int], ranks: int) -> None:
    shares = deal(lengths, ranks)
    assert sorted(position for share in shares for position in share) == list(range(len(lengths)))
    loads = [sum(lengths[position] for position in share) for share in shares]
    assert max(loads) - min(loads) <= max(lengths, default=0)
    assert sum(1 for share in shares if share) == min(ranks, len(lengths))


def rows_of(lengths: Sequence[int]) -> list[list[int]]:
    return [[0] * length for length in lengths]


def test_pack_fills_micro_batches_with_tokens() -> None:
    rows = rows_of([9, 7, 2, 2])
    assert pack(rows, 11, share=False) == [[0, 2], [1, 3]]
    assert pack(rows, 1000, share=False) == [[0, 1, 2, 3]]
    assert pack(rows, 1, share=False) == [[0], [1], [2], [3]]
    assert pack([], 10, share=False) == pack([], 10, share=True) == []


def test_rows_that_begin_alike_come_together_and_count_what_they_add() -> None:
    one, other = [1] * 160, [2] * 160
    rows = [[*one, 5], [*other, 6], [*one, 7], [*other, 8], [3] * 30]
    assert pack(rows, 200, share=True) == [[0, 2], [1, 3], [4]], "161 and 161 - 160 + 160 / 16; 28 tokens are left"
    assert pack(rows, 200, share=False) == [[0, 4], [1], [2], [3]]
    assert pack(rows, 170, share=True) == [[0], [2], [1], [3], [4]], "keys that are read again count too"


def test_beginnings_that_part_in_short_steps_keep_the_budget_too() -> None:
    """What is common beyond a shared beginning counts as shared from 16 tokens on, as the forest has it."""
    rng = random.Random(0)
    tokens = lambda n: [rng.randrange(500) for _ in range(n)]  # noqa: E731
    system, groups = tokens(20), [tokens(15) for _ in range(8)]
    rows = [system + group + tokens(1) for group in groups for _ in range(32)]
    parts = pack(rows, 512, share=True)
    assert sorted(position for part in parts for position in part) == list(range(len(rows)))
    assert max(forest([rows[position] for position in part]).tokens for part in parts) <= 512


def test_rows_without_a_common_beginning_are_packed_as_if_nothing_were_shared() -> None:
    rng = random.Random(3)
    rows = [[number] + [rng.randrange(9) for _ in range(rng.randint(1, 80))] for number in range(60)]
    for budget in (1, 50, 100, 1000):
        assert pack(rows, budget, share=True) == pack(rows, budget, share=False)


@given(heads=st.lists(st.integers(0, 3), max_size=25), budget=st.integers(1, 400), seed=st.integers(0, 99))
def test_shared_micro_batches_keep_the_budget_with_each_beginning_once(
    heads: list[int], budget: int, seed: int
) -> None:
    rng = random.Random(seed)
    rows = [[head] * 20 * head + [rng.randrange(5) for _ in range(rng.randint(1, 60))] for head in heads]
    parts = pack(rows, budget, share=True)
    assert sorted(position for part in parts for position in part) == list(range(len(rows)))
    for part in parts:
        assert forest([rows[position] for position in part]).tokens <= budget or len(part) == 1


@given(lengths=st.lists(st.integers(1, 100), max_size=40), budget=st.integers(1, 1000))
def test_packed_micro_batches_keep_the_budget_and_are_more_than_half_full(lengths: list[int], budget: int) -> None:
    parts = pack(rows_of(lengths), budget, share=False)
    assert sorted(position for part in parts for position in part) == list(range(len(lengths)))
    sizes = [sum(lengths[position] for position in part) for part in parts]
    assert all(size <= budget or len(part) == 1 for part, size in zip(parts, sizes, strict=True))
    assert all(a + b > budget for a, b in pairwise(sizes)), "no two neighbours fit into one"


def test_cut_keeps_the_padded_size_within_the_budget() -> None:
    assert cut([9, 7, 2, 2], 14) == [[0], [1, 2], [3]]
    assert cut([9, 7, 2, 2], 1000) == [[0, 1, 2, 3]]
    assert cut([9, 7, 2, 2], 1) == [[0], [1], [2], [3]]
    assert cut([], 10) == []


@given(lengths=st.lists(st.integers(1, 100), max_size=40), budget=st.integers(1, 1000))
def test_a_micro_batch_over_the_budget_is_one_row(lengths: list[int], budget: int) -> None:
    parts = cut(lengths, budget)
    assert [position for part in parts for position in part] == list(range(len(lengths)))
    for part in parts:
        assert len(part) == 1 or len(part) * max(lengths[position] for position in part) <= budget


def test_batch_size_7_of_10_rows_gives_steps_of_7_and_3() -> None:
    rows = random_rows(10)
    steps = Steps(rows, batch_size=7, seed=3)
    assert [step.examples for step in (steps[0], steps[1])] == [7, 3]
    assert sorted(steps[0].lines + steps[1].lines) == list(range(1, 11))
    with pytest.raises(IndexError):
        steps[2]


@pytest.mark.parametrize("ranks", [2, 3, 8, 11])
def test_shares_of_all_ranks_are_the_step_and_each_knows_its_whole_weight(ranks: int) -> None:
    rows = random_rows(10, fractional=True)
    alone = Steps(rows, batch_size=7, seed=3)
    alone.epoch = 1
    for k in range(len(alone)):
        shares = []
        for rank in range(ranks):
            steps = Steps(rows, batch_size=7, seed=3, rank=rank, ranks=ranks)
            steps.epoch = 1
            step = steps[k]
            assert (step.total_weight, step.tokens, step.lines) == (
                alone[k].total_weight,
                alone[k].tokens,
                alone[k].lines,
            )
            shares.append(step.share)
        assert sorted(e.line for share in shares for e in share) == sorted(alone[k].lines)


def test_a_step_is_read_without_reading_the_steps_before_it() -> None:
    read: list[int] = []

    class Recorded(list[TokenizedExample]):
        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            read.append(index)
            return super().__getitem__(index)

    steps = Steps(Recorded(random_rows(20)), batch_size=4, seed=3)
    step = steps[3]
    assert sorted(read) == sorted(line - 1 for line in step.lines)


def test_step_counts_tokens_and_weights() -> None:
    rows = [
        TokenizedExample(1, [1, 2, 3, 4], [0.0, 0.0, 0.5, 1.0]),
        TokenizedExample(2, [1, 2, 3], [0.0, 0.25, 0.0]),
    ]
    step = Steps(rows, batch_size=2, seed=1)[0]
    assert (step.examples, step.tokens, step.trained_tokens, step.total_weight) == (2, 7, 3, 1.75)
    assert [example.line for example in step.share] == [1, 2]


def test_an_order_is_made_once_an_epoch_and_never_for_one_that_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(seed: int, epoch: int, n: int) -> list[int]:
        made.append(epoch)
        return order(seed, epoch, n)

    monkeypatch.setattr(batching, "order", counted)
    steps = Steps(random_rows(10), batch_size=4, seed=7)
    for epoch in (3, 3, 4):  # a resumed run is told its epoch before any step is read
        steps.epoch = epoch
        lines = [line for step in steps for line in step.lines]
        assert lines == [index + 1 for index in order(7, epoch, 10)]
    assert made == [3, 4]
