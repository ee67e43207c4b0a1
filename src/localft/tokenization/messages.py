"""From a chat example to the messages that chat templates take.

Templates disagree on how they want a tool call: most want `arguments` as a mapping and write it as JSON, some want the
string, and some break on a null content. `message_forms` lists the forms to try, the one that servers use first; the
proof in `render` decides which of them really stands in the render.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from localft.data.examples import ChatExample, FunctionCall, Message

ArgumentsForm = Literal["mapping", "string"]
EmptyContentForm = Literal["null", "absent", "empty"]


@dataclass(frozen=True, slots=True)
class MessageForm:
    """How tool calls are handed to a template."""

    arguments: ArgumentsForm
    empty_content: EmptyContentForm
    """What stands for the content of a message that has only tool calls."""


# vLLM turns `arguments` into a mapping before it renders, so that form comes first.
_ARGUMENTS: tuple[ArgumentsForm, ...] = ("mapping", "string")
_EMPTY_CONTENTS: tuple[EmptyContentForm, ...] = ("null", "absent", "empty")
_FORMS = [MessageForm(arguments, empty) for arguments, empty in product(_ARGUMENTS, _EMPTY_CONTENTS)]


def message_forms(example: ChatExample) -> list[MessageForm]:
    """The forms worth trying: one where the example has no tool call, all of them where it has."""
    return _FORMS if any(calls_of(message) for message in example.messages) else _FORMS[:1]


def calls_of(message: Message) -> tuple[FunctionCall, ...]:
    """The function calls of a message, the deprecated `function_call` counted as one."""
    if message.function_call is not None:
        return (message.function_call,)
    return tuple(call.function for call in message.tool_calls)


def spoken_text(message: Message) -> str | None:
    """What the message says: its content, or the refusal where it has no content."""
    return message.text or message.refusal or message.text


def template_tools(example: ChatExample) -> list[dict[str, Any]] | None:
    """`tools`, with the deprecated `functions` written as tools; None where there are none (an empty list counts as none)."""
    tools = list(example.tools or ())
    tools += [{"type": "function", "function": function} for function in example.functions or ()]
    return tools or None


def template_messages(
    example: ChatExample,
    form: MessageForm,
    *,
    developer_role: bool,
    mark: Callable[[int, str], str] = lambda index, text: text,
    escape: Callable[[str], str] = lambda text: text,
) -> list[dict[str, Any]]:
    """The messages as a template takes them.

    `mark` is applied to the text of message `index`, `escape` to every other string of it. `developer` becomes `system`
    unless the template knows it; the deprecated `function` role becomes `tool`.
    """
    return list(_template_messages(example, form, developer_role, mark, escape))


def _template_messages(
    example: ChatExample,
    form: MessageForm,
    developer_role: bool,
    mark: Callable[[int, str], str],
    escape: Callable[[str], str],
) -> Iterator[dict[str, Any]]:
    for index, message in enumerate(example.messages):
        role: str = message.role
        if role == "developer" and not developer_role:
            role = "system"
        elif role == "function":
            role = "tool"
        entry: dict[str, Any] = {"role": role}
        text = spoken_text(message)
        if text is not None:
            entry["content"] = mark(index, text)
        elif form.empty_content == "null":
            entry["content"] = None
        elif form.empty_content == "empty":
            entry["content"] = ""
        if message.name is not None:
            entry["name"] = escape(message.name)
        if message.tool_call_id is not None:
            entry["tool_call_id"] = escape(message.tool_call_id)
        calls = calls_of(message)
        if calls:
            ids = [call.id for call in message.tool_calls] or ["call_0"]
            entry["tool_calls"] = [
                {"id": escape(id), "type": "function", "function": _template_call(call, form, escape)}
                for id, call in zip(ids, calls, strict=True)
            ]
        yield entry


def _template_call(call: FunctionCall, form: MessageForm, escape: Callable[[str], str]) -> dict[str, Any]:
    if form.arguments == "string":
        return {"name": call.name, "arguments": escape(call.arguments)}
    return {"name": call.name, "arguments": escape_all(json.loads(call.arguments or "{}"), escape)}


def escape_all(value: Any, escape: Callable[[str], str]) -> Any:
    """`escape` applied to every string of a JSON value, keys included."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape(key): escape_all(entry, escape) for key, entry in value.items()}
    if isinstance(value, list):
        return [escape_all(entry, escape) for entry in value]
    return value


def find_call(call: FunctionCall, region: str, start: int, *, as_json: bool) -> int | None:
    """Where the call ends in `region`, searched from `start`, or None where it does not stand there whole.

    A call stands there where its name does, and the arguments behind it or before it. With `as_json` they are a JSON object
    equal to the call's. Without, the template has a form of its own (XML-like, Python-like): every key and every value stands
    there in order, each of them for itself. Arguments that were encoded twice, or printed as Python prints them, are no match.
    """
    at = region.find(call.name, start)
    if at < 0:
        return None
    behind_name = at + len(call.name)
    arguments = json.loads(call.arguments or "{}")
    if not as_json:
        return None if _is_misprinted(arguments, region[start:]) else _find_leaves(arguments, region, behind_name)
    for candidate in (behind_name, start):  # most templates write the name first
        end = _find_json(arguments, region, candidate)
        if end is not None:
            return max(end, behind_name)
    return None


def _is_misprinted(arguments: dict[str, Any], region: str) -> bool:
    """Whether the arguments are printed as Python prints a mapping, or as a JSON string inside a JSON string."""
    return bool(arguments) and (repr(arguments) in region or any(f'\\"{key}\\"' in region for key in arguments))


def _find_json(value: Any, region: str, start: int) -> int | None:
    decoder = json.JSONDecoder()
    at = region.find("{", start)
    while at >= 0:
        try:
            found, end = decoder.raw_decode(region, at)
        except ValueError:
            found, end = None, at
        if found == value and isinstance(found, dict):
            return end
        at = region.find("{", at + 1)
    return None


def _find_leaves(value: Any, region: str, start: int) -> int | None:
    """The end of the last key or value when all of them stand in `region` in order, else None."""
    at = start
    for leaf in _leaves(value):
        found = [
            (position, -len(spelling)) for spelling in _spellings(leaf) for position in _places(spelling, region, at)
        ]
        if not found:
            return None
        position, length = min(found)
        at = position - length
    return at


def _places(spelling: str, region: str, start: int) -> list[int]:
    """The first place where a spelling stands for itself, not as a part of a longer word; none or one."""
    at = region.find(spelling, start)
    while at >= 0:
        end = at + len(spelling)
        joined_before = at > 0 and _is_word(region[at - 1]) and _is_word(spelling[:1])
        joined_behind = end < len(region) and _is_word(region[end]) and _is_word(spelling[-1:])
        if not (joined_before or joined_behind):
            return [at]
        at = region.find(spelling, at + 1)
    return []


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _leaves(value: Any) -> Iterator[Any]:
    """Keys and values in the order in which they are written."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from _leaves(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _leaves(entry)
    else:
        yield value


def _spellings(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    return {json.dumps(value), str(value)}
