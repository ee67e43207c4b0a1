"""`localft chat`: a conversation in the terminal, with a model of this machine or of a service elsewhere."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from localft import catalog, settings
from localft.cli.service import ApiKey, BaseUrl, refusal, remote_client, unreachable
from localft.errors import LocalftError, NotFound

if TYPE_CHECKING:
    from localft.serving.models import ServedModel

Json = dict[str, Any]
_HELP = "/reset begins anew, /system TEXT says how the model is to be, /exit ends; Ctrl-C stops an answer."


def chat(
    model: Annotated[
        str, typer.Argument(help="Base model, run directory, fine-tuned model, checkpoint, or deployment.")
    ] = "localft/tiny-base",
    system: Annotated[str | None, typer.Option("--system", help="What the conversation begins with.")] = None,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0, max=2, help="0 always takes the likeliest word.")
    ] = 1.0,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=1, help="Longest answer, in tokens.")] = None,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Talk with a model. Answers are written as they come; what is piped in is asked line by line."""
    asked = {"model": model, "temperature": temperature, **({"max_tokens": max_tokens} if max_tokens else {})}
    answerer = _Here(model) if base_url is None else _Elsewhere(base_url, api_key)
    try:
        if sys.stdin.isatty():
            print(f"{model}: {_HELP}")
        _talk(answerer, asked, system)
    finally:
        answerer.close()


class _Answerer(ABC):
    """Whoever answers."""

    @abstractmethod
    def answer(self, asked: Json, write: Callable[[str], None]) -> None:
        """Writes the answer as it comes."""

    @abstractmethod
    def close(self) -> None: ...


def _talk(answerer: _Answerer, asked: Json, system: str | None) -> None:
    messages = _beginning(system)
    while (line := _next_line()) is not None:
        command, _, rest = line.partition(" ")
        if command == "/exit":
            return
        if command == "/reset":
            messages = messages[:1] if messages[:1] and messages[0]["role"] == "system" else []
        elif command == "/system":
            messages = _beginning(rest.strip() or None)
        elif command.startswith("/"):
            print(_HELP)
        else:
            messages.append({"role": "user", "content": line})
            said = _answered(answerer, {**asked, "messages": messages})
            if said is None:
                messages.pop()
            else:
                messages.append({"role": "assistant", "content": said})


def _beginning(system: str | None) -> list[Json]:
    return [{"role": "system", "content": system}] if system else []


def _next_line() -> str | None:
    """What is asked next, without empty lines; None at the end."""
    if sys.stdin.isatty():
        with suppress(ImportError):
            import readline  # noqa: F401 (gives input() its history)
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except (EOFError, KeyboardInterrupt):
            return None
        if line:
            return line


def _answered(answerer: _Answerer, asked: Json) -> str | None:
    """The answer, once it is written; None where there was none. What it was stopped at stays part of the conversation."""
    pieces: list[str] = []

    def write(text: str) -> None:
        pieces.append(text)
        print(text, end="", flush=True)

    try:
        answerer.answer(asked, write)
    except KeyboardInterrupt:
        print(" [stopped]", end="")
    except LocalftError as error:
        if not sys.stdin.isatty():
            raise
        print(f"error: {error}", file=sys.stderr)
    print(flush=True)
    return "".join(pieces) or None


class _Here(_Answerer):
    """Models of this machine, by an engine that lives as long as the command."""

    def __init__(self, model: str) -> None:
        import asyncio

        from localft.serving.chats import OwnChats
        from localft.serving.engines import Engines

        self._served = _find(model)
        self._chats = OwnChats(Engines(settings.private_file(settings.home() / "chat-engine.log")))
        self._runner = asyncio.Runner()

    def answer(self, asked: Json, write: Callable[[str], None]) -> None:
        self._runner.run(self._answer(asked, write))

    async def _answer(self, asked: Json, write: Callable[[str], None]) -> None:
        from localft.wire.chat import ChatCompletionRequest

        request = ChatCompletionRequest(**asked, stream=True)
        async with aclosing(self._chats.chat_chunks(self._served, request)) as chunks:
            async for chunk in chunks:
                _write_chunk(chunk, write)

    def close(self) -> None:
        self._runner.run(self._chats.close())
        self._runner.close()


def _find(model: str) -> ServedModel:
    from localft.serving.models import find_served, served_directory

    if catalog.find(model) or Path(model).expanduser().is_dir():
        return served_directory(model)
    from localft.jobs.store import Store

    store = Store.open(settings.home())
    try:
        return find_served(store, model)
    except NotFound:
        near = catalog.suggestions(model)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise NotFound(
            f"{model}: expected the directory of a run, a model that `localft models` lists, a fine-tuned model, a checkpoint or "
            f"a deployment; found no such directory and no such name.{hint}",
            code="model_not_found",
            param="model",
        ) from None
    finally:
        store.close()


class _Elsewhere(_Answerer):
    """Models of a service."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        import httpx

        self._client = remote_client(base_url, api_key)
        self._client.timeout = httpx.Timeout(600.0, connect=5.0)

    def answer(self, asked: Json, write: Callable[[str], None]) -> None:
        import httpx

        try:
            with self._client.stream("POST", "chat/completions", json={**asked, "stream": True}) as answer:
                if answer.is_error:
                    answer.read()
                    raise refusal(answer)
                for line in answer.iter_lines():
                    data = line.removeprefix("data: ")
                    if data != line and data != "[DONE]":
                        _write_chunk(json.loads(data), write)
        except httpx.HTTPError as error:
            raise unreachable(self._client, error) from None

    def close(self) -> None:
        self._client.close()


def _write_chunk(chunk: Json, write: Callable[[str], None]) -> None:
    if "error" in chunk:
        raise LocalftError(str(chunk["error"].get("message")), code="broken_off")
    for choice in chunk["choices"]:
        if text := choice["delta"].get("content"):
            write(text)
