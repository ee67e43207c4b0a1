"""How a chat template writes a tool call, learned by rendering one with a name and arguments that stand nowhere else.

What comes out is split at the name and at the arguments: the text before, between and behind them is the template's own. So
the calls of any model are read whose template writes the arguments as JSON, without a list of models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localft.data.examples import ChatExample, FunctionCall, Message, ToolCall
from localft.errors import RowRefused
from localft.tokenization.render import RenderedRows

_NAMES = ("sentinel_alpha", "sentinel_beta")
_IDS = ("callAAAA1", "callBBBB2")  # nine characters, which Mistral's templates ask for
_ARGUMENTS: tuple[dict[str, Any], ...] = ({"sentinelkey": "one"}, {"sentinelkey": "two"})


@dataclass(frozen=True)
class CallForm:
    """The parts of an answer that calls a function, as the template writes them."""

    before: str
    """What opens the first call, up to its name, or up to the JSON object that holds name and arguments."""
    name_key: str | None
    """Key of the name in that object; None where there is no such object and the name stands for itself."""
    arguments_key: str | None
    middle: str
    """Between a name that stands for itself and its arguments; empty otherwise."""
    between: str | None
    """From the end of one call to the beginning of the next one; None where the template writes one call at most."""

    @property
    def is_marked(self) -> bool:
        """Whether the opening is markup, which no answer in words holds; else only an answer that begins so is a call."""
        return bool(re.match(r"\s*[^\w\s{]", self.before)) and self.before.strip() != "["


def learn_call_form(rows: RenderedRows) -> CallForm | None:
    """The form of the tokenizer's template; None where it has none for calls, or does not write arguments as JSON."""
    one = _rendered_calls(rows, 1)
    if one is None:
        return None
    first = _call_in(one, 0, 0)
    if first is None:
        return None
    two = _rendered_calls(rows, 2)
    between = None
    if two is not None:
        earlier = _call_in(two, 0, 0)
        later = _call_in(two, 1, earlier.end) if earlier else None
        between = two[earlier.end : later.begin] if earlier and later else None
    return CallForm(
        before=_without_ids(one[: first.begin]),
        name_key=first.name_key,
        arguments_key=first.arguments_key,
        middle=_without_ids(first.middle),
        between=None if between is None else _without_ids(between),
    )


ANY_ID = "\ufdd2"
"""Stands in a form where the template writes a call's id."""


@dataclass(frozen=True)
class _Found:
    """A call in a rendered answer: the characters of its JSON object, or from its name to its arguments' end."""

    begin: int
    end: int
    middle: str = ""
    name_key: str | None = None
    arguments_key: str | None = None


def _rendered_calls(rows: RenderedRows, count: int) -> str | None:
    """What the template writes for an answer of `count` calls, from the generation prompt to the end of turn."""
    calls = tuple(
        ToolCall(id, FunctionCall(name, json.dumps(arguments)))
        for id, name, arguments in list(zip(_IDS, _NAMES, _ARGUMENTS, strict=True))[:count]
    )
    tools = tuple(
        {
            "type": "function",
            "function": {
                "name": name,
                "description": "Does it.",
                "parameters": {"type": "object", "properties": {"sentinelkey": {"type": "string"}}},
            },
        }
        for name in _NAMES
    )
    messages = (Message("user", "Do it."), Message("assistant", tool_calls=calls))
    try:
        draft = rows.draft(ChatExample("", 1, messages, tools))
    except RowRefused:
        return None
    answer = draft.text[draft.spans[0].start :]
    spoken = draft.spans[0].body_end - draft.spans[0].start
    stops = [text for text, id in rows.tokenizer.special_tokens.texts.items() if id in rows.stop_ids]
    ends = [at for at in (answer.find(text, spoken) for text in stops) if at >= 0]
    return answer[: min(ends, default=len(answer))]


def _call_in(answer: str, number: int, start: int) -> _Found | None:
    name, arguments = _NAMES[number], _ARGUMENTS[number]
    at = answer.find(name, start)
    if at < 0:
        return None
    opening = answer.rfind("{", start, at)
    while opening >= start:
        held = _object_at(answer, opening)
        if held is not None and {name, json.dumps(arguments)} <= {_spelled(value) for value in held[0].values()}:
            keys = {_spelled(value): key for key, value in held[0].items()}
            return _Found(opening, held[1], name_key=keys[name], arguments_key=keys[json.dumps(arguments)])
        opening = answer.rfind("{", start, opening)
    behind = at + len(name)
    opening = answer.find("{", behind)
    held = _object_at(answer, opening) if opening >= 0 else None
    if held is None or held[0] != arguments:
        return None
    return _Found(at, held[1], middle=answer[behind:opening])


def _object_at(text: str, at: int) -> tuple[dict[str, Any], int] | None:
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
    except ValueError:
        return None
    return (value, end) if isinstance(value, dict) else None


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _without_ids(text: str) -> str:
    for id in _IDS:
        text = text.replace(id, ANY_ID)
    return text


def form_pattern(text: str) -> str:
    """A regular expression for a part of a form: any white space where there is some, any id where one stands."""
    pieces: Sequence[str] = re.split(rf"(\s+|{ANY_ID})", text)
    return "".join(
        r"\s*" if piece.isspace() else r'[^"\s]*' if piece == ANY_ID else re.escape(piece) for piece in pieces if piece
    )
