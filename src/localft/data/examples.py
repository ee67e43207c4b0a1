"""The typed chat example: one line of a data file after it has been found valid.

Field order and names are the service's. Nothing here is normalised: an example is what the line says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function's name and its arguments, the arguments a JSON string as the service writes them."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One entry of `tool_calls`; its type is always "function"."""

    id: str
    function: FunctionCall


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `content` is None where it is null or absent."""

    role: Role
    content: str | tuple[str, ...] | None = None
    """A string, or the texts of its `text` parts in order."""
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    function_call: FunctionCall | None = None
    refusal: str | None = None
    """From the key `refusal`, or from a `refusal` content part."""
    weight: Literal[0, 1] | None = None

    @property
    def is_trained(self) -> bool:
        """Whether this message carries loss: an assistant message whose weight is not 0. Absent weight counts as 1."""
        return self.role == "assistant" and self.weight != 0

    @property
    def text(self) -> str | None:
        """The content as one string; text parts are joined by a newline, as vLLM joins them for text-only templates."""
        if isinstance(self.content, tuple):
            return "\n".join(self.content)
        return self.content


@dataclass(frozen=True, slots=True)
class ChatExample:
    """One training example. `line` is the 1-based line in `file`."""

    file: str
    line: int
    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] | None = None
    functions: tuple[dict[str, Any], ...] | None = None
    parallel_tool_calls: bool | None = None
