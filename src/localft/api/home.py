"""The directory of a service: writable, and used by one service at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localft.errors import UsageError

try:
    import fcntl
except ImportError:  # no such locks on this platform
    fcntl = None  # type: ignore[assignment]

LOCK = "serve.lock"


@contextmanager
def opened_home(home: Path) -> Iterator[Path]:
    """Holds the home for this process, until the end or the process's death."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(
            f"{home}: expected a directory that can be written to, found: {error.strerror}; set LOCALFT_HOME to another.",
            code="home_not_writable",
        ) from None
    try:
        _lock(handle, home)
        yield home
    finally:
        os.close(handle)


def _lock(handle: int, home: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 32).decode(errors="replace").strip()
        raise UsageError(
            f"{home}: another service (process {holder or 'unknown'}) uses it; stop that one, or set LOCALFT_HOME to another.",
            code="home_in_use",
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
