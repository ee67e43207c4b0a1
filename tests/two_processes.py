"""Runs `localft train` in two processes at a time, as a platform starts them, once for each way in which that can end.

python two_processes.py PLACE      with recipe.yaml in PLACE; writes PLACE/endings.json

Importing the libraries takes longer than such a training. So this process imports them once and forks; each process then runs
the command line from its first word on, and ends as a Python program ends: destructors of C++ run, which is where a process
aborts that is still in a process group.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PROCESSES = 2
PATIENCE_SECONDS = 120.0
ARGUMENTS = ("train", "recipe.yaml", "--resume", "auto")


@dataclass
class Ending:
    """What came of one launch."""

    codes: list[int]
    """Of each process by rank; negative for a signal, -1000 for one that had to be killed as it would not end."""
    said: str
    """By all processes."""


@dataclass(frozen=True)
class Way:
    """One way to end: what is other than in an undisturbed run."""

    run: str
    in_process: Callable[[int], None] = lambda rank: None
    """Called in each process with its rank before the command line."""
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def at_step(number: int, rank: int, act: Callable[[], None]) -> Callable[[int], None]:
    """Acts when this rank begins the step of that number."""

    def in_process(own_rank: int) -> None:
        if own_rank != rank:
            return
        from localft.training.trainer import StepTrainer

        real = StepTrainer.training_step

        def step(trainer: Any, *args: Any, **options: Any) -> Any:
            if trainer.state.global_step + 1 == number:
                act()
            return real(trainer, *args, **options)

        StepTrainer.training_step = step  # type: ignore[method-assign]

    return in_process


def in_place_of(module: str, name: str, act: Callable[[], Any], *, rank: int) -> Callable[[int], None]:
    """Acts on this rank where a function would be called."""

    def in_process(own_rank: int) -> None:
        if own_rank == rank:
            setattr(import_module(module), name, lambda *args, **options: act())

    return in_process


def send(*numbers: int) -> Callable[[], None]:
    def act() -> None:
        for number in numbers:
            os.kill(os.getpid(), number)

    return act


def fail() -> Any:
    raise RuntimeError("only this process failed")


def no_room() -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


WAYS = {
    "succeeded": Way("whole"),
    "nothing left to do": Way("whole"),
    "data refused": Way("none", arguments=("--training-file", "bad.jsonl")),
    "launch refused": Way("refused", environment=(("ACCELERATE_USE_FSDP", "true"), ("FSDP_VERSION", "1"))),
    "signal before the training": Way("early", in_place_of("localft.runner.run", "prepare_run", send(15), rank=0)),
    "rows not to be read on one process": Way("rows", in_place_of("localft.runner.run", "open_rows", fail, rank=1)),
    "signal to one process": Way("stopped", at_step(4, 1, send(signal.SIGTERM))),
    "gone on with": Way("stopped"),
    "two signals to one process": Way("at once", at_step(4, 1, send(signal.SIGTERM, signal.SIGTERM))),
    "error on the first process": Way("first", at_step(2, 0, fail)),
    "error on the second process": Way("second", at_step(2, 1, fail)),
    "one process killed": Way("killed", at_step(2, 1, send(signal.SIGKILL))),
    "no room for the model card": Way("card", in_place_of("localft.runner.run", "model_card", no_room, rank=0)),
}


def launch(place: Path, name: str, way: Way) -> Ending:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = place / f"{name}.log"
    processes = [_start(way, rank, port, log) for rank in range(PROCESSES)]
    return Ending([_wait(process) for process in processes], log.read_text(errors="replace"))


def _start(way: Way, rank: int, port: int, log: Path) -> int:
    process = os.fork()
    if process:
        return process
    for descriptor in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), descriptor)
    variables = {"RANK": rank, "LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": PROCESSES}
    os.environ.update({name: str(value) for name, value in variables.items()})
    os.environ.update({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), **dict(way.environment)})
    way.in_process(rank)
    from localft.cli.main import run

    run([*ARGUMENTS, "--output-dir", way.run, *way.arguments])


def _wait(process: int) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return -1000
        time.sleep(0.02)


def main() -> None:
    place = Path(sys.argv[1])
    os.chdir(place)
    from soak_checkpoints import import_once

    import_once(place / "home")
    endings = {name: asdict(launch(place, name, way)) for name, way in WAYS.items()}
    (place / "endings.json").write_text(json.dumps(endings))


if __name__ == "__main__":
    main()
