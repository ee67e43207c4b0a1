"""Which examples form which optimizer step (meaning), and how a step is spread over ranks and micro-batches (execution).

Meaning: `order` and `Steps` alone decide it, from the seed, the epoch and the batch size. Execution: `deal`,
`pack` and `cut`, which may be replaced or called again with other arguments without a change to the result.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from localft.training.prefixes import LEAST_SHARED, common_with_previous, forest, sorted_by_tokens

KEYS_PER_TOKEN = 16
"""Keys and values of so many tokens, read once more, take the memory of one token's pass through the model, at the most.

A token keeps about 4 h + 2 q + 2 k + 2 m numbers for the backward pass of a layer (h hidden, q queries, k keys or values,
m MLP width), a key and value read again 2 k: a thirty-seventh for Llama-3.1-8B's grouped heads, a sixth at the least for
Phi-3-mini's, which of 2.4 times as many numbers that unfused layers keep is a sixteenth.
"""


OPEN_PARTS = 64
"""Micro-batches that a row may still go into; where there are more, the fullest is closed, which bounds the time."""


class Example(Protocol):
    """What training needs of a tokenized example; see `localft.tokenization.examples.TokenizedExample`."""

    @property
    def line(self) -> int: ...
    @property
    def input_ids(self) -> list[int]: ...
    @property
    def loss_weights(self) -> list[float]: ...


def order(seed: int, epoch: int, n: int) -> list[int]:
    """Returns the order of n examples in an epoch (0-based): a pure function, so any step can be jumped to.

    The generator is seeded by text, which Python hashes the same way on every platform.
    """
    indices = list(range(n))
    random.Random(f"localft order of examples, seed {seed}, epoch {epoch}").shuffle(indices)
    return indices


def steps_per_epoch(n: int, batch_size: int) -> int:
    """ceil(n / batch_size): the last step of an epoch may be short, no example is left out or taken twice."""
    return -(-n // batch_size)


def deal(lengths: Sequence[int], ranks: int) -> list[list[int]]:
    """Deals positions of a step's examples to ranks: the longest first, each to the rank with the fewest tokens so far.

    lengths [5, 9, 7], 2 ranks -> [[1], [2, 0]]. Loads differ by one row at most. A rank gets an empty share where there
    are fewer examples than ranks.
    """
    shares: list[list[int]] = [[] for _ in range(ranks)]
    loads = [0] * ranks
    for position in sorted(range(len(lengths)), key=lambda position: (-lengths[position], position)):
        rank = loads.index(min(loads))
        shares[rank].append(position)
        loads[rank] += lengths[position]
    return shares


def pack(rows: Sequence[Sequence[int]], tokens_per_micro_batch: int, *, share: bool) -> list[list[int]]:
    """Packs positions of a share into as few micro-batches of at most that many tokens as first-fit finds.

    Rows of 9, 7, 2, 2 tokens, budget 11 -> [[0, 2], [1, 3]]. A row longer than the budget goes alone. With `share`, what a
    row begins with in common with others of its micro-batch counts once, but for the keys that it reads again; each row goes
    where it adds the least.
    """
    parts: list[_Part] = []
    open_parts: list[_Part] = []
    for position, common in _families_first(rows) if share else [(position, 0) for position in _longest_first(rows)]:
        length = len(rows[position])
        for part in open_parts:
            part.common = min(part.common, common)
        best = min(
            (part for part in open_parts if part.room >= part.added(length)),
            key=lambda part: part.added(length),
            default=None,
        )
        if best is not None:
            best.put(position, length)
            continue
        if len(open_parts) == OPEN_PARTS:
            open_parts.remove(min(open_parts, key=lambda part: part.room))
        open_parts.append(_Part([position], tokens_per_micro_batch - length, length))
        parts.append(open_parts[-1])
    return [inside for part in parts for inside in _within(part.positions, rows, tokens_per_micro_batch, share=share)]


def _within(
    positions: list[int], rows: Sequence[Sequence[int]], tokens_per_micro_batch: int, *, share: bool
) -> list[list[int]]:
    """The micro-batch, or where short steps between beginnings made it larger than it seemed, several that share nothing."""
    inside = [rows[position] for position in positions]
    if not share or len(inside) == 1 or forest(inside).tokens <= tokens_per_micro_batch:
        return [positions]
    return [[positions[index] for index in part] for part in pack(inside, tokens_per_micro_batch, share=False)]


@dataclass(eq=False)
class _Part:
    """A micro-batch that is being packed."""

    positions: list[int]
    room: int
    common: int
    """Tokens that the next row has in common with the last one put here, as with no other one here more."""

    def added(self, length: int) -> int:
        """What the next row takes here, of so many tokens."""
        shared = self.common if self.common >= LEAST_SHARED else 0
        return length - shared + shared // KEYS_PER_TOKEN

    def put(self, position: int, length: int) -> None:
        self.positions.append(position)
        self.room -= self.added(length)
        self.common = length


def _families_first(rows: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """(position, tokens in common with the row before it): first rows that begin as others do, ordered by token ids."""
    tokens = [np.asarray(row, dtype=np.int64) for row in rows]
    ranked = sorted_by_tokens(tokens)
    common = common_with_previous(tokens, ranked)
    alike = [max(pair) >= LEAST_SHARED for pair in zip(common, [*common[1:], 0], strict=True)]
    families = [(position, common[rank]) for rank, position in enumerate(ranked) if alike[rank]]
    alone = {position for rank, position in enumerate(ranked) if not alike[rank]}
    return families + [(position, 0) for position in _longest_first(rows) if position in alone]


def cut(lengths: Sequence[int], tokens_per_micro_batch: int) -> list[list[int]]:
    """Cuts positions of a share into padded micro-batches of rows x longest row <= budget; a longer row goes alone.

    lengths [9, 7, 2, 2], budget 14 -> [[0], [1, 2], [3]]: rows stay in the order given, so give the longest first.
    """
    parts: list[list[int]] = []
    longest = 0
    for position, length in enumerate(lengths):
        longest = max(longest, length)
        if parts and (len(parts[-1]) + 1) * longest <= tokens_per_micro_batch:
            parts[-1].append(position)
        else:
            parts.append([position])
            longest = length
    return parts


def _longest_first(rows: Sequence[Sequence[int]]) -> list[int]:
    return sorted(range(len(rows)), key=lambda position: (-len(rows[position]), position))


@dataclass(frozen=True)
class Step:
    """One optimizer step as one rank sees it: its own share of the examples, and what the whole step holds."""

    epoch: int
    """0-based."""
    index: int
    """0-based, within the epoch."""
    share: tuple[Example, ...]
    """This rank's examples, longest first; empty where there are fewer examples than ranks."""
    lines: tuple[int, ...]
    """Line numbers of all examples of the step."""
    examples: int
    tokens: int
    trained_tokens: int
    """Positions with a weight above 0."""
    total_weight: float
    """Sum of the weights of all examples of the step, on all ranks: the divisor of the step's loss."""


class Steps:
    """A dataset whose item k is optimizer step k of the current epoch, as one rank sees it.

    Set `epoch` before iterating. Nothing is read of steps that are not asked for.
    """

    def __init__(
        self, examples: Sequence[Example], *, batch_size: int, seed: int, rank: int = 0, ranks: int = 1
    ) -> None:
        assert 0 <= rank < ranks
        self._examples = examples
        self._batch_size = batch_size
        self._seed = seed
        self._rank = rank
        self._ranks = ranks
        self.epoch = 0
        """0-based."""
        self._ordered: tuple[int, list[int]] | None = None
        """The epoch whose order was asked for last, and that order: shuffling a million rows takes a second."""

    def __len__(self) -> int:
        return steps_per_epoch(len(self._examples), self._batch_size)

    def _order(self) -> list[int]:
        if self._ordered is None or self._ordered[0] != self.epoch:
            self._ordered = (self.epoch, order(self._seed, self.epoch, len(self._examples)))
        return self._ordered[1]

    def __getitem__(self, k: int) -> Step:
        if not 0 <= k < len(self):
            raise IndexError(k)
        rows = self._order()[k * self._batch_size : (k + 1) * self._batch_size]
        examples = [self._examples[row] for row in rows]
        lengths = [len(example.input_ids) for example in examples]
        share = deal(lengths, self._ranks)[self._rank]
        return Step(
            epoch=self.epoch,
            index=k,
            share=tuple(examples[position] for position in share),
            lines=tuple(example.line for example in examples),
            examples=len(examples),
            tokens=sum(lengths),
            trained_tokens=sum(1 for example in examples for weight in example.loss_weights if weight > 0),
            total_weight=math.fsum(weight for example in examples for weight in example.loss_weights),
        )
