"""JSON without leniency: what Python's reader lets pass silently is found and named.

`parse` returns the value and the flaws in it. A flaw is a duplicate key, a number that is not finite, half of a
surrogate pair, or nesting beyond MAX_DEPTH. Text that is not JSON at all raises `NotJson`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple

MAX_DEPTH = 100
"""Deepest nesting of arrays and objects. A row needs about 10, a generous tool schema 40."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONGEST_INTEGER = 308
"""Digits of the largest float."""


class Flaw(NamedTuple):
    path: str
    code: str
    message: str


class NotJson(ValueError):
    """Text that is not one JSON value; `code` says whether it is malformed or nested too deep."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _RepeatedKeys(dict[str, Any]):
    """An object in whose text some keys stand more than once."""

    repeated: tuple[str, ...] = ()


def parse(text: str) -> tuple[Any, list[Flaw]]:
    """Returns the value and its flaws, in the order of the text."""
    reader = _Reader()
    try:
        value = reader.decoder.decode(text)
    except JSONDecodeError as error:
        raise NotJson("invalid_json", _explain(error)) from None
    except RecursionError:
        raise NotJson("too_deep", _too_deep_message()) from None
    suspect = reader.suspect or text.count("[") + text.count("{") > MAX_DEPTH or _ESCAPED_SURROGATE.search(text)
    return value, list(_flaws(value)) if suspect else []


def child(path: str, key: str | int) -> str:
    """The path of an entry: `messages[2]`, `messages[2].weight`, `messages[2]["odd key"]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if _PLAIN_KEY.fullmatch(key) and len(key) <= 64:
        return f"{path}.{key}" if path else key
    return f"{path}[{shown(key)}]"


def shown(value: object) -> str:
    """A value as it may stand in a message: JSON, one line, cut short, and always printable."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, str):
        text = json.dumps(value[:40] + "…" if len(value) > 40 else value, ensure_ascii=False)
        return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text).replace("\x7f", "\\u007f")
    return json.dumps(value)[:40]


class _Reader:
    """A JSON decoder that notes whether anything in the text needs a second look."""

    def __init__(self) -> None:
        self.suspect = False
        self.decoder = JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=self._float,
            parse_int=self._int,
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.suspect = True
        flawed = _RepeatedKeys(value)
        flawed.repeated = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return flawed

    def _constant(self, name: str) -> float:
        self.suspect = True
        return float(name)

    def _float(self, digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            self.suspect = True
        return value

    def _int(self, digits: str) -> int | float:
        if len(digits) <= _LONGEST_INTEGER:
            return int(digits)
        self.suspect = True
        return math.inf


def _flaws(root: object) -> Iterator[Flaw]:
    """Walks the value depth first without recursion, so that no depth exhausts the stack and no width the memory."""
    levels: list[Iterator[tuple[str | int, object]]] = [iter([("", root)])]
    keys: list[str | int] = [""]  # of the value at hand, one a level; the first is the root's and names nothing
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            keys.pop()
            continue
        keys[-1], value = entry
        if isinstance(value, str):
            if _SURROGATE.search(value):
                yield Flaw(_path(keys), "lone_surrogate", _lone_surrogate_message("the text"))
        elif isinstance(value, float):
            if not math.isfinite(value):
                what = "NaN" if math.isnan(value) else "Infinity or a number beyond 1.8e308"
                message = f"expected a finite number, found {what}; write such a number or null"
                yield Flaw(_path(keys), "invalid_number", message)
        elif isinstance(value, (dict, list)):
            if len(levels) > MAX_DEPTH:
                yield Flaw("", "too_deep", _too_deep_message())
                return
            if isinstance(value, dict):
                yield from _flaws_of_keys(value, keys)
            levels.append(iter(value.items() if isinstance(value, dict) else enumerate(value)))
            keys.append("")


def _flaws_of_keys(value: dict[str, Any], keys: list[str | int]) -> Iterator[Flaw]:
    if isinstance(value, _RepeatedKeys):
        for key in value.repeated:
            message = f"expected each key once, found {shown(key)} again in the same object; remove all but one"
            yield Flaw(child(_path(keys), key), "duplicate_key", message)
    for key in value:
        if _SURROGATE.search(key):
            yield Flaw(child(_path(keys), key), "lone_surrogate", _lone_surrogate_message("the key"))


def _path(keys: list[str | int]) -> str:
    path = ""
    for key in keys[1:]:
        path = child(path, key)
    return path


def _too_deep_message() -> str:
    return f"expected at most {MAX_DEPTH} levels of arrays and objects, found more; flatten the value"


def _lone_surrogate_message(where: str) -> str:
    return f"expected characters, found half of a surrogate pair in {where}; write the whole character or remove it"


def _explain(error: JSONDecodeError) -> str:
    """What is wrong with the text, with a hint for the mistakes that people make most."""
    text, start = error.doc, error.pos
    place = f"column {start + 1}"
    if error.msg.startswith("Extra data") and text[start:].strip() == ",":
        found = f"a comma behind the object at {place}; remove it (JSONL has no commas between lines)"
    elif error.msg.startswith("Extra data"):
        found = f"a second value begins at {place}; write one object a line"
    elif text.startswith("\ufeff"):
        found = "a byte order mark inside the file; remove it (files were perhaps joined)"
    elif text[start : start + 1] == "'" or text.startswith("{'"):
        found = f"single quotes at {place}; JSON has double quotes (write the line with json.dumps)"
    elif text[start:].startswith(("True", "False", "None")):
        found = f"Python's {shown(re.match('[A-Za-z]+', text[start:])[0])} at {place}; JSON has true, false and null"  # type: ignore[index]
    elif start >= len(text):
        found = f"the line's end at {place}, before the value is complete; write the whole example on one line"
    else:
        reason = error.msg.removesuffix(" at").removesuffix(" starting")
        found = (
            f"an error at {place}: {reason[:1].lower()}{reason[1:]}; write each line with a JSON library (json.dumps)"
        )
    return f"expected one JSON object, found {found}"
