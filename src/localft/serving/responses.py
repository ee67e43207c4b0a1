"""Responses as chats: input items to messages, an answer's chunks to output items and the events of a stream."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any

from localft.data.strict_json import shown
from localft.errors import UsageError
from localft.serving.chats import Chats, Json
from localft.serving.models import ServedModel
from localft.wire.chat import ChatCompletionRequest, StreamOptions
from localft.wire.responses import (
    IncompleteDetails,
    ItemStatus,
    OutputCall,
    OutputMessage,
    OutputText,
    Response,
    ResponseRequest,
    ResponseUsage,
)

_TEXT_PARTS = {"input_text", "output_text", "text"}
_MESSAGE_KEYS = {"type", "role", "content", "id", "status", "phase"}
_CALL_KEYS = {"type", "call_id", "name", "arguments", "id", "status"}
_OUTPUT_KEYS = {"type", "call_id", "output", "id", "status"}


class Responses:
    """Answers responses by means of chats."""

    def __init__(
        self,
        chats: Chats,
        *,
        clock: Callable[[], float] = time.time,
        new_hex: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._chats, self._clock, self._new_hex = chats, clock, new_hex

    async def response(self, served: ServedModel, request: ResponseRequest) -> Json:
        """The whole answer."""
        last: Json = {}
        async with aclosing(self.events(served, request)) as events:
            async for event in events:
                last = event
        whole: Json = last["response"]
        return whole

    async def events(self, served: ServedModel, request: ResponseRequest) -> AsyncGenerator[Json, None]:
        """The answer as the events of a stream; the last one holds all of it."""
        draft = _Draft(served, request, self._new_hex, int(self._clock()))
        number = 0
        messages = _Messages(request)
        chunks = self._chats.chat_chunks(served, _as_chat(request, messages.said))
        try:
            async for chunk in chunks:
                for event in draft.take(chunk):
                    yield {**event, "sequence_number": number}
                    number += 1
        except UsageError as error:
            raise messages.as_asked(error) from None
        finally:
            await chunks.aclose()
        for event in draft.finish():
            yield {**event, "sequence_number": number}
            number += 1


# --- what is asked


def _as_chat(request: ResponseRequest, messages: list[Json]) -> ChatCompletionRequest:
    wants_logprobs = bool(request.include) or request.top_logprobs is not None
    return ChatCompletionRequest(
        model=request.model,
        messages=messages,
        max_completion_tokens=request.max_output_tokens,
        parallel_tool_calls=request.parallel_tool_calls,
        temperature=request.temperature,
        top_p=request.top_p,
        tools=[_chat_tool(tool) for tool in _tools(request)] or None,
        tool_choice=request.tool_choice if request.tools else None,
        logprobs=wants_logprobs or None,
        top_logprobs=(request.top_logprobs or 0) if wants_logprobs else None,
        stream=True,
        stream_options=StreamOptions(include_usage=True),
    )


def _tools(request: ResponseRequest) -> list[Json]:
    return [tool.model_dump(mode="json") for tool in request.tools or ()]


def _chat_tool(tool: Json) -> Json:
    definition = {key: tool[key] for key in ("name", "description", "parameters", "strict") if tool[key] is not None}
    return {"type": "function", "function": definition}


class _Messages:
    """What is asked as messages, and where each of them stood. Calls that follow each other, or a text of the assistant, are
    one message with it, as the model wrote them.
    """

    def __init__(self, request: ResponseRequest) -> None:
        self.said: list[Json] = []
        self._places: dict[str, str] = {}
        """Where a message, or one of its calls, was sent."""
        if request.instructions is not None:
            self._say({"role": "system", "content": request.instructions}, "instructions")
        if isinstance(request.input, str):
            self._say({"role": "user", "content": request.input}, "input")
            return
        self._is_open = False
        for index, item in enumerate(request.input):
            self._take(item, f"input[{index}]")

    def as_asked(self, error: UsageError) -> UsageError:
        """An error about a message, in the words of what was sent for it."""
        message, param = error.message, error.param
        for ours in sorted(self._places, key=len, reverse=True):
            theirs = self._places[ours]
            if param is not None and param.startswith(ours):
                param = param.replace(ours, theirs)
            message = message.replace(ours, theirs)
        return UsageError(message, code=error.code, param=param)

    def _take(self, item: Json, place: str) -> None:
        kind = item.get("type", "message")
        if kind == "function_call":
            self._take_call(item, place)
        elif kind == "function_call_output":
            _check_keys(item, _OUTPUT_KEYS, place)
            content = _content(item.get("output"), f"{place}.output")
            self._say({"role": "tool", "tool_call_id": item.get("call_id"), "content": content}, place)
            self._stands(".tool_call_id", f"{place}.call_id")
            self._stands(".content", f"{place}.output")
        elif kind == "message":
            _check_keys(item, _MESSAGE_KEYS, place)
            content = _content(item.get("content"), f"{place}.content")
            self._say({"role": item.get("role"), "content": content}, place)
            self._is_open = item.get("role") == "assistant"
        else:
            raise UsageError(
                f"{place}.type is {shown(kind)}; expected message, function_call or function_call_output.",
                code="unsupported_item",
                param=f"{place}.type",
            )

    def _take_call(self, item: Json, place: str) -> None:
        _check_keys(item, _CALL_KEYS, place)
        if not self._is_open:
            self._say({"role": "assistant", "content": None}, place)
            self._is_open = True
        function = {key: item[key] for key in ("name", "arguments") if key in item}
        calls = self.said[-1].setdefault("tool_calls", [])
        call = f".tool_calls[{len(calls)}]"
        calls.append({"id": item.get("call_id"), "type": "function", "function": function})
        for ours, theirs in ((".id", ".call_id"), (".function", ""), ("", "")):
            self._stands(call + ours, place + theirs)

    def _say(self, message: Json, place: str) -> None:
        self._is_open = False
        self.said.append(message)
        self._stands("", place)

    def _stands(self, ours: str, theirs: str) -> None:
        """Where the last message, or a part of it, stands in the request."""
        self._places[f"messages[{len(self.said) - 1}]{ours}"] = theirs


def _check_keys(item: Json, known: set[str], place: str) -> None:
    strange = next((key for key, value in item.items() if key not in known and value is not None), None)
    if strange is not None:
        raise UsageError(
            f"{place}: expected {', '.join(sorted(known))}; found {shown(strange)}.",
            code="unknown_key",
            param=f"{place}.{strange}",
        )


def _content(content: Any, place: str) -> Any:
    """Parts as a chat has them; what is no list of parts is left to the rules of messages."""
    if not isinstance(content, list):
        return content
    parts = []
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "refusal":
            parts.append({"type": "refusal", "refusal": part.get("refusal")})
        elif isinstance(kind, str) and kind in _TEXT_PARTS:
            parts.append({"type": "text", "text": part.get("text")})
        else:
            found = shown(kind if isinstance(part, dict) else part)
            raise UsageError(
                f"{place}[{index}]: expected a text part, found {found}; localft's models read text.",
                code="unsupported_content_part",
                param=f"{place}[{index}]",
            )
    return parts


# --- what is answered


class _Item:
    """One output item while it is written."""

    def __init__(self, index: int, id: str, *, call_id: str | None = None, name: str = "") -> None:
        self.index, self.id, self.call_id, self.name = index, id, call_id, name
        self.text = ""
        self.logprobs: list[Json] = []

    @property
    def is_call(self) -> bool:
        return self.call_id is not None

    def to_wire(self, status: ItemStatus) -> OutputMessage | OutputCall:
        if self.call_id is not None:
            return OutputCall(
                arguments="" if status == "in_progress" else self.text,
                call_id=self.call_id,
                name=self.name,
                id=self.id,
                status=status,
            )
        parts = [] if status == "in_progress" else [self.part()]
        return OutputMessage(id=self.id, content=parts, status=status)

    def part(self) -> OutputText:
        return OutputText(text=self.text, logprobs=self.logprobs)


class _Draft:
    """A response while its chunks come in."""

    def __init__(self, served: ServedModel, request: ResponseRequest, new_hex: Callable[[], str], now: int) -> None:
        self._served, self._request, self._new_hex, self._now = served, request, new_hex, now
        self._id = f"resp_{new_hex()}"
        self._items: list[_Item] = []
        self._open: _Item | None = None
        self._reason = "stop"
        self._usage: ResponseUsage | None = None
        self._begun = False
        self._early: list[Json] = []
        """Log probabilities of tokens before the first text, which has not come yet."""

    def take(self, chunk: Json) -> Iterator[Json]:
        if not self._begun:
            self._begun = True
            yield {"type": "response.created", "response": self._response("in_progress")}
            yield {"type": "response.in_progress", "response": self._response("in_progress")}
        if usage := chunk.get("usage"):
            self._usage = ResponseUsage(
                input_tokens=usage["prompt_tokens"],
                output_tokens=usage["completion_tokens"],
                total_tokens=usage["total_tokens"],
            )
        for choice in chunk["choices"]:
            delta = choice["delta"]
            logprobs = (choice.get("logprobs") or {}).get("content") or []
            if delta.get("content") or logprobs:
                yield from self._said(delta.get("content") or "", logprobs)
            for call in delta.get("tool_calls") or ():
                yield from self._called(call)
            self._reason = choice.get("finish_reason") or self._reason

    def finish(self) -> Iterator[Json]:
        if not self._items:
            yield from self._begin(_Item(0, f"msg_{self._new_hex()}"))  # an empty answer is one, too
            if self._open is not None:
                self._open.logprobs.extend(self._early)
        cut = self._reason == "length"
        yield from self._end("incomplete" if cut else "completed")
        status = "incomplete" if cut else "completed"
        yield {"type": f"response.{status}", "response": self._response("incomplete" if cut else "completed")}

    def _said(self, text: str, logprobs: list[Json]) -> Iterator[Json]:
        if self._open is None or self._open.is_call:
            if not text:
                self._early.extend(logprobs)
                return
            logprobs, self._early = self._early + logprobs, []
            yield from self._begin(_Item(len(self._items), f"msg_{self._new_hex()}"))
        item = self._open
        assert item is not None
        item.text += text
        item.logprobs.extend(logprobs)
        yield {
            "type": "response.output_text.delta",
            "item_id": item.id,
            "output_index": item.index,
            "content_index": 0,
            "delta": text,
            "logprobs": logprobs,
        }

    def _called(self, call: Json) -> Iterator[Json]:
        function = call.get("function") or {}
        if call.get("id") is not None:
            id = f"fc_{self._new_hex()}"
            yield from self._begin(_Item(len(self._items), id, call_id=call["id"], name=function["name"]))
        item = self._open
        assert item is not None and item.is_call
        arguments = function.get("arguments") or ""
        if arguments:
            item.text += arguments
            yield {
                "type": "response.function_call_arguments.delta",
                "item_id": item.id,
                "output_index": item.index,
                "delta": arguments,
            }

    def _begin(self, item: _Item) -> Iterator[Json]:
        yield from self._end("completed")
        self._items.append(item)
        self._open = item
        added = item.to_wire("in_progress").model_dump(mode="json")
        yield {"type": "response.output_item.added", "output_index": item.index, "item": added}
        if not item.is_call:
            yield {
                "type": "response.content_part.added",
                "item_id": item.id,
                "output_index": item.index,
                "content_index": 0,
                "part": OutputText(text="").model_dump(mode="json"),
            }

    def _end(self, status: ItemStatus) -> Iterator[Json]:
        item, self._open = self._open, None
        if item is None:
            return
        place = {"item_id": item.id, "output_index": item.index}
        if item.is_call:
            yield {
                "type": "response.function_call_arguments.done",
                **place,
                "name": item.name,
                "arguments": item.text,
            }
        else:
            yield {
                "type": "response.output_text.done",
                **place,
                "content_index": 0,
                "text": item.text,
                "logprobs": item.logprobs,
            }
            part = item.part().model_dump(mode="json")
            yield {"type": "response.content_part.done", **place, "content_index": 0, "part": part}
        done = item.to_wire(status).model_dump(mode="json")
        yield {"type": "response.output_item.done", "output_index": item.index, "item": done}

    def _response(self, status: ItemStatus) -> Json:
        request = self._request
        last = len(self._items) - 1
        output = (
            []
            if status == "in_progress"
            else [item.to_wire(status if item.index == last else "completed") for item in self._items]
        )
        return Response(
            id=self._id,
            created_at=self._now,
            incomplete_details=IncompleteDetails() if status == "incomplete" else None,
            instructions=request.instructions,
            metadata=request.metadata or {},
            model=self._served.name,
            output=output,
            parallel_tool_calls=request.parallel_tool_calls is not False,
            temperature=1.0 if request.temperature is None else float(request.temperature),
            tool_choice=request.tool_choice or "auto",
            tools=_tools(request),
            top_p=1.0 if request.top_p is None else float(request.top_p),
            max_output_tokens=request.max_output_tokens,
            status=status,
            top_logprobs=request.top_logprobs or 0,
            usage=self._usage,
            user=request.user,
        ).model_dump(mode="json")
