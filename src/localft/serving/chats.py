"""Chat requests answered by localft's own engine: from the request's fields to a task, and from events to the answer."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from localft.errors import UsageError
from localft.serving.conversations import conversation_row
from localft.serving.engines import Engines
from localft.serving.models import ServedModel
from localft.wire import engine as protocol
from localft.wire.chat import (
    AnswerMessage,
    ChatCompletion,
    ChatCompletionRequest,
    Choice,
    CompletionRequest,
    FinishReason,
    FunctionCall,
    Logprobs,
    SampledRequest,
    TextChoice,
    TextCompletion,
    TokenLogprob,
    ToolCall,
    TopLogprob,
    Usage,
)

Json = dict[str, Any]


class Chats(Protocol):
    """What answers chats: localft's own engine, or vLLM. Answers are JSON objects of the service."""

    async def chat(self, served: ServedModel, request: ChatCompletionRequest) -> Json: ...

    def chat_chunks(self, served: ServedModel, request: ChatCompletionRequest) -> AsyncGenerator[Json, None]: ...

    async def completion(self, served: ServedModel, request: CompletionRequest) -> Json: ...

    def completion_chunks(self, served: ServedModel, request: CompletionRequest) -> AsyncGenerator[Json, None]: ...

    async def close(self) -> None: ...


class OwnChats:
    """Chats with localft's own engine."""

    def __init__(
        self,
        engines: Engines,
        *,
        clock: Callable[[], float] = time.time,
        new_hex: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._engines, self._clock, self._new_hex = engines, clock, new_hex

    async def chat(self, served: ServedModel, request: ChatCompletionRequest) -> Json:
        task = _chat_task(served, request, self._new_hex(), stream=False)
        answers = await self._collected(served, task)
        return ChatCompletion(
            id=f"chatcmpl-{task.id}",
            choices=[_choice(index, answer, task) for index, answer in enumerate(answers.choices)],
            created=int(self._clock()),
            model=served.name,
            system_fingerprint=served.fingerprint,
            usage=answers.usage,
        ).to_wire()

    async def chat_chunks(self, served: ServedModel, request: ChatCompletionRequest) -> AsyncGenerator[Json, None]:
        task = _chat_task(served, request, self._new_hex(), stream=True)
        head = {
            "id": f"chatcmpl-{task.id}",
            "object": "chat.completion.chunk",
            "created": int(self._clock()),
            "model": served.name,
            "service_tier": "default",
            "system_fingerprint": served.fingerprint,
        }
        usage_field = {"usage": None} if request.wants_usage else {}
        prompt_tokens = completion_tokens = 0

        def chunk(index: int, delta: Json, reason: str | None = None, logprobs: Json | None = None) -> Json:
            choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
            return {**head, "choices": [choice], **usage_field}

        async with aclosing(self._events(served, task)) as events:
            async for event in events:
                if isinstance(event, protocol.Started):
                    prompt_tokens = event.prompt_tokens
                    for index in range(task.n):
                        yield chunk(index, {"role": "assistant", "content": "", "refusal": None})
                elif isinstance(event, protocol.Delta):
                    for delta, logprobs in _deltas(event):
                        yield chunk(event.choice, delta, logprobs=logprobs)
                elif isinstance(event, protocol.Ended):
                    completion_tokens += event.completion_tokens
                    yield chunk(event.choice, {}, event.reason)
        if request.wants_usage:
            yield {**head, "choices": [], "usage": Usage.of(prompt_tokens, completion_tokens).model_dump(mode="json")}

    async def completion(self, served: ServedModel, request: CompletionRequest) -> Json:
        task = _completion_task(served, request, self._new_hex(), stream=False)
        answers = await self._collected(served, task)
        return TextCompletion(
            id=f"cmpl-{task.id}",
            choices=[
                TextChoice(finish_reason="stop" if answer.reason == "stop" else "length", index=index, text=answer.text)
                for index, answer in enumerate(answers.choices)
            ],
            created=int(self._clock()),
            model=served.name,
            system_fingerprint=served.fingerprint,
            usage=answers.usage,
        ).model_dump(mode="json")

    async def completion_chunks(self, served: ServedModel, request: CompletionRequest) -> AsyncGenerator[Json, None]:
        task = _completion_task(served, request, self._new_hex(), stream=True)
        head = {
            "id": f"cmpl-{task.id}",
            "object": "text_completion",
            "created": int(self._clock()),
            "model": served.name,
            "system_fingerprint": served.fingerprint,
        }
        prompt_tokens = completion_tokens = 0

        def chunk(index: int, text: str, reason: str | None = None) -> Json:
            return {**head, "choices": [{"index": index, "text": text, "logprobs": None, "finish_reason": reason}]}

        async with aclosing(self._events(served, task)) as events:
            async for event in events:
                if isinstance(event, protocol.Started):
                    prompt_tokens = event.prompt_tokens
                elif isinstance(event, protocol.Delta) and event.text:
                    yield chunk(event.choice, event.text)
                elif isinstance(event, protocol.Ended):
                    completion_tokens += event.completion_tokens
                    yield chunk(event.choice, "", event.reason)
        if request.wants_usage:
            yield {**head, "choices": [], "usage": Usage.of(prompt_tokens, completion_tokens).model_dump(mode="json")}

    async def close(self) -> None:
        await self._engines.close()

    async def _events(
        self, served: ServedModel, task: protocol.Task | protocol.Completion
    ) -> AsyncGenerator[protocol.FromEngine, None]:
        """Raises UsageError for a task that the engine refuses."""
        async with aclosing(self._engines.answer(served.base, task)) as events:
            async for event in events:
                if isinstance(event, protocol.Refused):
                    raise UsageError(event.message, code=event.code, param=event.param)
                yield event

    async def _collected(self, served: ServedModel, task: protocol.Task | protocol.Completion) -> _Answers:
        answers = _Answers([_Answer() for _ in range(task.n)])
        async with aclosing(self._events(served, task)) as events:
            async for event in events:
                answers.take(event)
        return answers


@dataclass
class _Answer:
    """One choice as it is collected."""

    text: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """Id, name and arguments."""
    logprobs: list[protocol.TokenLogprob] = field(default_factory=list)
    reason: FinishReason = "stop"


@dataclass
class _Answers:
    choices: list[_Answer]
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def usage(self) -> Usage:
        return Usage.of(self.prompt_tokens, self.completion_tokens)

    def take(self, event: protocol.FromEngine) -> None:
        if isinstance(event, protocol.Started):
            self.prompt_tokens = event.prompt_tokens
        elif isinstance(event, protocol.Delta):
            answer = self.choices[event.choice]
            answer.text += event.text
            answer.logprobs.extend(event.logprobs)
            for call in event.calls:
                if call.id is not None and call.name is not None:
                    answer.calls.append((call.id, call.name, call.arguments))
                else:
                    id, name, arguments = answer.calls[call.index]
                    answer.calls[call.index] = (id, name, arguments + call.arguments)
        elif isinstance(event, protocol.Ended):
            self.choices[event.choice].reason = event.reason
            self.completion_tokens += event.completion_tokens


def _chat_task(served: ServedModel, request: ChatCompletionRequest, hex: str, *, stream: bool) -> protocol.Task:
    return protocol.Task(
        id=hex,
        adapter=str(served.adapter) if served.adapter else None,
        sampling=_sampling(request),
        n=request.n or 1,
        max_tokens=request.limit,
        stop=request.stops,
        logprobs=(request.top_logprobs or 0) if request.logprobs else None,
        stream=stream,
        row=conversation_row(request.messages, request.offered_tools),
        parallel_tool_calls=request.parallel_tool_calls is not False,
    )


def _completion_task(served: ServedModel, request: CompletionRequest, hex: str, *, stream: bool) -> protocol.Completion:
    return protocol.Completion(
        id=hex,
        adapter=str(served.adapter) if served.adapter else None,
        sampling=_sampling(request),
        n=request.n or 1,
        max_tokens=16 if request.max_tokens is None else request.max_tokens,
        stop=request.stops,
        stream=stream,
        text=request.text,
    )


def _sampling(request: SampledRequest) -> protocol.Sampling:
    return protocol.Sampling(
        temperature=1.0 if request.temperature is None else float(request.temperature),
        top_p=1.0 if request.top_p is None else float(request.top_p),
        seed=request.seed,
        presence_penalty=float(request.presence_penalty or 0),
        frequency_penalty=float(request.frequency_penalty or 0),
        logit_bias={int(id): float(bias) for id, bias in (request.logit_bias or {}).items()},
    )


def _choice(index: int, answer: _Answer, task: protocol.Task) -> Choice:
    calls = [ToolCall(id=id, function=FunctionCall(arguments=text, name=name)) for id, name, text in answer.calls]
    content = answer.text if answer.text.strip() or not calls else None
    return Choice(
        finish_reason=answer.reason,
        index=index,
        logprobs=None if task.logprobs is None else _logprobs(answer.logprobs),
        message=AnswerMessage(content=content, tool_calls=calls or None),
    )


def _logprobs(tokens: Sequence[protocol.TokenLogprob]) -> Logprobs:
    return Logprobs(
        content=[
            TokenLogprob(
                token=token.token,
                bytes=list(token.bytes),
                logprob=token.logprob,
                top_logprobs=[
                    TopLogprob(token=other.token, bytes=list(other.bytes), logprob=other.logprob) for other in token.top
                ],
            )
            for token in tokens
        ]
    )


def _deltas(event: protocol.Delta) -> list[tuple[Json, Json | None]]:
    """What a chunk's `delta` and `logprobs` are, for what was added to a choice."""
    logprobs = _logprobs(event.logprobs).model_dump(mode="json") if event.logprobs else None
    found: list[tuple[Json, Json | None]] = []
    if event.text or logprobs is not None:
        found.append(({"content": event.text}, logprobs))
    for call in event.calls:
        function: Json = {"arguments": call.arguments}
        entry: Json = {"index": call.index, "function": function}
        if call.id is not None:
            function["name"] = call.name
            entry.update(id=call.id, type="function")
        found.append(({"tool_calls": [entry]}, None))
    return found
