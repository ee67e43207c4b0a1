"""Chat completions: what may be asked, what is answered, whole or in chunks; and the older completions of a text.

What this service cannot do is refused by the name of the field. Ignored is only what changes nothing in an answer.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    field_validator,
)

Text = Annotated[str, Field(strict=True)]
Number = StrictFloat | StrictInt
Model = Annotated[str, Field(strict=True, min_length=1, max_length=512)]
ShortText = Annotated[str, Field(strict=True, max_length=512)]
Stop = Annotated[str, Field(strict=True, min_length=1, max_length=1024)]
Metadata = dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]]


def not_done(why: str) -> BeforeValidator:
    """For fields of the service that may be null here and nothing else."""

    def refuse(value: Any) -> None:
        if value is not None:
            raise ValueError(f"expected none, since {why}; found one")

    return BeforeValidator(refuse)


def refuse_forced_calls(choice: Any) -> Any:
    """A call that must come cannot be promised, so `required` and a function's name are refused."""
    if choice == "required" or isinstance(choice, dict):
        found = "required" if choice == "required" else "a function"
        raise ValueError(f"expected auto or none, since a call cannot be forced on the model; found {found}")
    return choice


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StreamOptions(_Asked):
    """What else is to be streamed."""

    include_usage: StrictBool | None = None
    include_obfuscation: StrictBool | None = None
    """Accepted; chunks are never padded."""


class ResponseFormat(_Asked):
    """Text is the only format that is sure to come out."""

    type: Literal["text"]


class SampledRequest(_Asked):
    """What chat completions and the older completions have in common."""

    model: Model
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[Number, Field(ge=-100, le=100)]] | None = None
    max_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    n: Annotated[StrictInt, Field(ge=1, le=128)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    seed: Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    user: ShortText | None = None

    @field_validator("stream_options")
    @classmethod
    def _belongs_to_a_stream(cls, value: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if value is not None and not info.data.get("stream"):
            raise ValueError("expected with stream true only, found without")
        return value

    @field_validator("logit_bias")
    @classmethod
    def _is_of_tokens(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for key in value or ():
            if not (key.isascii() and key.isdecimal() and len(key) < 10):
                raise ValueError(f"expected token ids as keys, found {json.dumps(key[:40])}")
        return value

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class ChatCompletionRequest(SampledRequest):
    """Body of POST /chat/completions."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=8192)]
    """As in a data file, but that the last one need not be an assistant's."""
    audio: Annotated[None, not_done("localft's models write text")] = None
    function_call: Annotated[None, not_done("it became tool_choice")] = None
    functions: Annotated[None, not_done("they became tools")] = None
    logprobs: StrictBool | None = None
    max_completion_tokens: Annotated[StrictInt, Field(ge=1)] | None = None
    metadata: Metadata | None = None
    modalities: list[Literal["text"]] | None = None
    parallel_tool_calls: StrictBool | None = None
    moderation: Annotated[None, not_done("localft moderates nothing")] = None
    prediction: Annotated[None, not_done("localft has no predicted outputs")] = None
    prompt_cache_key: ShortText | None = None
    prompt_cache_retention: ShortText | None = None
    reasoning_effort: Annotated[None, not_done("localft's models take no effort")] = None
    response_format: ResponseFormat | None = None
    safety_identifier: ShortText | None = None
    service_tier: Literal["auto", "default"] | None = None
    store: Literal[False] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Annotated[Literal["none", "auto"] | None, BeforeValidator(refuse_forced_calls)] = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    verbosity: Annotated[None, not_done("localft's models take no verbosity")] = None
    web_search_options: Annotated[None, not_done("localft searches nothing")] = None

    @field_validator("top_logprobs", "tool_choice", "max_completion_tokens")
    @classmethod
    def _agrees_with_others(cls, value: Any, info: ValidationInfo) -> Any:
        others = info.data
        if value is None:
            return value
        if info.field_name == "top_logprobs" and not others.get("logprobs"):
            raise ValueError("expected with logprobs true only, found without")
        if info.field_name == "tool_choice" and not others.get("tools"):
            raise ValueError("expected with tools only, found without")
        if info.field_name == "max_completion_tokens" and others.get("max_tokens") is not None:
            raise ValueError("expected this or max_tokens, found both")
        return value

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def offered_tools(self) -> list[dict[str, Any]] | None:
        return None if self.tool_choice == "none" else self.tools


class CompletionRequest(SampledRequest):
    """Body of POST /completions: a text to be gone on with."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=1)]
    best_of: Literal[1] | None = None
    echo: Literal[False] | None = None
    logprobs: None = None
    suffix: None = None

    @property
    def text(self) -> str:
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]


# --- what is answered


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class CompletionTokensDetails(_Answered):
    """Parts of an answer that localft's models do not have."""

    accepted_prediction_tokens: int = 0
    audio_tokens: int = 0
    reasoning_tokens: int = 0
    rejected_prediction_tokens: int = 0


class PromptTokensDetails(_Answered):
    """Parts of a prompt that are not told apart."""

    audio_tokens: int = 0
    cached_tokens: int = 0


class Usage(_Answered):
    """Tokens as they were computed."""

    completion_tokens: int
    prompt_tokens: int
    total_tokens: int
    completion_tokens_details: CompletionTokensDetails = CompletionTokensDetails()
    prompt_tokens_details: PromptTokensDetails = PromptTokensDetails()

    @classmethod
    def of(cls, prompt_tokens: int, completion_tokens: int) -> Usage:
        return cls(
            completion_tokens=completion_tokens,
            prompt_tokens=prompt_tokens,
            total_tokens=prompt_tokens + completion_tokens,
        )


class TopLogprob(_Answered):
    """A token that might have stood there."""

    token: str
    bytes: list[int] | None
    logprob: float


class TokenLogprob(_Answered):
    """A token of the answer. Probabilities are the model's own, before temperature, bias and penalties."""

    token: str
    bytes: list[int] | None
    logprob: float
    top_logprobs: list[TopLogprob]


class Logprobs(_Answered):
    content: list[TokenLogprob] | None
    refusal: None = None


class FunctionCall(_Answered):
    arguments: str
    name: str


class ToolCall(_Answered):
    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


class AnswerMessage(_Answered):
    """What the assistant says."""

    content: str | None
    refusal: None = None
    role: Literal["assistant"] = "assistant"
    annotations: list[Any] = []
    tool_calls: list[ToolCall] | None = None


FinishReason = Literal["stop", "length", "tool_calls"]


class Choice(_Answered):
    """One of `n` answers."""

    finish_reason: FinishReason
    index: int
    logprobs: Logprobs | None
    message: AnswerMessage


class ChatCompletion(_Answered):
    """Answer of POST /chat/completions."""

    id: str
    choices: list[Choice]
    created: int
    model: str
    object: Literal["chat.completion"] = "chat.completion"
    service_tier: Literal["default"] = "default"
    system_fingerprint: str
    usage: Usage

    def to_wire(self) -> dict[str, Any]:
        """As JSON; a message without calls has no `tool_calls`, as the service leaves it out."""
        body = self.model_dump(mode="json")
        for choice in body["choices"]:
            if choice["message"]["tool_calls"] is None:
                del choice["message"]["tool_calls"]
        return body


class TextChoice(_Answered):
    finish_reason: Literal["stop", "length"]
    index: int
    logprobs: None = None
    text: str


class TextCompletion(_Answered):
    """Answer of POST /completions."""

    id: str
    choices: list[TextChoice]
    created: int
    model: str
    object: Literal["text_completion"] = "text_completion"
    system_fingerprint: str
    usage: Usage


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event of JSON."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


DONE = b"data: [DONE]\n\n"
