"""The rules of one line: a chat example as the service defines it, checked key by key.

This is the only place that decides what is right. It takes a parsed line, edits nothing, and tells every finding to a
`Findings`. `plain_chat` decides the same, faster, for lines of the commonest shape; a test holds the two equal.

Where the service's behaviour is not documented, the choice made is explained at the rule.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from localft.data.problems import RULES, Problem
from localft.data.strict_json import NotJson, child, parse, shown

MAX_ERRORS_PER_LINE = 1000

ROW_KEYS = ("messages", "tools", "parallel_tool_calls", "functions")
MESSAGE_KEYS: dict[str, tuple[str, ...]] = {
    "system": ("role", "content", "name"),
    "developer": ("role", "content", "name"),
    "user": ("role", "content", "name"),
    "assistant": ("role", "content", "name", "refusal", "tool_calls", "function_call", "weight"),
    "tool": ("role", "content", "tool_call_id"),
    "function": ("role", "content", "name"),
}
ALL_MESSAGE_KEYS = tuple(dict.fromkeys(key for keys in MESSAGE_KEYS.values() for key in keys))

# Text that some model family uses as a control token. Each pattern starts with a single character, which `re` finds fast.
_ANGLED_TOKEN = re.compile(
    r"<(?:\|[^|<>\s]{1,64}\|>|｜[^｜<>]{1,64}｜>|/?s>|</?SYS>>|(?:bos|eos|pad|unk|mask)>|(?:start|end)_of_turn>)"
)
_SQUARE_TOKEN = re.compile(r"\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]")

_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MEDIA_PARTS = {"image_url", "image", "input_image", "input_audio", "audio", "video", "video_url", "file", "input_file"}
_WEIGHT_SYNONYMS = {"train", "trainable", "loss", "loss_weight", "loss_mask", "mask", "masked", "weights"}
_ROLE_SYNONYMS = {"human": "user", "bot": "assistant", "gpt": "assistant", "model": "assistant", "ai": "assistant"}
_OTHER_KEYS_HINTS = {
    "conversations": "messages",
    "conversation": "messages",
    "from": "role",
    "value": "content",
    "text": "content",
}


class Findings:
    """Collects the errors and warnings of one line."""

    def __init__(self, line: int | None) -> None:
        self.line = line
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._uncounted = 0
        self._repeated: set[str | None] = set()

    def add(self, path: str | None, code: str, message: str) -> None:
        """Of a key that stands twice only that is told: what is found in the one that was read may not be in the other."""
        if code == "duplicate_key":
            self._repeated.add(path)
        elif path in self._repeated:
            return
        problem = Problem(self.line, path or None, code, message)
        if RULES[code].severity == "warning":
            self.warnings.append(problem)
        elif len(self.errors) < MAX_ERRORS_PER_LINE:
            self.errors.append(problem)
        else:
            self._uncounted += 1

    def close(self) -> None:
        """Says how many errors stand beyond the limit of one line, so that none goes uncounted."""
        if self._uncounted:
            message = f"{self._uncounted} more errors in this line; mend the first {MAX_ERRORS_PER_LINE} and run again"
            self.errors.append(Problem(self.line, None, "more_problems", message))
            self._uncounted = 0


def check_row(row: object, findings: Findings) -> None:
    """Checks one parsed line."""
    if not isinstance(row, dict):
        hint = "; write one example a line, without an array around them" if isinstance(row, list) else ""
        findings.add(None, "not_an_object", f'expected an object {{"messages": [...]}}, found {shown(row)}{hint}')
        return
    if "messages" not in row and (other := _other_format(row)):
        findings.add(None, "other_format", f'expected an object {{"messages": [...]}}, found {other}')
        return
    _check_unknown_keys(row, ROW_KEYS, "", findings)
    if "tools" in row:
        _check_tools(row["tools"], findings)
    if "functions" in row:
        _check_functions(row["functions"], findings)
    if "parallel_tool_calls" in row and not isinstance(row["parallel_tool_calls"], bool):
        _wrong_type(row["parallel_tool_calls"], "true or false", "parallel_tool_calls", findings)
    if "messages" not in row:
        findings.add("messages", "missing_key", "expected an array of messages, found no such key; add it")
        return
    _check_messages(row["messages"], findings)
    if not row.get("tools") and not row.get("functions") and (place := _first_call(row["messages"])):
        findings.add(
            place,
            "calls_without_tools",
            "expected the definition of what is called, found neither tools nor functions in the row; add those that the "
            "model will be given when it is used",
        )


def _first_call(messages: object) -> str | None:
    """The path of the row's first tool call or function call."""
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and message.get("role") == "assistant":
            for key in ("tool_calls", "function_call"):
                if message.get(key):
                    return f"messages[{index}].{key}"
    return None


def _other_format(row: dict[str, Any]) -> str | None:
    """Names the format that a line without `messages` seems to have."""
    keys = row.keys()
    if keys & {"preferred_output", "non_preferred_output", "chosen", "rejected"}:
        return "a preference pair (DPO); localft trains supervised chat: keep the preferred answer, as messages"
    if keys >= {"prompt", "completion"}:
        return "a prompt and a completion; make them a user message and an assistant message"
    if keys & {"conversations", "conversation"}:
        return "ShareGPT's conversations; rename it to messages, from to role, value to content"
    if keys >= {"instruction", "output"}:
        return "an instruction and an output (Alpaca); make them a user message and an assistant message"
    return None


# Messages


def _check_messages(messages: object, findings: Findings) -> None:
    if not isinstance(messages, list):
        _wrong_type(messages, "an array of messages", "messages", findings)
        return
    if not messages:
        findings.add("messages", "empty_array", "expected at least one message, found none; add the conversation")
        return
    call_ids: set[str] = set()
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]", call_ids, findings)
    _check_conversation(messages, findings)


def _check_conversation(messages: list[Any], findings: Findings) -> None:
    """Checks what only the whole conversation shows: something is trained, and the row looks meant."""
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    answers = [message for message, role in zip(messages, roles, strict=True) if role == "assistant"]
    all_known = all(isinstance(role, str) and role in MESSAGE_KEYS for role in roles)
    if not answers and all_known:
        findings.add(
            "messages",
            "missing_assistant_message",
            "expected at least one assistant message, found none; add the answer or remove the row",
        )
    elif answers and all(_is_zero(message.get("weight")) for message in answers):
        findings.add(
            "messages",
            "no_trained_message",
            'expected an assistant message with weight 1, found "weight": 0 on all; nothing would be trained',
        )
    if not all_known:
        return
    if "user" not in roles:
        findings.add("messages", "no_user_message", "expected a user message, found none; check that this is meant")
    if answers and roles[-1] != "assistant":
        findings.add(
            f"messages[{len(messages) - 1}]",
            "last_message_not_assistant",
            f"expected an assistant message at the end, found {shown(roles[-1])}; "
            "what stands behind the last assistant message has no effect",
        )


def _check_message(message: object, path: str, call_ids: set[str], findings: Findings) -> None:
    """Checks one message; adds the ids of its tool calls to `call_ids`."""
    if not isinstance(message, dict):
        _wrong_type(message, "a message object", path, findings)
        return
    role = _check_role(message, path, findings)
    _check_message_keys(message, role, path, findings)
    if role is not None:
        _check_content(message, role, path, findings)
    if "weight" in message and role in ("assistant", None):
        _check_weight(message["weight"], f"{path}.weight", findings)
    if message.get("name") is not None and role != "tool":
        _check_message_name(message["name"], role, f"{path}.name", findings)
    if role == "function" and message.get("name") is None:
        findings.add(f"{path}.name", "missing_key", "expected the name of the function that answers, found no such key")
    if role == "tool":
        _check_tool_call_id(message, path, call_ids, findings)
    if role == "assistant":
        if message.get("tool_calls") is not None:
            _check_tool_calls(message["tool_calls"], f"{path}.tool_calls", call_ids, findings)
        if message.get("function_call") is not None:
            _check_call(message["function_call"], f"{path}.function_call", findings)
            if message.get("tool_calls"):
                findings.add(
                    f"{path}.function_call",
                    "calls_in_both_forms",
                    "expected tool_calls or the deprecated function_call, found both; remove function_call",
                )


def _check_role(message: dict[str, Any], path: str, findings: Findings) -> str | None:
    """Returns the role, or None where it is none that is known."""
    if "role" not in message:
        findings.add(f"{path}.role", "missing_key", f"expected one of {', '.join(MESSAGE_KEYS)}, found no such key")
        return None
    role = message["role"]
    if isinstance(role, str) and role in MESSAGE_KEYS:
        return role
    if not isinstance(role, str):
        _wrong_type(role, "a role as text", f"{path}.role", findings)
        return None
    meant = _ROLE_SYNONYMS.get(role.lower()) or _nearest(role, tuple(MESSAGE_KEYS))
    hint = f"; did you mean {shown(meant)}?" if meant else ""
    findings.add(
        f"{path}.role", "unknown_role", f"expected one of {', '.join(MESSAGE_KEYS)}, found {shown(role)}{hint}"
    )
    return None


def _check_message_keys(message: dict[str, Any], role: str | None, path: str, findings: Findings) -> None:
    allowed = ALL_MESSAGE_KEYS if role is None else MESSAGE_KEYS[role]
    for key in message:
        if key in allowed:
            continue
        if key == "weight":
            expected = "expected weight on assistant messages only"
            findings.add(child(path, key), "misplaced_weight", f"{expected}, found it on a {role} message; remove it")
        elif key in ALL_MESSAGE_KEYS:
            owners = ", ".join(owner for owner, keys in MESSAGE_KEYS.items() if key in keys)
            message_text = f"expected this key on messages of {owners} only, found it on one of {role}; remove it"
            findings.add(child(path, key), "misplaced_key", message_text)
        else:
            findings.add(child(path, key), "unknown_key", _unknown_key_message(key, allowed))


def _check_message_name(name: object, role: str | None, path: str, findings: Findings) -> None:
    if role == "function":
        _check_function_name(name, path, findings)
    elif not isinstance(name, str):
        _wrong_type(name, "the participant's name as text", path, findings)


def _check_weight(weight: object, path: str, findings: Findings) -> None:
    if isinstance(weight, bool) or not isinstance(weight, int) or weight not in (0, 1):
        findings.add(
            path,
            "invalid_weight",
            f"expected the integer 0 or 1, found {shown(weight)}; 0 keeps the message as context, 1 trains it",
        )


def _is_zero(weight: object) -> bool:
    return isinstance(weight, int) and not isinstance(weight, bool) and weight == 0


# Content


_REFUSAL_BESIDE_CONTENT = "expected content or a refusal, found both; an assistant says one of them"


def _check_content(message: dict[str, Any], role: str, path: str, findings: Findings) -> None:
    """Checks `content` and `refusal` of a message whose role is known."""
    refusal = message.get("refusal") if role == "assistant" else None
    if refusal is not None and not isinstance(refusal, str):
        _wrong_type(refusal, "text or null", f"{path}.refusal", findings)
    content = message.get("content")
    path = f"{path}.content"
    if content is None:
        _check_missing_content(message, role, path, findings)
    elif isinstance(content, str):
        may_be_empty = role in ("tool", "function") or (role == "assistant" and _has_substitute(message))
        _check_text(content, path, findings, warn_if_empty=not may_be_empty)
    elif not isinstance(content, list):
        _wrong_type(content, "text or an array of text parts", path, findings)
    elif not content:
        findings.add(path, "empty_array", "expected text or at least one text part, found an empty array")
    else:
        _check_parts(content, role, path, findings)
        if refusal is not None and any(isinstance(part, dict) and part.get("type") == "refusal" for part in content):
            findings.add(path, "invalid_refusal", "expected one refusal, found both the key and a part; remove one")
        elif refusal and content != []:
            findings.add(path, "invalid_refusal", _REFUSAL_BESIDE_CONTENT)
    if isinstance(content, str) and content.strip() and refusal:
        findings.add(path, "invalid_refusal", _REFUSAL_BESIDE_CONTENT)
    if isinstance(refusal, str):
        _check_text(refusal, path.removesuffix("content") + "refusal", findings, warn_if_empty=True)


def _check_missing_content(message: dict[str, Any], role: str, path: str, findings: Findings) -> None:
    if role == "assistant" and _has_substitute(message):
        return
    if role == "function" and "content" in message:
        return
    found = "null" if "content" in message else "no such key"
    remedy = "add it, or tool_calls" if role == "assistant" else "add it"
    findings.add(path, "missing_content", f"expected content, found {found}; {remedy}")


def _has_substitute(message: dict[str, Any]) -> bool:
    """Whether an assistant message says something other than content."""
    return bool(message.get("tool_calls")) or message.get("function_call") is not None or bool(message.get("refusal"))


def _check_text(text: str, path: str, findings: Findings, *, warn_if_empty: bool) -> None:
    if warn_if_empty and (not text or text.isspace()):
        what = "white space only" if text else "an empty text"
        findings.add(path, "empty_content", f"expected text, found {what}; check that this is meant")
    elif found := control_tokens(text):
        names = ", ".join(shown(name) for name in list(dict.fromkeys(found))[:3])
        findings.add(path, "special_token_text", f"found {names}, which spells a control token; it stays plain text")


def control_tokens(text: str) -> list[str]:
    """Every place in the text that spells a control token of some model family."""
    angled = _ANGLED_TOKEN.findall(text) if "<" in text else []
    return angled + _SQUARE_TOKEN.findall(text) if "[" in text else angled


def _check_parts(parts: list[Any], role: str, path: str, findings: Findings) -> None:
    for index, part in enumerate(parts):
        place = child(path, index)
        if not isinstance(part, dict):
            _wrong_type(part, 'a part {"type": "text", "text": ...}', place, findings)
            continue
        kind = part.get("type")
        if kind == "text":
            _check_text_part(part, "text", place, findings)
        elif kind == "refusal":
            _check_text_part(part, "refusal", place, findings)
            if role != "assistant":
                message = f"expected a text part, found a refusal on a {role} message; only the assistant refuses"
                findings.add(place, "invalid_refusal", message)
            elif len(parts) > 1:
                message = f"expected a refusal to be the only part, found {len(parts)} parts; remove the others"
                findings.add(place, "invalid_refusal", message)
        elif isinstance(kind, str) and kind in _MEDIA_PARTS:
            message = f"expected a text part, found {shown(kind)}; localft trains on text, remove the part or the row"
            findings.add(place, "unsupported_content_part", message)
        elif "type" not in part:
            findings.add(f"{place}.type", "missing_key", 'expected "type": "text", found no such key; add it')
        else:
            expected = "text or refusal" if role == "assistant" else "text"
            message = f"expected {expected}, found {shown(kind)}; localft trains on text parts"
            findings.add(f"{place}.type", "unknown_content_part", message)


def _check_text_part(part: dict[str, Any], key: str, path: str, findings: Findings) -> None:
    _check_unknown_keys(part, ("type", key), path, findings)
    if key not in part:
        findings.add(f"{path}.{key}", "missing_key", "expected the part's text, found no such key; add it")
    elif not isinstance(part[key], str):
        _wrong_type(part[key], "text", f"{path}.{key}", findings)
    else:
        _check_text(part[key], f"{path}.{key}", findings, warn_if_empty=True)


# Tools and functions


def _check_tools(tools: object, findings: Findings) -> None:
    """Checks `tools`. An empty array is allowed, as in the service's own samples."""
    if not isinstance(tools, list):
        _wrong_type(tools, "an array of tools", "tools", findings)
        return
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if not isinstance(tool, dict):
            _wrong_type(tool, 'a tool {"type": "function", "function": {...}}', path, findings)
            continue
        _check_unknown_keys(tool, ("type", "function"), path, findings)
        _check_tool_type(tool, path, findings)
        if "function" not in tool:
            findings.add(f"{path}.function", "missing_key", "expected the function's definition, found no such key")
        else:
            _check_definition(tool["function"], f"{path}.function", findings, strict_allowed=True)


def _check_functions(functions: object, findings: Findings) -> None:
    if not isinstance(functions, list):
        _wrong_type(functions, "an array of functions", "functions", findings)
        return
    if not functions:
        findings.add("functions", "empty_array", "expected 1 to 128 functions, found none; remove the key")
    if len(functions) > 128:
        findings.add("functions", "too_many_functions", f"expected 1 to 128 functions, found {len(functions)}")
    for index, function in enumerate(functions):
        _check_definition(function, f"functions[{index}]", findings, strict_allowed=False)


def _check_definition(function: object, path: str, findings: Findings, *, strict_allowed: bool) -> None:
    """Checks a function's definition. `parameters` is a JSON Schema; what stands inside it is free."""
    if not isinstance(function, dict):
        _wrong_type(function, "a function definition", path, findings)
        return
    known = ("name", "description", "parameters", "strict") if strict_allowed else ("name", "description", "parameters")
    _check_unknown_keys(function, known, path, findings)
    if "name" not in function:
        findings.add(f"{path}.name", "missing_key", "expected the function's name, found no such key; add it")
    else:
        _check_function_name(function["name"], f"{path}.name", findings)
    if "description" in function and not isinstance(function["description"], str):
        _wrong_type(function["description"], "text", f"{path}.description", findings)
    if "parameters" in function and not isinstance(function["parameters"], dict):
        _wrong_type(function["parameters"], "a JSON Schema object", f"{path}.parameters", findings)
    if strict_allowed and not isinstance(function.get("strict"), bool | None):
        _wrong_type(function["strict"], "true, false or null", f"{path}.strict", findings)


def _check_tool_calls(calls: object, path: str, call_ids: set[str], findings: Findings) -> None:
    """Checks `tool_calls`. An empty array says the same as none, so it is allowed where content stands."""
    if not isinstance(calls, list):
        _wrong_type(calls, "an array of tool calls", path, findings)
        return
    own_ids: set[str] = set()
    for index, call in enumerate(calls):
        place = child(path, index)
        if not isinstance(call, dict):
            _wrong_type(call, 'a call {"id", "type": "function", "function"}', place, findings)
            continue
        _check_unknown_keys(call, ("id", "type", "function"), place, findings)
        _check_call_id(call, place, own_ids, findings)
        _check_tool_type(call, place, findings)
        if "function" not in call:
            findings.add(
                f"{place}.function", "missing_key", "expected the function's name and arguments, found no such key"
            )
        else:
            _check_call(call["function"], f"{place}.function", findings)
    call_ids |= own_ids


def _check_call_id(call: dict[str, Any], path: str, call_ids: set[str], findings: Findings) -> None:
    path = f"{path}.id"
    if "id" not in call:
        findings.add(path, "missing_key", "expected the call's id, found no such key; tool messages refer to it")
        return
    call_id = call["id"]
    if not isinstance(call_id, str) or not call_id:
        _wrong_type(call_id, "an id as text of at least one character", path, findings)
    elif call_id in call_ids:
        findings.add(
            path,
            "duplicate_tool_call_id",
            f"expected an id of its own, found {shown(call_id)} a second time in this message",
        )
    else:
        call_ids.add(call_id)


def _check_tool_type(value: dict[str, Any], path: str, findings: Findings) -> None:
    path = f"{path}.type"
    if "type" not in value:
        findings.add(path, "missing_key", 'expected "type": "function", found no such key; add it')
    elif value["type"] != "function":
        findings.add(path, "invalid_tool_type", f'expected "function", found {shown(value["type"])}')


def _check_call(call: object, path: str, findings: Findings) -> None:
    """Checks the name and the arguments of a tool call or of a `function_call`."""
    if not isinstance(call, dict):
        _wrong_type(call, "an object with name and arguments", path, findings)
        return
    _check_unknown_keys(call, ("name", "arguments"), path, findings)
    if "name" not in call:
        findings.add(f"{path}.name", "missing_key", "expected the function's name, found no such key; add it")
    else:
        _check_function_name(call["name"], f"{path}.name", findings)
    if "arguments" not in call:
        message = 'expected the arguments as a JSON string, found no such key; write "{}" where there are none'
        findings.add(f"{path}.arguments", "missing_key", message)
    else:
        _check_arguments(call["arguments"], f"{path}.arguments", findings)


def _check_arguments(arguments: object, path: str, findings: Findings) -> None:
    """Checks that the arguments are a string, and the string a JSON object as clean as the line has to be.

    The strictness inside the string is ours: a chat template may parse it and write it anew, and a duplicate key or a
    NaN would then be lost or changed on the way to the tokens.
    """
    if not isinstance(arguments, str):
        hint = "; write them as a string, with json.dumps" if isinstance(arguments, dict) else ""
        message = f"expected a JSON object inside a string, found {shown(arguments)}{hint}"
        findings.add(path, "arguments_not_a_string", message)
        return
    try:
        value, flaws = parse(arguments)
    except NotJson as error:
        if error.code == "too_deep":
            findings.add(path, "too_deep", error.message)
            return
        what = "an empty string" if not arguments.strip() else shown(arguments)
        message = f"expected a JSON object inside the string, found {what}; write {{}} where there are none"
        findings.add(path, "arguments_not_an_object", message)
        return
    for flaw in flaws:
        where = f" (inside the arguments, at {flaw.path})" if flaw.path else ""
        findings.add(path, flaw.code, flaw.message + where)
    if not isinstance(value, dict):
        message = f"expected a JSON object inside the string, found {shown(value)}"
        findings.add(path, "arguments_not_an_object", message)


def _check_tool_call_id(message: dict[str, Any], path: str, call_ids: set[str], findings: Findings) -> None:
    path = f"{path}.tool_call_id"
    if "tool_call_id" not in message:
        findings.add(path, "missing_key", "expected the id of the tool call that this answers, found no such key")
        return
    call_id = message["tool_call_id"]
    if not isinstance(call_id, str):
        _wrong_type(call_id, "the id of a tool call as text", path, findings)
    elif call_id not in call_ids:
        findings.add(
            path, "unknown_tool_call_id", f"expected the id of an earlier tool call of this row, found {shown(call_id)}"
        )


def _check_function_name(name: object, path: str, findings: Findings) -> None:
    if not isinstance(name, str):
        _wrong_type(name, "the function's name as text", path, findings)
    elif not _FUNCTION_NAME.fullmatch(name):
        found = shown(name) + (f" of {len(name)} characters" if len(name) > 64 else "")
        findings.add(path, "invalid_function_name", f"expected 1 to 64 of a-z, A-Z, 0-9, _ and -, found {found}")


# Helpers of all rules


def _wrong_type(value: object, expected: str, path: str, findings: Findings) -> None:
    remedy = "; leave the key out where it is not used" if value is None else ""
    findings.add(path, "wrong_type", f"expected {expected}, found {shown(value)}{remedy}")


def _check_unknown_keys(value: dict[str, Any], known: tuple[str, ...], path: str, findings: Findings) -> None:
    for key in value:
        if key not in known:
            findings.add(child(path, key), "unknown_key", _unknown_key_message(key, known))


@lru_cache(maxsize=1024)
def _unknown_key_message(key: str, known: tuple[str, ...]) -> str:
    expected = f"expected only {', '.join(known)}; found {shown(key)}; "
    if key in _WEIGHT_SYNONYMS and "weight" in known:
        return expected + 'use "weight": 0 or 1 on the assistant message'
    if key == "weight":
        return expected + "weight belongs on an assistant message"
    meant = _OTHER_KEYS_HINTS.get(key)
    if meant not in known:
        meant = _nearest(key, known)
    return expected + (f"did you mean {shown(meant)}?" if meant else "remove it")


def _nearest(word: str, known: Collection[str]) -> str | None:
    """The known word that `word` most likely misspells."""
    from difflib import get_close_matches

    matches = get_close_matches(word[:64].lower(), known, n=1, cutoff=0.6)
    return matches[0] if matches else None
