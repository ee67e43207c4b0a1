"""Reads a data file as numbered lines of bytes, in bounded memory. What a line means is decided in `validation`."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple

from localft.errors import UsageError

MAX_LINE_BYTES = 2 * 1024 * 1024
"""Longest line that is read whole: 32 bytes for each of the 65,536 tokens that the service takes in an example.

It bounds memory. Objects can take 35 times their text once parsed, and with what checking them needs up to twice that, so
2 MiB is what fits beside the rest in 256 MB.
"""

JSON_WHITESPACE = b" \t\r\n"
UTF8_BOM = b"\xef\xbb\xbf"
_FIRST_BYTES = 8192


class NumberedLine(NamedTuple):
    """One line without its line end, the white space before that and the file's byte order mark."""

    number: int
    """1-based; blank lines count, so that it is the number an editor shows."""
    offset: int
    """Byte offset of `raw` in the file."""
    raw: bytes
    too_long: int = 0
    """The line's length in bytes where it exceeds MAX_LINE_BYTES (then `raw` is only its start), else 0."""

    @property
    def is_blank(self) -> bool:
        return not self.raw


def read_lines(path: str | Path, *, param: str = "training_file") -> Iterator[NumberedLine]:
    """Yields every line of the file, blank ones too.

    A line ends in LF or CR LF. A file that cannot be read is a `UsageError` that names the request field `param`.
    """
    with open_data_file(path, param=param) as file:
        yield from lines_of(file, path, param=param)


def lines_of(file: BufferedReader, path: str | Path, *, param: str) -> Iterator[NumberedLine]:
    """Yields the lines of an open file, from its beginning."""
    number = offset = 0
    try:
        while piece := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            size = len(piece)
            if size > MAX_LINE_BYTES and not piece.endswith(b"\n"):
                size += _skip_rest_of_line(file)
                yield NumberedLine(number, offset, piece[:80], too_long=size)
            else:
                mark = len(UTF8_BOM) if number == 1 and piece.startswith(UTF8_BOM) else 0
                yield NumberedLine(number, offset + mark, piece[mark:].rstrip(JSON_WHITESPACE))
            offset += size
    except OSError as error:
        raise _unreadable(path, error, param) from error


def first_bytes(file: BufferedReader, path: str | Path, *, param: str) -> bytes:
    """What the file begins with, which stays to be read."""
    try:
        return file.peek(_FIRST_BYTES)[:_FIRST_BYTES]
    except OSError as error:
        raise _unreadable(path, error, param) from error


def open_data_file(path: str | Path, *, param: str = "training_file") -> BufferedReader:
    """Opens the file for reading, or says in one sentence why it cannot be read."""
    try:
        return BufferedReader(open(path, "rb", buffering=0), 1 << 20)
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: expected a JSONL file, found nothing at this path; check the name "
            f"(relative paths start at {Path.cwd()}).",
            code="file_not_found",
            param=param,
        ) from error
    except IsADirectoryError as error:
        raise UsageError(
            f"{path}: expected a JSONL file, found a directory; name the file inside it.",
            code="not_a_file",
            param=param,
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise _unreadable(path, error, param) from error


def _unreadable(path: str | Path, error: Exception, param: str) -> UsageError:
    reason = getattr(error, "strerror", None) or str(error)
    return UsageError(
        f"{path}: expected a file that can be read, found: {reason}; check its permissions and the disk.",
        code="unreadable_file",
        param=param,
    )


def _skip_rest_of_line(file: BinaryIO) -> int:
    """Reads past the next line end and returns how many bytes that were."""
    skipped = 0
    while piece := file.readline(1 << 20):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
