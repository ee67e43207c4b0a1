"""The messages of a request as a row of a data file, held against the same rules as the rows of a training."""

from __future__ import annotations

from typing import Any

from localft.data.problems import Problem
from localft.data.rules import Findings, check_row
from localft.errors import UsageError

_SHOWN_PROBLEMS = 5
_ONLY_FOR_TRAINING = {"missing_assistant_message", "no_trained_message"}
_OF_A_CHAT = (
    ("localft trains on text, remove the part or the row", "localft's models read text, remove the part"),
    ("localft trains on text parts", "localft's models read text"),
    ("an earlier tool call of this row", "an earlier tool call of the conversation"),
    ("in the row", "in the request"),
)
"""Words of the rules, and those of a chat."""
_EMPTY_WHEN_SENT_BACK = ("refusal", "annotations", "audio", "function_call", "tool_calls", "name", "content")
"""Keys that a client sends back, null or empty, with the answers it got."""


def conversation_row(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The row. UsageError names the first message at fault."""
    row: dict[str, Any] = {"messages": [_as_in_a_row(message) for message in messages]}
    if tools:
        row["tools"] = tools
    findings = Findings(None)
    check_row(row, findings)
    findings.close()
    problems = [problem for problem in findings.errors if problem.code not in _ONLY_FOR_TRAINING]
    if not problems:
        return row
    sentences = [_sentence(problem) for problem in problems]
    more = f"; and {len(sentences) - _SHOWN_PROBLEMS} more" if len(sentences) > _SHOWN_PROBLEMS else ""
    raise UsageError(
        "; ".join(sentences[:_SHOWN_PROBLEMS]) + more, code=problems[0].code, param=problems[0].path or "messages"
    )


def _sentence(problem: Problem) -> str:
    """What is wrong, in words for who asks: the rules speak of rows that are trained on."""
    message = problem.message
    for of_a_row, of_a_chat in _OF_A_CHAT:
        message = message.replace(of_a_row, of_a_chat)
    return f"{problem.path}: {message}" if problem.path else message


def _as_in_a_row(message: dict[str, Any]) -> dict[str, Any]:
    """Without the empty keys that clients send back with an answer, and a tool's name, which its call has."""
    is_tool = message.get("role") == "tool"
    return {
        key: value
        for key, value in message.items()
        if not (value in (None, []) and key in _EMPTY_WHEN_SENT_BACK and key != "content")
        and not (value is None and key == "content" and message.get("tool_calls"))
        and not (is_tool and key == "name" and isinstance(value, str))
    }
