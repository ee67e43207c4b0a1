"""The fast way to the verdict "nothing to report", for lines of the commonest shape.

A line is plain if it has `messages` only, each with a role, a string content and perhaps a weight, and breaks no rule.
msgspec decodes it straight into types at hundreds of megabytes a second, which refuses most of what is wrong; the rest
is looked at here. Whatever is not plainly clean, be it wrong or only unusual, goes to `rules`, which decides.

msgspec keeps the last of two equal keys and says nothing, so the strings are counted: a plain line without a duplicate
key has exactly one string for each key and each text that came out. One more in the text means that a key was dropped.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from localft.data.examples import ChatExample, Message, Role
from localft.data.rules import control_tokens


class _Plain(msgspec.Struct, tag_field="role", forbid_unknown_fields=True, gc=False):
    content: str


class _System(_Plain, tag="system"):
    pass


class _Developer(_Plain, tag="developer"):
    pass


class _User(_Plain, tag="user"):
    pass


class _Assistant(_Plain, tag="assistant"):
    weight: Literal[0, 1] | msgspec.UnsetType = msgspec.UNSET


class PlainRow(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_System | _Developer | _User | _Assistant]


_ROLES: dict[type[_Plain], Role] = {
    _System: "system",
    _Developer: "developer",
    _User: "user",
    _Assistant: "assistant",
}
_decode = msgspec.json.Decoder(PlainRow).decode

_QUOTES_OF_ROW = 2  # around "messages"
_QUOTES_OF_MESSAGE = 8  # around "role" and its value, "content" and its value
_QUOTES_OF_WEIGHT = 2


def read_plain(raw: bytes) -> PlainRow | None:
    """Returns the row if `rules` would find nothing at all in this line; None where it has to be asked."""
    try:
        messages = (row := _decode(raw)).messages
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    quotes = _QUOTES_OF_ROW + _QUOTES_OF_MESSAGE * len(messages)
    has_user = is_trained = False
    for message in messages:
        text = message.content
        if not text or text.isspace() or control_tokens(text):
            return None
        if type(message) is _Assistant:
            if message.weight is msgspec.UNSET:
                is_trained = True
            else:
                is_trained = is_trained or message.weight == 1
                quotes += _QUOTES_OF_WEIGHT
        elif type(message) is _User:
            has_user = True
    if has_user and is_trained and type(messages[-1]) is _Assistant and _has_quotes(raw, quotes):
        return row
    return None


def _has_quotes(raw: bytes, expected: int) -> bool:
    """Whether exactly `expected` quotes begin or end a string; there are never fewer.

    Hence as many quotes in all settle it. Otherwise some are escaped and taken off; escaped backslashes go first, so
    that the quote in `\\\\"` is seen to end its string.
    """
    quotes = raw.count(b'"')
    if quotes == expected:
        return True
    raw = raw.replace(b"\\\\", b"")
    return quotes - raw.count(b'\\"') == expected


def plain_example(row: PlainRow, file: str, line: int) -> ChatExample:
    return ChatExample(file=file, line=line, messages=tuple(_plain_message(message) for message in row.messages))


def _plain_message(message: _System | _Developer | _User | _Assistant) -> Message:
    role = _ROLES[type(message)]
    if isinstance(message, _Assistant) and message.weight is not msgspec.UNSET:
        return Message(role=role, content=message.content, weight=message.weight)
    return Message(role=role, content=message.content)
