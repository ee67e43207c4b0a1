"""`localft worker`: trains the jobs of the store, one after the other."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Annotated

import typer

from localft import settings


def worker(
    running_jobs: Annotated[
        int, typer.Option("--running-jobs", min=1, help="How many jobs train at once; each uses all GPUs.")
    ] = 1,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Train the jobs of the store in LOCALFT_HOME, each in a process of its own, until stopped.

    `localft serve` starts one itself. Ctrl-C and SIGTERM let the trainings save and put their jobs back into the queue. A second
    worker for the same store waits until the first one has ended.
    """
    from localft.jobs.store import Store
    from localft.worker.lock import only_worker
    from localft.worker.webhooks import Sender
    from localft.worker.worker import Worker

    stopped, abandoned = threading.Event(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop(stopped))
    if until_stdin_closes:
        threading.Thread(target=_abandon_at_end_of_input, args=(abandoned,), daemon=True).start()
    with (
        Store.open(settings.home()) as store,
        only_worker(store.home, stopped=lambda: stopped.is_set() or abandoned.is_set(), say=_say) as ours,
    ):
        if not ours:
            return
        _say(f"worker {os.getpid()} serves {store.home}")
        with Sender(store.outbox, settings.webhook(), say=_say):
            Worker(store, running_jobs=running_jobs, say=_say).run(stopped=stopped.is_set, abandoned=abandoned.is_set)


def _stop(stopped: threading.Event) -> signal.Handlers:
    def receive(number: int, frame: FrameType | None) -> None:
        stopped.set()
        os.write(2, b"stopping: trainings save and go back into the queue\n")

    return receive  # type: ignore[return-value]


def _abandon_at_end_of_input(abandoned: threading.Event) -> None:
    """Whoever started this worker is gone.

    Reads past `sys.stdin`, whose lock a thread must not hold when the interpreter ends.
    """
    while os.read(0, 1024):
        pass
    abandoned.set()


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
