"""Reads the tool calls out of an answer while it is being written."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from localft.generation.transcript import visible
from localft.tokenization.call_form import CallForm, form_pattern
from localft.wire.engine import CallDelta

_NAME = r"([A-Za-z0-9_-]{1,64})"
_LONGEST_OPENING = 200
"""Characters behind the first of an opening within which all of it has to stand."""


def new_call_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"


@dataclass(frozen=True)
class Piece:
    """What became certain of an answer: text that the user sees, and pieces of calls."""

    text: str = ""
    calls: tuple[CallDelta, ...] = ()


class _Arguments:
    """Follows a JSON object to its closing brace."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = self._escaped = False

    def end_in(self, text: str) -> int | None:
        """The character behind the closing brace, or None where it has not come yet."""
        for at, character in enumerate(text):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif character == "\\":
                    self._escaped = True
                elif character == '"':
                    self._in_string = False
            elif character == '"':
                self._in_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return at + 1
        return None


class CallReader:
    """Separates an answer's text from its calls. `form` is marked as the answer is; `names` are the functions offered."""

    def __init__(
        self,
        form: CallForm,
        names: Collection[str],
        *,
        parallel: bool,
        new_id: Callable[[], str] = new_call_id,
    ) -> None:
        self._form, self._names, self._parallel, self._new_id = form, names, parallel, new_id
        self._opening = re.compile(form_pattern(form.before))
        self._first = form.before.split(maxsplit=1)[0] if form.before.strip() else ""
        self._between = (
            None if form.between is None else re.compile(r"\s*" + form_pattern(form.between.strip()) + r"\s*")
        )
        self._head = re.compile(self._head_pattern())
        self._waiting = self._held = ""
        self._state: Callable[[], Piece | None] = self._read_text
        self._arguments = _Arguments()
        self._count = 0
        self._only_space_yet = True

    @property
    def has_calls(self) -> bool:
        return self._count > 0

    @property
    def is_complete(self) -> bool:
        """Whether what follows is not wanted any more: one call is there, and no second one is allowed."""
        return self._state == self._read_behind and not (self._parallel and self._between)

    def feed(self, marked: str) -> Piece:
        self._waiting += marked
        return self._read()

    def finish(self) -> Piece:
        """The rest, at the answer's end: what only looked like a call is text after all."""
        piece = self._read()
        rest, self._waiting = self._waiting, ""
        if self._count or self._state not in (self._read_text, self._read_head):
            return piece
        held = self._held if self._state == self._read_head else ""
        return replace(piece, text=piece.text + visible(held + rest))

    def _read(self) -> Piece:
        text, calls = "", list[CallDelta]()
        while (piece := self._state()) is not None:
            text += piece.text
            calls.extend(piece.calls)
        return Piece(text, tuple(calls))

    def _head_pattern(self) -> str:
        form = self._form
        if form.name_key is None or form.arguments_key is None:
            return rf"\s*{_NAME}{form_pattern(form.middle)}\s*(?={{)"
        name, arguments = re.escape(form.name_key), re.escape(form.arguments_key)
        return rf'\s*{{\s*"{name}"\s*:\s*"{_NAME}"\s*,\s*"{arguments}"\s*:\s*(?={{)'

    # --- one method a state; each takes from `_waiting` and returns None where it needs more

    def _read_text(self) -> Piece | None:
        if not self._waiting:
            return None
        match = self._opening.search(self._waiting) if self._may_open() else None
        if match is not None:
            text, self._waiting = self._waiting[: match.start()], self._waiting[match.end() :]
            self._state = self._read_head
            self._held = match[0]
            return self._seen(text)
        kept = self._kept()
        text, self._waiting = self._waiting[: len(self._waiting) - kept], self._waiting[len(self._waiting) - kept :]
        return self._seen(text) if text else None

    def _seen(self, text: str) -> Piece:
        """Text before a call; of white space alone nothing is told until other text comes."""
        self._only_space_yet = self._only_space_yet and not text.strip()
        return Piece(visible(text))

    def _may_open(self) -> bool:
        return self._form.is_marked or (self._only_space_yet and self._waiting.lstrip().startswith(self._first or "{"))

    def _kept(self) -> int:
        """Characters at the end that may be the beginning of an opening."""
        waiting = self._waiting
        if not self._form.is_marked:
            start = waiting.lstrip()
            undecided = self._only_space_yet and (self._first or "{").startswith(start[: len(self._first or "{")])
            return len(waiting) if undecided else 0
        at = waiting.find(self._first)
        if at >= 0 and len(waiting) - at <= _LONGEST_OPENING:
            return len(waiting) - at
        return next(
            (n for n in range(min(len(waiting), len(self._first)), 0, -1) if self._first.startswith(waiting[-n:])), 0
        )

    def _read_head(self) -> Piece | None:
        match = self._head.match(self._waiting)
        if match is not None:
            if match[1] not in self._names:
                return self._no_call()
            self._waiting = self._waiting[match.end() :]
            self._arguments = _Arguments()
            self._state = self._read_arguments
            return Piece(calls=(self._begun(match[1]),))
        if self._form.name_key is None:
            return self._no_call() if len(self._waiting) > _LONGEST_OPENING else None
        return self._read_whole_object()

    def _read_whole_object(self) -> Piece | None:
        """A call whose object is not written in the template's order."""
        start = len(self._waiting) - len(self._waiting.lstrip())
        if self._waiting[start:] and self._waiting[start] != "{":
            return self._no_call()
        end = _Arguments().end_in(self._waiting)
        if end is None:
            return None
        call = _json_object(self._waiting[:end]) or {}
        name, arguments = call.get(self._form.name_key or ""), call.get(self._form.arguments_key or "", {})
        if isinstance(arguments, str):  # written as a string inside the object
            arguments = _json_object(arguments)
        if not isinstance(name, str) or name not in self._names or not isinstance(arguments, dict):
            return self._no_call()
        self._waiting = self._waiting[end:]
        begun = self._begun(name)
        self._state = self._read_behind
        return Piece(calls=(msgspec.structs.replace(begun, arguments=json.dumps(arguments, ensure_ascii=False)),))

    def _no_call(self) -> Piece:
        """Behind an opening comes no call of a function that is offered: it was text."""
        if self._count:  # and text behind calls is none of the answer
            self._waiting, self._state = "", self._read_behind
            return Piece()
        text, self._waiting = self._held + self._waiting, ""
        self._only_space_yet = False
        self._state = self._read_text if self._form.is_marked else self._read_rest
        return Piece(visible(text))

    def _read_rest(self) -> Piece | None:
        text, self._waiting = self._waiting, ""
        return Piece(visible(text)) if text else None

    def _begun(self, name: str) -> CallDelta:
        self._count += 1
        return CallDelta(self._count - 1, id=self._new_id(), name=name)

    def _read_arguments(self) -> Piece | None:
        if not self._waiting:
            return None
        end = self._arguments.end_in(self._waiting)
        text = self._waiting if end is None else self._waiting[:end]
        self._waiting = self._waiting[len(text) :]
        if end is not None:
            self._state = self._read_behind if self._form.name_key is None else self._read_object_end
        return Piece(calls=(CallDelta(self._count - 1, arguments=visible(text)),))

    def _read_object_end(self) -> Piece | None:
        """From the arguments to the closing brace of the object that holds them."""
        at = self._waiting.find("}")
        if at < 0:
            return None
        self._waiting = self._waiting[at + 1 :]
        self._state = self._read_behind
        return Piece()

    def _read_behind(self) -> Piece | None:
        if self.is_complete or not self._waiting.strip():
            return None
        assert self._between is not None
        match = self._between.match(self._waiting) or (
            self._opening.match(self._waiting.lstrip()) if self._first else None
        )
        if match is None:
            return None
        self._waiting = (
            self._waiting[match.end() :] if match.string == self._waiting else self._waiting.lstrip()[match.end() :]
        )
        self._state = self._read_head
        return Piece()


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
