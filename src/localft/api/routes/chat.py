"""Chat completions, and the older completions of a text."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, cast

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Message, Send

from localft.api.bodies import StrictRoute
from localft.api.dependencies import ChatsDependency, DeploymentInPath, StoreDependency
from localft.api.errors import problem_of
from localft.jobs.store import Store
from localft.serving.models import ServedModel, find_served
from localft.wire.chat import DONE, ChatCompletion, ChatCompletionRequest, CompletionRequest, TextCompletion, sse

Json = dict[str, Any]
Answer = TypeVar("Answer")

router = APIRouter(route_class=StrictRoute, tags=["chat"])

_log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
READER_SECONDS = 60.0
"""How long a stream waits for a reader who takes nothing."""


@router.post("/chat/completions", response_model=ChatCompletion)
async def create_chat_completion(
    request: Request,
    store: StoreDependency,
    chats: ChatsDependency,
    deployment: DeploymentInPath,
    body: ChatCompletionRequest,
) -> Response:
    """Answers a conversation, whole or as a stream of chunks."""
    served = await served_by(store, deployment or body.model)
    if body.stream:
        return await streamed(chats.chat_chunks(served, body), sse, end=DONE)
    return JSONResponse(await while_connected(request, chats.chat(served, body)))


@router.post("/completions", response_model=TextCompletion)
async def create_completion(
    request: Request,
    store: StoreDependency,
    chats: ChatsDependency,
    deployment: DeploymentInPath,
    body: CompletionRequest,
) -> Response:
    """Goes on with a text as it stands, without a chat template."""
    served = await served_by(store, deployment or body.model)
    if body.stream:
        return await streamed(chats.completion_chunks(served, body), sse, end=DONE)
    return JSONResponse(await while_connected(request, chats.completion(served, body)))


class _Stream(StreamingResponse):
    """Is cut off where its reader takes nothing for a while."""

    async def stream_response(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(READER_SECONDS):
                await send(message)

        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            _log.warning("a stream is cut off: its reader took nothing for %g s", READER_SECONDS)
        finally:
            await cast(AsyncGenerator[bytes, None], self.body_iterator).aclose()


async def served_by(store: Store, name: str) -> ServedModel:
    return await run_in_threadpool(find_served, store, name)


async def while_connected(request: Request, answer: Awaitable[Answer]) -> Answer:
    """The answer; given up where the caller goes away."""
    computed, gone = asyncio.ensure_future(answer), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((computed, gone), return_when=asyncio.FIRST_COMPLETED)
        if not computed.done():
            raise ClientDisconnect
        return computed.result()
    finally:
        for task in (computed, gone):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def streamed(
    chunks: AsyncGenerator[Json, None], shaped: Callable[[Json], bytes], *, end: bytes = b""
) -> StreamingResponse:
    """The chunks as server-sent events. What is wrong with the request is found before the first one, and no stream then.

    What goes wrong later is an event with an error in it, at which clients raise.
    """
    first = await anext(chunks)

    async def events() -> AsyncIterator[bytes]:
        try:
            yield shaped(first)
            async for chunk in chunks:
                yield shaped(chunk)
            yield end
        except Exception as error:
            problem = problem_of(error)
            kind = "server_error" if problem.status >= 500 else "invalid_request_error"
            yield sse(
                {"error": {"message": problem.message, "type": kind, "param": problem.param, "code": problem.code}}
            )
        finally:
            await chunks.aclose()

    return _Stream(events(), media_type=EVENT_STREAM, headers={"Cache-Control": "no-cache"})
