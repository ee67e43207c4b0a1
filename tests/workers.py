"""Workers for tests: in this process or as the real command, on jobs of the model of random weights."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localft.jobs.store import Store, StoredJob
from localft.worker.worker import Worker

PATIENCE_SECONDS = 180.0


@contextmanager
def working(store: Store) -> Iterator[None]:
    """A worker in a thread of this process, which stops its trainings when left."""
    stopped = threading.Event()
    worker = Worker(store, say=lambda sentence: None)
    thread = threading.Thread(target=lambda: worker.run(stopped=stopped.is_set))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def started_worker(home: Path) -> subprocess.Popen[str]:
    """`localft worker` in a process of its own."""
    environment = {**os.environ, "LOCALFT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "localft", "worker"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def wait_for(store: Store, id: str, reached: Callable[[StoredJob], bool]) -> StoredJob:
    """The job once `reached` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached(stored := store.jobs.get(id)):
        assert time.monotonic() < deadline, f"{stored.job}\n{log_of(store, id)}"
        time.sleep(0.05)
    return stored


def wait_until_over(store: Store, id: str) -> StoredJob:
    over = ("succeeded", "failed", "cancelled")
    return wait_for(store, id, lambda stored: stored.job.status in over and not stored.claimed)


def log_of(store: Store, id: str) -> str:
    log = store.home / "jobs" / f"{id}.log"
    return log.read_text(errors="replace") if log.is_file() else "no log"
