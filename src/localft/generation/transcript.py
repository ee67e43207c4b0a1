"""From token ids to text, as it becomes certain: whole characters, special tokens marked, stop strings found.

Special tokens stand between two marks, so that a model's own `<|tool_call|>` is told from the same characters written out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from localft.tokenization.tokenizer import ChatTokenizer

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Noncharacters of Unicode: what ordinary tokens write of them is taken out."""
_MARKED = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")
_UNFINISHED = "\ufffd"
_LONGEST_CHARACTER = 8
"""Tokens that a character may be spread over; bytes that have become none by then are no text."""


def visible(marked: str) -> str:
    """Text without its special tokens."""
    return _MARKED.sub("", marked) if OPEN in marked else marked


def mark(text: str, tokenizer: ChatTokenizer) -> str:
    """Marks the special tokens of a text that a template wrote."""
    pattern = tokenizer.special_pattern
    return pattern.sub(lambda match: f"{OPEN}{match[0]}{CLOSE}", text) if pattern else text


class Decoder:
    """Tells the text of tokens as they come; a character whose bytes are not all there waits."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer
        self._special = {id: text for text, id in tokenizer.special_tokens.texts.items()}
        self._ids: list[int] = []
        self._told = 0
        """How many of `_ids` are told; those before give the rest its context."""

    def feed(self, id: int) -> str:
        if id in self._special:
            text = self.flush()
            self._ids, self._told = [], 0
            return f"{text}{OPEN}{self._special[id]}{CLOSE}"
        self._ids.append(id)
        return self._tell(len(self._ids) - self._told >= _LONGEST_CHARACTER)

    def flush(self) -> str:
        """What waits, though it is no whole character."""
        return self._tell(True)

    def _tell(self, at_once: bool) -> str:
        before = self._decode(self._ids[: self._told])
        text = self._decode(self._ids)
        if text.endswith(_UNFINISHED) and not at_once:
            return ""
        new = text[len(before) :]
        self._ids = self._ids[self._told :]
        self._told = len(self._ids)
        return new.replace(OPEN, "").replace(CLOSE, "")

    def _decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(ids) if ids else ""


class StopSearch:
    """Lets text through up to the first stop string; what may be the beginning of one waits."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._waiting = ""
        self.found = False

    def feed(self, text: str) -> str:
        if not self._stops or self.found:
            return "" if self.found else text
        self._waiting += text
        places = [at for at in map(self._waiting.find, self._stops) if at >= 0]
        if places:
            self.found = True
            return self._waiting[: min(places)]
        kept = max(_overlap(self._waiting, stop) for stop in self._stops)
        certain = self._waiting[: len(self._waiting) - kept]
        self._waiting = self._waiting[len(certain) :]
        return certain

    def flush(self) -> str:
        waiting, self._waiting = self._waiting, ""
        return "" if self.found else waiting


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of `text` that `stop` begins with."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
