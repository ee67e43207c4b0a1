"""Tells a file that is no UTF-8 text at all by what it begins with, so that it gets one error and not one a line."""

from __future__ import annotations

from localft.data.problems import Problem

_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"PK\x03\x04": ("zip", "unzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ\x00": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
}
"""First bytes -> the name of the compression, and the command that undoes it."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROL_CHARACTERS = bytes(set(range(32)) - set(b"\t\n\f\r")) + b"\x7f"
_MOST_CONTROL_CHARACTERS = 0.05
"""Share of them in text. Bytes at random have 11 %; a stray one in a row is for the rules of that row to tell."""


def not_text(first: bytes) -> Problem | None:
    """The one problem of a file that begins with these bytes, where it is compressed, in UTF-16 or binary."""
    for magic, (name, command) in _COMPRESSED.items():
        if first.startswith(magic):
            message = f"expected JSONL, found a file compressed with {name}; unpack it first ({command})"
            return Problem(None, None, "not_text", message)
    if first.startswith(_UTF16_MARKS):
        message = (
            "expected UTF-8, found a UTF-16 byte order mark at byte offset 0; save the file as UTF-8, for instance with: "
            "iconv -f UTF-16 -t UTF-8 FILE > OUT"
        )
        return Problem(None, None, "invalid_utf8", message)
    if len(first) - len(first.translate(None, _CONTROL_CHARACTERS)) > _MOST_CONTROL_CHARACTERS * len(first):
        message = "expected JSONL, found a binary file; write each example as one JSON object a line, as UTF-8 text"
        return Problem(None, None, "not_text", message)
    return None
