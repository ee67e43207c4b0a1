"""Hands chats over to vLLM: one `vllm serve` on loopback a base model, LoRA adapters loaded into it as they are asked for.

vLLM has no say in who is let in: it is started with a key of its own, listens on loopback, and only this service speaks with it.
Loading adapters at run time is off in vLLM by default since whoever may call it can name any directory; that is behind the key
too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localft import catalog
from localft.errors import LocalftError, MissingExtra, ModelError, UsageError
from localft.serving.chats import Json
from localft.serving.conversations import conversation_row
from localft.serving.engines import EngineUnavailable
from localft.serving.models import BaseModel, ServedModel
from localft.wire.chat import ChatCompletionRequest, CompletionRequest

if TYPE_CHECKING:
    import httpx

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as --max-lora-rank."""
LEAST_RANK = 64
"""vLLM cannot raise it while it runs, so adapters that come later have room."""
MOST_ADAPTERS = 8
_PATIENCE_SECONDS = 1800.0
_LAST_SECONDS = 20.0


def max_lora_rank(rank: int) -> int:
    """The smallest rank that vLLM takes and that is large enough. UsageError where there is none."""
    fitting = next((allowed for allowed in RANKS if allowed >= rank), None)
    if fitting is None:
        raise UsageError(
            f"the adapter has rank {rank}; vLLM serves adapters up to rank {RANKS[-1]}. Merge it into its base.",
            param="model",
        )
    return fitting


def command_line(vllm: Sequence[str], base: BaseModel, *, port: int, rank: int) -> list[str]:
    """How vLLM is started; its key is in the environment, where other users do not see it."""
    quantised = ["--quantization", "bitsandbytes"] if base.nf4 else []
    return [
        *vllm,
        "serve",
        str(base.directory),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--enable-lora",
        "--max-lora-rank",
        str(max_lora_rank(rank)),
        "--max-loras",
        str(MOST_ADAPTERS),
        *quantised,
    ]


class VllmServer:
    """One vLLM process and the adapters that are loaded in it."""

    def __init__(
        self, process: asyncio.subprocess.Process, client: httpx.AsyncClient, base: BaseModel, rank: int
    ) -> None:
        self.base, self.rank = base, rank
        self._process, self._client = process, client
        self._loaded: dict[Path, str] = {}
        self._loading = asyncio.Lock()

    @classmethod
    async def start(cls, vllm: Sequence[str], base: BaseModel, *, rank: int, log: Path) -> VllmServer:
        """Starts vLLM and waits until it is healthy."""
        import httpx

        port, key = _free_port(), secrets.token_urlsafe(32)
        environment = {**os.environ, "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_API_KEY": key}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command_line(vllm, base, port=port, rank=rank),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(None, connect=5),
            trust_env=False,
        )
        server = cls(process, client, base, rank)
        try:
            await server._wait_until_healthy(log)
        except BaseException:
            await server.stop()
            raise
        return server

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def name_of(self, adapter: Path | None) -> str:
        """The name by which vLLM knows the base or an adapter, which is loaded now where it is not."""
        if adapter is None:
            return str(self.base.directory)
        async with self._loading:
            if adapter not in self._loaded:
                name = f"adapter-{len(self._loaded) + 1}"
                answer = await self._client.post(
                    "/v1/load_lora_adapter", json={"lora_name": name, "lora_path": str(adapter)}
                )
                if answer.is_error:
                    raise ModelError(
                        f"{adapter}: vLLM does not load the adapter: {_said(answer.content)}", param="model"
                    )
                self._loaded[adapter] = name
            return self._loaded[adapter]

    async def post(self, path: str, body: Json) -> Json:
        """The answer to a request that is no stream."""
        import httpx

        try:
            answer = await self._client.post(path, json=body)
        except httpx.HTTPError as error:
            raise _gone(error) from None
        if answer.is_error:
            raise _refusal(answer.status_code, answer.content)
        found: Json = answer.json()
        return found

    async def stream(self, path: str, body: Json) -> AsyncGenerator[Json, None]:
        """The chunks of a stream."""
        import httpx

        try:
            async with self._client.stream("POST", path, json=body) as answer:
                if answer.is_error:
                    raise _refusal(answer.status_code, await answer.aread())
                async for line in answer.aiter_lines():
                    data = line.removeprefix("data: ")
                    if data != line and data != "[DONE]":
                        chunk: Json = json.loads(data)
                        if "error" in chunk:
                            raise EngineUnavailable(f"vLLM broke off: {_said(data.encode())}")
                        yield chunk
        except httpx.HTTPError as error:
            raise _gone(error) from None

    async def stop(self) -> None:
        await self._client.aclose()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _LAST_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _wait_until_healthy(self, log: Path) -> None:
        import httpx

        for _ in range(int(_PATIENCE_SECONDS)):
            if not self.is_alive:
                raise LocalftError(f"vLLM did not start; its log is {log}", code="engine_not_started")
            with contextlib.suppress(httpx.HTTPError):
                if (await self._client.get("/health")).is_success:
                    return
            await asyncio.sleep(1 if self._process.returncode is None else 0)
        raise LocalftError(
            f"vLLM was not ready after {_PATIENCE_SECONDS:.0f} s; its log is {log}", code="engine_not_started"
        )


class VllmChats:
    """Chats with vLLM. One base model at a time: it takes all of a GPU's memory."""

    def __init__(self, log: Path, *, vllm: Sequence[str] = ("vllm",)) -> None:
        self._log, self._vllm = log, vllm
        self._server: VllmServer | None = None
        self._turn = asyncio.Lock()

    def check(self) -> None:
        """Raises MissingExtra where there is no vLLM."""
        if shutil.which(self._vllm[0]) is None:
            raise MissingExtra(
                "--engine vllm needs vLLM, and no `vllm` is on the PATH: pip install vllm (in an environment of its own)"
            )

    async def chat(self, served: ServedModel, request: ChatCompletionRequest) -> Json:
        server, body = await self._asked(served, _chat_body(request))
        return {**await server.post("/v1/chat/completions", body), "model": served.name}

    async def chat_chunks(self, served: ServedModel, request: ChatCompletionRequest) -> AsyncGenerator[Json, None]:
        server, body = await self._asked(served, _chat_body(request))
        async for chunk in server.stream("/v1/chat/completions", body):
            yield {**chunk, "model": served.name}

    async def completion(self, served: ServedModel, request: CompletionRequest) -> Json:
        server, body = await self._asked(served, request.model_dump(mode="json", exclude_none=True))
        return {**await server.post("/v1/completions", body), "model": served.name}

    async def completion_chunks(self, served: ServedModel, request: CompletionRequest) -> AsyncGenerator[Json, None]:
        server, body = await self._asked(served, request.model_dump(mode="json", exclude_none=True))
        async for chunk in server.stream("/v1/completions", body):
            yield {**chunk, "model": served.name}

    async def close(self) -> None:
        if self._server is not None:
            await self._server.stop()

    async def _asked(self, served: ServedModel, body: Json) -> tuple[VllmServer, Json]:
        server = await self._server_of(served)
        return server, {**body, "model": await server.name_of(served.adapter)}

    async def _server_of(self, served: ServedModel) -> VllmServer:
        rank = catalog.adapter_settings(served.adapter)[0] if served.adapter else 1
        async with self._turn:
            server = self._server
            if server is None or not server.is_alive or server.base != served.base or server.rank < rank:
                if server is not None:
                    await server.stop()
                self._server = None
                server = await VllmServer.start(self._vllm, served.base, rank=max(rank, LEAST_RANK), log=self._log)
                self._server = server
            return server


_OURS = {
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "modalities",
}
"""Fields that change nothing in an answer, and that vLLM does not know."""


def _chat_body(request: ChatCompletionRequest) -> Json:
    """The request as vLLM takes it, its messages held against the same rules as for localft's own engine."""
    row = conversation_row(request.messages, request.offered_tools)
    body = request.model_dump(mode="json", exclude_none=True, exclude=_OURS | {"messages", "tools", "tool_choice"})
    tools = {"tools": row["tools"], "tool_choice": "auto"} if "tools" in row else {}
    return {**body, "messages": row["messages"], **tools}


def _refusal(status: int, content: bytes) -> LocalftError:
    kind = UsageError if status < 500 else EngineUnavailable
    return kind(f"vLLM: {_said(content)}")


def _gone(error: Exception) -> EngineUnavailable:
    return EngineUnavailable(
        f"vLLM does not answer ({type(error).__name__}); it is started again for the next request."
    )


def _said(content: bytes) -> str:
    try:
        answer: Any = json.loads(content)
        error = answer.get("error", answer)
        return str(error.get("message", error) if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        return content.decode("utf-8", "replace")[:300]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
