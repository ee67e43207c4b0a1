"""What rows begin with in common: a forest of segments, in which each distinct beginning stands once.

Chat files repeat a system message and tools in every row. Rows are sorted by their token ids, so that rows which begin
alike are neighbours, and cut wherever enough of them part ways. The last common token is shared too: it predicts another
next token in each row, and is scored against every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

LEAST_SHARED = 16
"""Tokens that rows must have in common beyond what is shared already: below, another segment costs more than it saves."""
NO_PARENT = -1

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """A run of tokens of one or more rows."""

    row: int
    """A row that it is part of."""
    begin: int
    end: int
    """Where it stands in that row, and in all others that it is part of."""
    parent: int
    """Index of the segment before it; -1 where rows begin with it."""


@dataclass(frozen=True)
class Forest:
    """Rows as paths through segments; parents come before their children."""

    segments: tuple[Segment, ...]
    paths: tuple[tuple[int, ...], ...]
    """For each row the indices of its segments, in order."""

    @property
    def tokens(self) -> int:
        """Tokens that are computed: each segment's once."""
        return sum(segment.end - segment.begin for segment in self.segments)


def separate(lengths: Sequence[int]) -> Forest:
    """A forest in which nothing is shared: each row is a segment."""
    segments = tuple(Segment(row, 0, length, NO_PARENT) for row, length in enumerate(lengths))
    return Forest(segments, tuple((row,) for row in range(len(lengths))))


def forest(rows: Sequence[Sequence[int]]) -> Forest:
    """The forest of the rows, shared wherever at least `LEAST_SHARED` tokens are common to two of them.

    Rows [7]*20 + [1], [7]*20 + [2], [8]*3 -> segments of 20, 1, 1 and 3 tokens.
    """
    assert rows, "there are rows"
    tokens = [np.asarray(row, dtype=np.int64) for row in rows]
    ranked = sorted_by_tokens(tokens)
    common = common_with_previous(tokens, ranked)
    segments: list[Segment] = []
    paths: list[tuple[int, ...]] = [()] * len(rows)
    todo: list[tuple[int, int, int, tuple[int, ...]]] = [
        (first, last, 0, ()) for first, last in reversed(_runs(common, 0, len(rows), LEAST_SHARED))
    ]
    while todo:
        first, last, depth, path = todo.pop()
        row = ranked[first]
        alone = last - first == 1
        end = len(tokens[row]) if alone else min(common[first + 1 : last])
        if end > depth:  # not where a row ends with what others go on from
            segments.append(Segment(row, depth, end, path[-1] if path else NO_PARENT))
            path = (*path, len(segments) - 1)
        if alone:
            paths[row] = path
            continue
        inner = _runs(common, first, last, end + LEAST_SHARED)
        todo += [(begin, stop, end, path) for begin, stop in reversed(inner)]
    return Forest(tuple(segments), tuple(paths))


def sorted_by_tokens(tokens: Sequence[Tokens]) -> list[int]:
    """Indices of the rows in the order of their token ids, so that rows which begin alike are neighbours."""
    keys = [row.astype(">u8").tobytes() for row in tokens]  # compares as the ids do, and far faster than a list
    return sorted(range(len(tokens)), key=keys.__getitem__)


def common_with_previous(tokens: Sequence[Tokens], ranked: Sequence[int]) -> list[int]:
    """Length of what each row, in the order given, begins with in common with the one before it; 0 for the first."""
    return [0, *(_common(tokens[before], tokens[row]) for before, row in pairwise(ranked))]


def _common(left: Tokens, right: Tokens) -> int:
    length = min(len(left), len(right))
    differ = left[:length] != right[:length]
    return int(differ.argmax()) if differ.any() else length


def _runs(common: Sequence[int], first: int, last: int, least: int) -> list[tuple[int, int]]:
    """Cuts ranks first..last into runs of neighbours that have at least so many tokens in common."""
    begins = [first, *(rank for rank in range(first + 1, last) if common[rank] < least), last]
    return list(pairwise(begins))
