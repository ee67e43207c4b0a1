"""What the service and its chat engine, a child process, say to each other: one JSON object a line.

The engine reads `Task`, `Completion` and `Cancel` from stdin and writes the others to stdout. It knows no names of models: a
task names the adapter's directory, and the base is the engine's own.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """How each token is chosen. Temperature 0 takes the likeliest."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] = {}


class _Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    adapter: str | None = None
    """Directory of the LoRA adapter; None asks the base model itself."""
    sampling: Sampling = Sampling()
    n: int = 1
    max_tokens: int | None = None
    """None goes on to the end of the context."""
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    """How many alternatives to tell for each token; None tells nothing, 0 the chosen token's alone."""
    stream: bool = False
    """Whether text is told as it comes; else once for each choice, at its end."""


class Task(_Request, frozen=True, tag="task", tag_field="is"):
    """A conversation to be answered, as valid as a training row."""

    row: dict[str, Any]
    """`messages` and `tools` as in a data file."""
    parallel_tool_calls: bool = True


class Completion(_Request, frozen=True, tag="completion", tag_field="is"):
    """A text to be gone on with, tokenised as it stands."""

    text: str


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="is"):
    """Nobody waits for a task any more."""

    id: str


class Ready(msgspec.Struct, frozen=True, tag="ready", tag_field="is"):
    """The base model is loaded."""

    device: Literal["cpu", "cuda"]
    context: int
    key_bytes: int
    """Memory that it may come to use beside its weights."""


class Started(msgspec.Struct, frozen=True, tag="started", tag_field="is"):
    """A task's prompt is tokenised."""

    id: str
    prompt_tokens: int


class TokenLogprob(msgspec.Struct, frozen=True):
    """One token of the answer, or one that might have stood there."""

    token: str
    logprob: float
    bytes: tuple[int, ...]
    top: tuple[TokenLogprob, ...] = ()


class CallDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call; `id` and `name` come with its first one."""

    index: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None


class Delta(msgspec.Struct, frozen=True, tag="delta", tag_field="is", omit_defaults=True):
    """What was added to one choice."""

    id: str
    choice: int
    text: str = ""
    calls: tuple[CallDelta, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


class Ended(msgspec.Struct, frozen=True, tag="ended", tag_field="is"):
    """A choice is complete. The task is when all of its choices are."""

    id: str
    choice: int
    reason: Literal["stop", "length", "tool_calls"]
    completion_tokens: int


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="is"):
    """A task that cannot be done, by the asker's doing."""

    id: str
    message: str
    code: str
    param: str | None = None


class Broken(msgspec.Struct, frozen=True, tag="broken", tag_field="is"):
    """The engine cannot start, or ends: `message` says why."""

    message: str
    code: str


ToEngine = Task | Completion | Cancel
FromEngine = Ready | Started | Delta | Ended | Refused | Broken

encode = msgspec.json.Encoder().encode
read_for_engine = msgspec.json.Decoder(ToEngine).decode
read_from_engine = msgspec.json.Decoder(FromEngine).decode
