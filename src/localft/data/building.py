"""Turns a parsed line without errors into a `ChatExample`. Nothing is checked and nothing is normalised here."""

from __future__ import annotations

from typing import Any

from localft.data.examples import ChatExample, FunctionCall, Message, ToolCall


def build_example(row: dict[str, Any], file: str, line: int) -> ChatExample:
    """Builds the example of a line in which `rules` found no error."""
    return ChatExample(
        file=file,
        line=line,
        messages=tuple(_build_message(message) for message in row["messages"]),
        tools=tuple(row["tools"]) if "tools" in row else None,
        functions=tuple(row["functions"]) if "functions" in row else None,
        parallel_tool_calls=row.get("parallel_tool_calls"),
    )


def _build_message(message: dict[str, Any]) -> Message:
    content: Any = message.get("content")
    refusal = message.get("refusal")
    if isinstance(content, list):
        if content[0]["type"] == "refusal":
            content, refusal = None, content[0]["refusal"]
        else:
            content = tuple(part["text"] for part in content)
    function_call = message.get("function_call")
    return Message(
        role=message["role"],
        content=content,
        name=message.get("name"),
        tool_calls=tuple(
            ToolCall(id=call["id"], function=_build_call(call["function"])) for call in message.get("tool_calls") or ()
        ),
        tool_call_id=message.get("tool_call_id"),
        function_call=None if function_call is None else _build_call(function_call),
        refusal=refusal,
        weight=message.get("weight"),
    )


def _build_call(call: dict[str, Any]) -> FunctionCall:
    return FunctionCall(name=call["name"], arguments=call["arguments"])
