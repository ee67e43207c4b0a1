"""One worker for a store: whoever holds the lock on `worker.lock`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localft.errors import UsageError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

LOOK_EVERY_SECONDS = 0.2


@contextmanager
def only_worker(home: Path, *, stopped: Callable[[], bool], say: Callable[[str], None]) -> Iterator[bool]:
    """Waits until no other worker serves this store, and says so; yields whether it is our turn, False where stopped before.

    The lock ends with the process, however that ends, and its children do not inherit it.
    """
    if fcntl is None:
        raise UsageError("the worker needs file locks, which this platform lacks; run it on Linux or macOS.")
    with open(home / "worker.lock", "a+", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        said = False
        while not _taken(file.fileno()):
            if stopped():
                yield False
                return
            if not said:
                file.seek(0)
                say(f"another worker (process {file.read().strip() or 'unknown'}) serves {home}; waiting for it to end")
                said = True
            time.sleep(LOOK_EVERY_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield True


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
