"""The engine as a process: reads tasks from stdin, one a line, and writes to stdout what their askers are told.

It ends when stdin does, that is with the service. stderr is a log.
"""

from __future__ import annotations

import argparse
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO

import torch

from localft.errors import LocalftError
from localft.generation.engine import Engine
from localft.generation.model import ServedModel
from localft.generation.speaking import Prompt, Speaker, TaskRefused
from localft.wire.engine import (
    Broken,
    Cancel,
    Completion,
    FromEngine,
    Ready,
    Refused,
    Task,
    ToEngine,
    encode,
    read_for_engine,
)

Inbox = queue.SimpleQueue[Callable[[Engine], None] | None]
"""What the reader wants of the engine, in order; None at the end of stdin."""


_MOST_SPEAKERS = 32


def main() -> int:
    arguments = _arguments()
    answers = _own_stdout()
    lock = threading.Lock()

    def tell(event: FromEngine) -> None:
        with lock:
            answers.write(encode(event) + b"\n")

    try:
        engine = _start(arguments, tell)
    except LocalftError as error:
        tell(Broken(str(error), error.code))
        answers.flush()
        return 1
    tell(Ready(arguments.device, engine.context, engine.key_bytes))
    answers.flush()
    inbox: Inbox = queue.SimpleQueue()
    speakers = Speakers(arguments.base, engine.context)
    threading.Thread(target=_read, args=(sys.stdin.buffer, speakers, inbox), daemon=True).start()
    try:
        _serve(engine, inbox, answers.flush)
    except torch.OutOfMemoryError:
        traceback.print_exc()
        tell(Broken("the chat engine ran out of memory", "out_of_memory"))
        answers.flush()
        return 1
    except BrokenPipeError:  # the service is gone
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localft.generation")
    parser.add_argument("--base", required=True, help="directory of the base model")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--nf4", action="store_true", help="hold the base model in NF4")
    parser.add_argument("--adapters", type=int, default=32, help="how many adapters are kept in memory")
    parser.add_argument(
        "--spoken-for", type=int, default=0, help="free bytes that engines beside this one may come to use"
    )
    return parser.parse_args()


def _own_stdout() -> IO[bytes]:
    """stdout for the protocol alone: what libraries print goes to the log."""
    own = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 20)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def _start(arguments: argparse.Namespace, tell: Callable[[FromEngine], None]) -> Engine:
    if arguments.device == "cpu" and "OMP_NUM_THREADS" not in os.environ:
        # Half of the cores: a job may train beside it, and threads that wait for a busy core are slower than one thread.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    model = ServedModel(
        Path(arguments.base), device=arguments.device, nf4=arguments.nf4, most_adapters=arguments.adapters
    )
    return Engine(model, tell, key_bytes=_memory_for_keys(arguments.device, arguments.spoken_for))


def _memory_for_keys(device: str, spoken_for: int) -> int:
    """A part of what is free behind the weights: the rest is for computing, and for others."""
    if device == "cuda":
        return int(0.6 * max(0, torch.cuda.mem_get_info()[0] - spoken_for))
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(0.25 * max(0, free - spoken_for))


def _serve(engine: Engine, inbox: Inbox, flush: Callable[[], None]) -> None:
    """Steps while there is something to decode, and waits while there is not; returns at the end of stdin."""
    while True:
        while not engine.is_busy or not inbox.empty():
            wish = inbox.get()
            if wish is None:
                return
            wish(engine)
            flush()
        engine.step()
        flush()


class Speakers:
    """The tokenizers of the models that are asked, by directory."""

    def __init__(self, base: str, context: int) -> None:
        self._base, self._context = base, context
        self._speakers: dict[str, Speaker] = {}

    def prompt(self, task: Task | Completion) -> Prompt:
        speaker = self._speaker(task.adapter or self._base)
        return speaker.prompt(task) if isinstance(task, Task) else speaker.completion(task)

    def without_paths(self, message: str, task: Task | Completion) -> str:
        """Models by their names: where they lie is nobody's business but the machine's."""
        for directory in (task.adapter, self._base):
            if directory is not None:
                message = message.replace(directory, Path(directory).name)
        return message

    def _speaker(self, directory: str) -> Speaker:
        speaker = self._speakers.pop(directory, None) or Speaker(directory, self._context)
        self._speakers[directory] = speaker  # the last one that was asked stands last
        if len(self._speakers) > _MOST_SPEAKERS:
            del self._speakers[next(iter(self._speakers))]
        return speaker


def _read(lines: IO[bytes], speakers: Speakers, inbox: Inbox) -> None:
    """Tokenises what comes in beside the decoding of the others."""
    for line in lines:
        message = read_for_engine(line)
        inbox.put(_wish(message, speakers))
    inbox.put(None)


def _wish(message: ToEngine, speakers: Speakers) -> Callable[[Engine], None]:
    if isinstance(message, Cancel):
        id = message.id
        return lambda engine: engine.cancel(id)
    task = message
    try:
        prompt = speakers.prompt(task)
    except (TaskRefused, LocalftError) as error:
        refusal = Refused(task.id, speakers.without_paths(str(error), task), error.code, error.param)
        return lambda engine: engine.refuse(refusal)
    except Exception as error:  # a mistake of ours in one conversation is no reason to leave all others without answers
        traceback.print_exc()
        refusal = Refused(task.id, f"the conversation cannot be made a prompt: {error!r}", "prompt_failed", "messages")
        return lambda engine: engine.refuse(refusal)
    return lambda engine: engine.ask(task, prompt)


if __name__ == "__main__":
    sys.exit(main())
