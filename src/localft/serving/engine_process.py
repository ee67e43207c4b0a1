"""One chat engine as a child process: started, asked, and found dead."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, Literal

import msgspec

from localft.errors import INSTALL_TRAINING, LocalftError, MissingExtra, ModelError
from localft.serving.models import BaseModel
from localft.wire.engine import (
    Broken,
    Cancel,
    Completion,
    Delta,
    Ended,
    FromEngine,
    Ready,
    Refused,
    Started,
    Task,
    encode,
    read_from_engine,
)

_LONGEST_LINE = 1 << 26
_LAST_SECONDS = 5.0
_LOG_BYTES = 1 << 20


class EngineDied(Exception):
    """The engine's process ended while somebody waited for it."""


class ReaderTooSlow(Exception):
    """So much of an answer is unread that it was broken off."""


MOST_UNREAD = 8192
"""Events of one task that wait for their reader."""


class Exchange:
    """One task in an engine, and what is told about it, up to the end of its last choice."""

    def __init__(self, engine: EngineProcess, task: Task | Completion) -> None:
        self._engine, self._id, self._choices = engine, task.id, task.n
        self._events: asyncio.Queue[FromEngine | EngineDied | ReaderTooSlow | None] = asyncio.Queue()

    def tell(self, event: FromEngine | EngineDied) -> bool:
        """Keeps an event for the reader; whether it was the last one of the task."""
        if isinstance(event, Refused):
            self._choices = 0
        elif isinstance(event, Ended):
            self._choices -= 1
        self._events.put_nowait(event)
        if not self._choices:
            self._events.put_nowait(None)
        elif self._events.qsize() >= MOST_UNREAD:
            self._events = asyncio.Queue()
            self._events.put_nowait(
                ReaderTooSlow(f"{MOST_UNREAD} pieces of the answer were not read; it was left off.")
            )
            self.close()
        return not self._choices

    async def events(self) -> AsyncIterator[FromEngine]:
        """Raises EngineDied where the engine dies before the end, ReaderTooSlow where too much was left unread."""
        while (event := await self._events.get()) is not None:
            if isinstance(event, EngineDied | ReaderTooSlow):
                raise event
            yield event

    def close(self) -> None:
        self._engine.leave(self._id)


class EngineProcess:
    """Speaks with one engine. Not shared between event loops."""

    def __init__(self, base: BaseModel, process: asyncio.subprocess.Process, log: Path) -> None:
        self.base = base
        self.context = 0
        self.device: Literal["cpu", "cuda"] = "cpu"
        self.key_bytes = 0
        """Memory that it may come to use beside its weights."""
        self.when_moved: Callable[[], None] = lambda: None
        """Called when the last of its tasks is over, and when it has ended."""
        self._process, self._log = process, log
        self._askers: dict[str, Exchange] = {}
        self._why_it_ended = ""
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, base: BaseModel, *, log: Path, spoken_for: int = 0) -> EngineProcess:
        """Starts an engine and waits until its model is loaded. ModelError where the model cannot be.

        Engines beside it may still come to use `spoken_for` bytes of what is free.
        """
        if importlib.util.find_spec("torch") is None:
            raise MissingExtra(f"to answer chats localft needs PyTorch and transformers: {INSTALL_TRAINING}")
        arguments = ["--base", str(base.directory), "--spoken-for", str(spoken_for), *(["--nf4"] if base.nf4 else [])]
        with _opened_log(log) as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "localft.generation", *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LONGEST_LINE,
                start_new_session=True,  # Ctrl-C in a terminal is the service's to pass on
                env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
            )
        engine = cls(base, process, log)
        try:
            await engine._wait_until_ready()
        except BaseException:
            engine.kill()
            await process.wait()
            raise
        engine._reader = asyncio.create_task(engine._read())
        return engine

    @property
    def is_alive(self) -> bool:
        return self._reader is not None and not self._reader.done()

    @property
    def is_idle(self) -> bool:
        return not self._askers

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, task: Task | Completion) -> Exchange:
        """Hands the engine a task. EngineDied where it is dead already."""
        exchange = Exchange(self, task)
        self._askers[task.id] = exchange
        try:
            self._send(task)
        except EngineDied:
            del self._askers[task.id]
            raise
        return exchange

    def leave(self, task_id: str) -> None:
        """Nobody listens to a task any more; where it is not over, the engine is told to leave off."""
        if self._askers.pop(task_id, None) is None:
            return
        if self.is_alive:
            with contextlib.suppress(EngineDied):
                self._send(Cancel(task_id))
        if self.is_idle:
            self.when_moved()

    async def stop(self) -> None:
        """Ends the engine: kindly, then by force."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _LAST_SECONDS)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _send(self, message: Task | Completion | Cancel) -> None:
        if self._process.stdin is None or self._process.stdin.is_closing() or not self.is_alive:
            raise EngineDied(self._why_it_ended or "it was stopped")
        self._process.stdin.write(encode(message) + b"\n")

    async def _wait_until_ready(self) -> None:
        event = await self._next()
        if isinstance(event, Ready):
            self.context, self.device, self.key_bytes = event.context, event.device, event.key_bytes
        elif isinstance(event, Broken):
            message = event.message.replace(str(self.base.directory), self.base.directory.name)
            raise ModelError(message, code=event.code, param="model")
        else:
            raise LocalftError(
                f"the chat engine did not start; its log is {self._log.name} in LOCALFT_HOME", code="engine_not_started"
            )

    async def _next(self) -> FromEngine | None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return read_from_engine(line) if line.endswith(b"\n") else None

    async def _read(self) -> None:
        """Hands events to those who asked, until the engine ends."""
        try:
            while (event := await self._next()) is not None:
                if isinstance(event, Broken):
                    self._why_it_ended = event.message
                elif not isinstance(event, Ready):
                    self._pass_on(event)
        except (msgspec.MsgspecError, ValueError) as error:
            self._why_it_ended = f"it wrote what is no event: {error}"
            self.kill()
        status = await self._process.wait()
        self._why_it_ended = self._why_it_ended or _ending(status)
        for asker in self._askers.values():
            asker.tell(EngineDied(self._why_it_ended))
        self._askers.clear()
        asyncio.get_running_loop().call_soon(self.when_moved)  # by then it is seen to have ended

    def _pass_on(self, event: Started | Delta | Ended | Refused) -> None:
        """A task is over once its last event is here, whether or not anybody has read it yet."""
        asker = self._askers.get(event.id)
        if asker is not None and asker.tell(event):
            del self._askers[event.id]
            if self.is_idle:
                self.when_moved()


def _ending(status: int) -> str:
    return f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"


@contextlib.contextmanager
def _opened_log(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "wb" if path.is_file() and path.stat().st_size > _LOG_BYTES else "ab"
    with path.open(mode) as log:
        yield log
