"""Short ways to write conversations in tests."""

from __future__ import annotations

from localft.data.examples import ChatExample, FunctionCall, Message, ToolCall


def system(text: str) -> Message:
    return Message("system", text)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str | None = None, *, weight: int | None = None, calls: tuple[ToolCall, ...] = ()) -> Message:
    return Message("assistant", text, tool_calls=calls, weight=weight)


def call(name: str, arguments: str, id: str = "call_1") -> ToolCall:
    return ToolCall(id, FunctionCall(name, arguments))


def tool_result(text: str, id: str = "call_1") -> Message:
    return Message("tool", text, tool_call_id=id)


def function_tool(name: str, **properties: str) -> dict:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"Does {name}.",
            "parameters": {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}},
        },
    }


def row(*messages: Message, tools: tuple[dict, ...] | None = None, line: int = 1, **more) -> ChatExample:
    return ChatExample("rows.jsonl", line, messages, tools, **more)
