"""Finds rows that stand twice, in one file or in two, in bounded memory.

A row is known by a 64-bit fingerprint of its bytes, kept with its line. Fingerprints are dealt into PARTITIONS by
value; a partition's surplus goes to one temporary file. Equal rows meet in the same partition, so each is looked at
alone. Among ten million rows two share a fingerprint by chance with a probability of about 3 in a million, which a
warning can bear.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

PARTITIONS = 64
_BUFFERED_NUMBERS = 8192  # two a row, 8 bytes each: 4 MiB over all partitions
_BYTES = 8


@dataclass
class Repetition:
    """How many rows repeat another, and the first of them."""

    rows: int = 0
    line: int = 0
    """Line of the first row that repeats another."""
    repeats: int = 0
    """Line that it repeats."""

    def add(self, line: int, repeats: int) -> None:
        if not self.rows or line < self.line:
            self.line, self.repeats = line, repeats
        self.rows += 1


class RowIndex:
    """Fingerprints and lines of one file's rows."""

    def __init__(self) -> None:
        self._buffers = [array("q") for _ in range(PARTITIONS)]
        self._spilled: list[list[tuple[int, int]]] = [[] for _ in range(PARTITIONS)]
        self._file = tempfile.SpooledTemporaryFile(max_size=1)  # noqa: SIM115 - lives as long as the index

    def add(self, raw: bytes, line: int) -> None:
        fingerprint = hash(raw)
        partition = fingerprint % PARTITIONS
        buffer = self._buffers[partition]
        buffer.append(fingerprint)
        buffer.append(line)
        if len(buffer) >= _BUFFERED_NUMBERS:
            self._spill(partition)

    def repeated(self) -> Repetition:
        """Rows that stand earlier in the same file."""
        found = Repetition()
        for partition in range(PARTITIONS):
            first_lines: dict[int, int] = {}
            for fingerprint, line in self._rows(partition):
                first = first_lines.setdefault(fingerprint, line)
                if first != line:
                    found.add(line, first)
        return found

    def shared_with(self, other: RowIndex) -> Repetition:
        """Rows of this file that also stand in `other`; `repeats` is the line there."""
        found = Repetition()
        for partition in range(PARTITIONS):
            lines_there: dict[int, int] = {}
            for fingerprint, line in other._rows(partition):
                lines_there.setdefault(fingerprint, line)
            for fingerprint, line in self._rows(partition):
                if fingerprint in lines_there:
                    found.add(line, lines_there[fingerprint])
        return found

    def _spill(self, partition: int) -> None:
        buffer = self._buffers[partition]
        self._spilled[partition].append((self._file.seek(0, 2), len(buffer)))
        self._file.write(buffer.tobytes())
        self._buffers[partition] = array("q")

    def _rows(self, partition: int) -> Iterator[tuple[int, int]]:
        """Fingerprint and line of each row of the partition, in the order of the file."""
        for offset, length in self._spilled[partition]:
            self._file.seek(offset)
            piece = array("q", self._file.read(length * _BYTES))
            yield from zip(piece[::2], piece[1::2], strict=True)
        piece = self._buffers[partition]
        yield from zip(piece[::2], piece[1::2], strict=True)
