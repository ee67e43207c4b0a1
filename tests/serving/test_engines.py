"""Engines die, are slow to leave, and hold one base model at a time; who asks notices as little as can be."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from localft.catalog import resolve_model
from localft.errors import LocalftError, ModelError
from localft.serving.engine_process import EngineProcess
from localft.serving.engines import TURN_SECONDS, Engines, EngineUnavailable
from localft.serving.models import BaseModel
from localft.wire.engine import Delta, Ended, FromEngine, Sampling, Started, Task

ROW = {"messages": [{"role": "user", "content": "What is the capital of Australia?"}]}


def base_of(name: str = "localft/tiny-base") -> BaseModel:
    return BaseModel(Path(resolve_model(name).path or ""))


def task(id: str, **settings: Any) -> Task:
    return Task(id=id, row=ROW, **{"sampling": Sampling(temperature=0.0), "max_tokens": 20, **settings})


async def text(engines: Engines, asked: Task, base: BaseModel | None = None) -> str:
    return "".join([e.text async for e in engines.answer(base or base_of(), asked) if isinstance(e, Delta)])


def run(
    home: Path,
    trial: Callable[[Engines, list[EngineProcess]], Coroutine[Any, Any, None]],
    *,
    most: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Runs a trial with engines that are noted as they start; so many have room."""
    started: list[EngineProcess] = []

    async def start(base: BaseModel, spoken_for: int) -> EngineProcess:
        started.append(await EngineProcess.start(base, log=home / "log", spoken_for=spoken_for))
        return started[-1]

    async def whole() -> None:
        engines = Engines(home / "log", start=start, has_room=lambda base, beside: len(beside) < most, clock=clock)
        try:
            await trial(engines, started)
        finally:
            await engines.close()
        assert all(not engine.is_alive for engine in started)

    asyncio.run(whole())


ANSWER = "The capital of Australia is Canberra."


def test_a_killed_engine_is_started_again_and_those_it_said_nothing_to_yet_are_answered(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        assert await text(engines, task("a")) == ANSWER
        waiting = [asyncio.create_task(text(engines, task(f"b{n}"))) for n in range(5)]
        os.kill(started[0].pid, signal.SIGSTOP)  # so that it surely has not answered when it is killed
        await asyncio.sleep(0.1)
        os.kill(started[0].pid, signal.SIGKILL)
        assert await asyncio.gather(*waiting) == [ANSWER] * 5
        assert len(started) == 2

    run(tmp_path, trial)


def test_an_engine_that_dies_in_the_middle_of_a_stream_is_an_error_there_and_the_next_request_is_answered(
    tmp_path: Path,
) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        with pytest.raises(EngineUnavailable, match="signal 9"):
            async for event in engines.answer(base_of(), task("a", stream=True, max_tokens=900)):
                if isinstance(event, Delta):
                    started[0].kill()
                assert not isinstance(event, Ended)
        assert await text(engines, task("b")) == ANSWER

    run(tmp_path, trial)


def test_an_engine_that_dies_twice_under_a_request_is_an_error(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        asked = asyncio.create_task(text(engines, task("a")))
        for count in (1, 2):
            while len(started) < count:
                await asyncio.sleep(0)
            started[-1].kill()
        with pytest.raises(EngineUnavailable, match="new one is started"):
            await asked

    run(tmp_path, trial)


def test_one_base_model_makes_room_for_another_when_nobody_waits_for_it(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        phi = base_of("localft/tiny-base-phi")
        long = asyncio.create_task(text(engines, task("a", max_tokens=900)))
        while not started or started[0].is_idle:
            await asyncio.sleep(0)
        other = asyncio.create_task(text(engines, task("b"), phi))
        await asyncio.sleep(0)
        assert await long == ANSWER
        assert await other
        assert [engine.is_alive for engine in started] == [False, True]
        assert await text(engines, task("c")) == ANSWER

    run(tmp_path, trial)


def test_base_models_that_have_room_stay_in_memory(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        for turn in range(3):
            assert await text(engines, task(f"a{turn}")) == ANSWER
            assert await text(engines, task(f"b{turn}"), base_of("localft/tiny-base-phi"))
        assert [engine.is_alive for engine in started] == [True, True]
        assert all(engine.key_bytes > 0 for engine in started)

    run(tmp_path, trial, most=2)


def test_an_answer_that_nobody_reads_keeps_no_other_base_model_waiting(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        unread = engines.answer(base_of(), task("a", stream=True))
        assert isinstance(await anext(unread), Started)
        assert await asyncio.wait_for(text(engines, task("b"), base_of("localft/tiny-base-phi")), 60)
        said = [event async for event in unread]
        assert "".join(event.text for event in said if isinstance(event, Delta)) == ANSWER, (
            "it was computed all the same"
        )

    run(tmp_path, trial)


def test_an_answer_of_which_too_much_is_unread_is_left_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localft.serving.engine_process.MOST_UNREAD", 4)

    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        unread = engines.answer(base_of(), task("a", stream=True, max_tokens=900, n=8))
        await anext(unread)
        while not started[0].is_idle:
            await asyncio.sleep(0.01)
        with pytest.raises(LocalftError, match="not read") as broken_off:
            await anext(unread)
        assert broken_off.value.code == "reader_too_slow"
        assert await text(engines, task("b")) == ANSWER

    run(tmp_path, trial)


def test_requests_join_the_base_model_in_memory_until_another_one_has_waited_for_a_while(tmp_path: Path) -> None:
    now, phi = [0.0], base_of("localft/tiny-base-phi")

    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        order: list[str] = []

        async def ask(id: str, base: BaseModel) -> None:
            assert await text(engines, task(id), base)
            order.append(id)

        first = asyncio.create_task(ask("first", base_of()))
        while not started or started[0].is_idle:
            await asyncio.sleep(0)
        os.kill(started[0].pid, signal.SIGSTOP)  # it is busy for as long as the trial needs it
        asked = [first, asyncio.create_task(ask("other", phi))]
        await asyncio.sleep(0.2)
        asked.append(asyncio.create_task(ask("joins", base_of())))
        await asyncio.sleep(0.1)
        now[0] += TURN_SECONDS
        asked.append(asyncio.create_task(ask("too late", base_of())))
        await asyncio.sleep(0.1)
        os.kill(started[0].pid, signal.SIGCONT)
        await asyncio.gather(*asked)
        assert set(order[:2]) == {"first", "joins"} and order[2:] == ["other", "too late"]
        assert len(started) == 3

    run(tmp_path, trial, clock=lambda: now[0])


def test_who_goes_away_while_the_base_model_is_loaded_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        gone = asyncio.create_task(text(engines, task("a"), base_of("localft/tiny-base-phi")))
        await asyncio.sleep(0.1)
        gone.cancel()
        assert await asyncio.wait_for(text(engines, task("b")), 60) == ANSWER

    run(tmp_path, trial)


def test_what_the_engine_is_told_to_leave_off_is_left_off(tmp_path: Path) -> None:
    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        events: list[FromEngine] = []
        stream = engines.answer(base_of(), task("a", stream=True, max_tokens=900, n=4))
        async for event in stream:
            events.append(event)
            if isinstance(event, Delta):
                break
        await stream.aclose()
        assert started[0].is_idle
        assert await text(engines, task("b")) == ANSWER

    run(tmp_path, trial)


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "llama"}')

    async def trial(engines: Engines, started: list[EngineProcess]) -> None:
        with pytest.raises(ModelError, match="cannot be loaded"):
            await text(engines, task("a"), BaseModel(broken))

    run(tmp_path, trial)


def test_an_engine_ends_with_the_service(tmp_path: Path) -> None:
    async def trial() -> int:
        engine = await EngineProcess.start(base_of(), log=tmp_path / "log")
        assert engine._process.stdin is not None
        engine._process.stdin.close()  # as the system does it when the service dies
        return await asyncio.wait_for(engine._process.wait(), 10)

    assert asyncio.run(trial()) == 0
