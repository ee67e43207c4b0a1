"""The engines of a service: started for the base models that are asked for, ended for others, started again where one dies.

As many base models stay in memory as fit, and at least one. Who asks for one that is in memory is not kept waiting by those who
ask for others, until one of these has waited for room for a while: then the engines answer what they have, and the first that
has nothing left to answer makes room.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from localft.errors import LocalftError
from localft.serving.engine_process import EngineDied, EngineProcess, Exchange, ReaderTooSlow
from localft.serving.memory import fits
from localft.serving.models import BaseModel
from localft.wire.engine import Completion, Delta, FromEngine, Started, Task

_log = logging.getLogger(__name__)

TURN_SECONDS = 15.0
"""How long requests go on joining the engines in memory while one for another base model waits for room."""

Starter = Callable[[BaseModel, int], Awaitable[EngineProcess]]
"""Starts the engine of a base model, beside engines that may come to use so many bytes."""
Room = Callable[[BaseModel, list[EngineProcess]], bool]
"""Whether a base model fits beside engines."""


class EngineUnavailable(LocalftError):
    """The engine died under a request, and again when the request was tried a second time."""

    default_code = "engine_unavailable"


@dataclass(eq=False)
class _Waiting:
    """A request that no engine has taken yet."""

    base: BaseModel
    task: Task | Completion
    exchange: asyncio.Future[Exchange] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Engines:
    """Answers tasks. A request whose engine dies before it said anything is asked once more of a new one."""

    def __init__(
        self,
        log: Path,
        *,
        start: Starter | None = None,
        has_room: Room | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start or (lambda base, spoken_for: EngineProcess.start(base, log=log, spoken_for=spoken_for))
        self._has_room = has_room or _has_room
        self._clock = clock
        self._running: dict[BaseModel, EngineProcess] = {}
        """The one that was asked last stands last."""
        self._waiting: list[_Waiting] = []
        """In the order in which they came."""
        self._bringing: asyncio.Task[None] | None = None
        self._cramped_since: float | None = None
        """Since when a base model waits for an engine to have nothing to answer, so that it can make room."""
        self._moved = asyncio.Event()

    async def answer(self, base: BaseModel, task: Task | Completion) -> AsyncGenerator[FromEngine, None]:
        """What the engine of a base model tells about a task. EngineUnavailable where it died twice."""
        has_started = has_said = False
        for attempt in (1, 2):
            try:
                async with aclosing(self._ask(base, task)) as events:
                    async for event in events:
                        if isinstance(event, Started) and has_started:
                            continue
                        has_started = True
                        has_said = has_said or isinstance(event, Delta)
                        yield event
                return
            except ReaderTooSlow as error:
                raise LocalftError(str(error), code="reader_too_slow") from None
            except EngineDied as error:
                _log.warning("the chat engine of %s died: %s", base.directory.name, error)
                if has_said or attempt == 2:
                    raise EngineUnavailable(
                        f"the process that computes the answer died ({error}); a new one is started for the next request."
                    ) from None

    async def _ask(self, base: BaseModel, task: Task | Completion) -> AsyncGenerator[FromEngine, None]:
        waiting = _Waiting(base, task)
        self._waiting.append(waiting)
        self._arrange()
        try:
            exchange = await waiting.exchange
        except BaseException:
            self._give_up(waiting)
            raise
        try:
            async for event in exchange.events():
                yield event
        finally:
            exchange.close()

    def _give_up(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._arrange()
        elif not waiting.exchange.cancelled() and waiting.exchange.exception() is None:
            waiting.exchange.result().close()

    def _arrange(self) -> None:
        """Called whenever something has moved: hands requests to the engines there are, and has another one brought."""
        self._moved.set()
        for base in [base for base, engine in self._running.items() if not engine.is_alive]:
            del self._running[base]
        if self._cramped_since is None or self._clock() - self._cramped_since < TURN_SECONDS:
            self._hand_over()
        missing = next((waiting.base for waiting in self._waiting if waiting.base not in self._running), None)
        if missing is not None and self._bringing is None:
            self._bringing = asyncio.create_task(self._bring(missing))

    def _hand_over(self) -> None:
        for waiting in list(self._waiting):
            engine = self._running.pop(waiting.base, None)
            if engine is None:
                continue
            self._running[waiting.base] = engine
            self._waiting.remove(waiting)
            if waiting.exchange.done():  # its asker has gone in this moment
                continue
            try:
                waiting.exchange.set_result(engine.ask(waiting.task))
            except EngineDied as error:
                waiting.exchange.set_exception(error)

    async def _bring(self, base: BaseModel) -> None:
        """Has the engine of a base model run, unless nobody waits for it any more."""
        try:
            if await self._make_room(base):
                spoken_for = sum(engine.key_bytes for engine in self._running.values())
                engine = await self._start(base, spoken_for)
                engine.when_moved = self._arrange
                self._running[base] = engine
        except Exception as error:
            self._refuse(base, error)
        finally:
            self._cramped_since = None
            self._bringing = None
        self._arrange()

    def _refuse(self, base: BaseModel, error: Exception) -> None:
        for waiting in [waiting for waiting in self._waiting if waiting.base == base]:
            self._waiting.remove(waiting)
            if not waiting.exchange.done():
                waiting.exchange.set_exception(error)

    async def _make_room(self, base: BaseModel) -> bool:
        """Ends engines that have nothing to answer, the longest unused first, until a base model fits; False where nobody
        waits for it any more.
        """
        while any(waiting.base == base for waiting in self._waiting):
            self._moved.clear()
            engines = list(self._running.values())
            if not engines or await asyncio.to_thread(self._has_room, base, engines):
                return True
            idle = next((other for other, engine in self._running.items() if engine.is_idle), None)
            if idle is not None:
                await self._end(idle)
                continue
            if self._cramped_since is None:
                self._cramped_since = self._clock()
            await self._moved.wait()
        return False

    async def _end(self, base: BaseModel) -> None:
        engine = self._running.pop(base)
        try:
            await engine.stop()
        except BaseException:
            engine.kill()
            raise

    async def close(self) -> None:
        """Ends all engines."""
        if self._bringing is not None:
            self._bringing.cancel()
            await asyncio.gather(self._bringing, return_exceptions=True)
        engines = list(self._running.values())
        self._running.clear()
        await asyncio.gather(*(engine.stop() for engine in engines))


def _has_room(base: BaseModel, engines: list[EngineProcess]) -> bool:
    return fits(base.directory, engines[0].device, sum(engine.key_bytes for engine in engines))
