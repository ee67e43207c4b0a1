"""A sequence of problems that stays small in memory however many there are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, overload

import msgspec

from localft.data.problems import Problem

_IN_MEMORY_BYTES = 1 << 20
_READ_BYTES = 1 << 16

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Problem).decode


class ProblemLog(Sequence[Problem]):
    """Problems in the order in which they were appended.

    Up to 1 MiB of them stay in memory; the rest goes to a temporary file that vanishes with the log. Iterating is
    cheap and may be done several times, also at once; an index counts from the start.
    """

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - lives as long as the log
        self._length = 0
        self.extend(problems)

    def append(self, problem: Problem) -> None:
        self.extend((problem,))

    def extend(self, problems: Iterable[Problem]) -> None:
        self._file.seek(0, 2)
        for problem in problems:
            self._file.write(_encode(problem) + b"\n")
            self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Problem]:
        offset = 0
        while True:
            self._file.seek(offset)
            lines = self._file.readlines(_READ_BYTES)
            offset = self._file.tell()
            if not lines:
                return
            yield from map(_decode, lines)

    @overload
    def __getitem__(self, index: int) -> Problem: ...
    @overload
    def __getitem__(self, index: slice) -> list[Problem]: ...
    def __getitem__(self, index: int | slice) -> Problem | list[Problem]:
        if isinstance(index, slice):
            return list(self)[index]
        position = range(self._length)[index]
        return next(islice(self, position, None))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<ProblemLog of {self._length}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors that carry a report cross process boundaries, so the log has to be picklable."""
        return (ProblemLog, (list(self),))
