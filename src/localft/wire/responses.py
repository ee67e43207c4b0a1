"""Responses: the newer way to ask for answers, without anything that has to be remembered between two requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from localft.wire.chat import Metadata, Model, Number, ShortText, Text, not_done, refuse_forced_calls

_STATELESS = "localft keeps no responses"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextFormat(_Asked):
    """Text is the only format that is sure to come out."""

    type: Literal["text"]


class TextSettings(_Asked):
    format: TextFormat | None = None
    verbosity: Annotated[None, not_done("localft's models take no verbosity")] = None


class ResponseStreamOptions(_Asked):
    include_obfuscation: StrictBool | None = None


class FunctionTool(_Asked):
    """A function that the model may call."""

    type: Literal["function"]
    name: Annotated[str, Field(strict=True, max_length=64)]
    description: Text | None = None
    parameters: dict[str, Any] | None = None
    strict: StrictBool | None = None


class ResponseRequest(_Asked):
    """Body of POST /responses."""

    model: Model
    input: Text | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=4096)]
    background: Literal[False] | None = None
    conversation: Annotated[None, not_done(_STATELESS)] = None
    include: list[Literal["message.output_text.logprobs"]] | None = None
    instructions: Text | None = None
    max_output_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    max_tool_calls: Annotated[None, not_done("localft runs no tools of its own")] = None
    metadata: Metadata | None = None
    parallel_tool_calls: StrictBool | None = None
    previous_response_id: Annotated[None, not_done(f"{_STATELESS}: send the earlier items with `input`")] = None
    prompt: Annotated[None, not_done("localft keeps no prompts")] = None
    prompt_cache_key: ShortText | None = None
    prompt_cache_retention: ShortText | None = None
    reasoning: Annotated[None, not_done("localft's models take no effort")] = None
    safety_identifier: ShortText | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: Annotated[
        Literal[False] | None,
        BeforeValidator(lambda value: _refuse_storing(value)),
    ] = None
    stream: StrictBool | None = None
    stream_options: ResponseStreamOptions | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    text: TextSettings | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Annotated[Literal["none", "auto"] | None, BeforeValidator(refuse_forced_calls)] = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    truncation: Literal["disabled"] | None = None
    user: ShortText | None = None


def _refuse_storing(value: Any) -> Any:
    if value is True:
        raise ValueError(f"expected false, since {_STATELESS}; found true")
    return value


# --- what is answered


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class OutputText(_Answered):
    """A part of an answer's message."""

    annotations: list[Any] = []
    text: str
    type: Literal["output_text"] = "output_text"
    logprobs: list[dict[str, Any]] = []


ItemStatus = Literal["in_progress", "completed", "incomplete"]


class OutputMessage(_Answered):
    """What the assistant says."""

    id: str
    content: list[OutputText]
    role: Literal["assistant"] = "assistant"
    status: ItemStatus
    type: Literal["message"] = "message"


class OutputCall(_Answered):
    """A function that the assistant calls."""

    arguments: str
    call_id: str
    name: str
    type: Literal["function_call"] = "function_call"
    id: str
    status: ItemStatus


class IncompleteDetails(_Answered):
    reason: Literal["max_output_tokens"] = "max_output_tokens"


class InputTokensDetails(_Answered):
    cached_tokens: int = 0


class OutputTokensDetails(_Answered):
    reasoning_tokens: int = 0


class ResponseUsage(_Answered):
    """Tokens as they were computed."""

    input_tokens: int
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens: int
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int


class Response(_Answered):
    """Answer of POST /responses: what was asked, with its defaults, and what was said."""

    id: str
    created_at: int
    error: None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    metadata: dict[str, str]
    model: str
    object: Literal["response"] = "response"
    output: list[OutputMessage | OutputCall]
    parallel_tool_calls: bool
    temperature: float
    tool_choice: Literal["none", "auto"]
    tools: list[dict[str, Any]]
    top_p: float
    background: Literal[False] = False
    max_output_tokens: int | None
    previous_response_id: None = None
    reasoning: dict[str, None] = {"effort": None, "summary": None}
    service_tier: Literal["default"] = "default"
    status: Literal["in_progress", "completed", "incomplete"]
    store: Literal[False] = False
    text: dict[str, Any] = {"format": {"type": "text"}}
    top_logprobs: int
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None
    user: str | None
