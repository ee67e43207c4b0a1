"""Tells a file that is one JSON array of rows from lines of JSON."""

from __future__ import annotations

from localft.data.jsonl import JSON_WHITESPACE, NumberedLine
from localft.data.strict_json import NotJson, parse


class ArraySigns:
    """What speaks for one array around all rows: `[` and `{` begin the file, `]` ends it, and the first line is no row.

    Gathered as the lines that are not blank pass by, the first of them at the start; no line is kept.
    """

    def __init__(self, first: NumberedLine) -> None:
        text = first.raw.lstrip(JSON_WHITESPACE)
        self._opened = text.startswith(b"[")
        self._inside = text[1:].lstrip(JSON_WHITESPACE)[:1]
        self._first_is_whole = self._opened and not first.too_long and _is_json(first.raw)
        self._first_is_too_long = bool(first.too_long)
        self._closed = _may_close(first)
        self._alone = True

    def follow(self, line: NumberedLine) -> None:
        if self._opened:
            self._alone = False
            self._inside = self._inside or line.raw.lstrip(JSON_WHITESPACE)[:1]
            self._closed = _may_close(line)

    @property
    def found(self) -> bool:
        """An array on a line among others is a row, and wrong as such; one alone in its file holds the rows."""
        bracketed = self._opened and self._inside == b"{" and self._closed
        if self._alone:
            return bracketed and (self._first_is_whole or self._first_is_too_long)
        return bracketed and not (self._first_is_whole or self._first_is_too_long)


def _may_close(line: NumberedLine) -> bool:
    """Whether the line ends an array; of one that is too long the end is not known."""
    return bool(line.too_long) or line.raw.endswith(b"]")


def _is_json(raw: bytes) -> bool:
    try:
        parse(raw.decode("utf-8"))
    except (UnicodeDecodeError, NotJson):
        return False
    return True
