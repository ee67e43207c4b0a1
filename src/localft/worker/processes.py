"""Processes by number and start, since a number alone is given again."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from localft import settings

_PROC = Path("/proc")


def identity(pid: int) -> str | None:
    """`<pid> <start> <boot>`, the same as long as the process lives; None where it does not."""
    if not _PROC.is_dir():
        asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return f"{pid} {asked.stdout.strip()}" if asked.stdout.strip() else None
    try:
        state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return None if state in ("Z", "X") else f"{pid} {fields[18]} {boot}"


def lives(process: str) -> bool:
    """Whether it is still the process that `identity` told of."""
    return identity(pid_of(process)) == process


def pid_of(process: str) -> int:
    return int(process.split()[0])


def send(process: str, number: int) -> None:
    """A signal to this process and to no later one of its number."""
    if lives(process):
        with suppress(ProcessLookupError):
            os.kill(pid_of(process), number)


def kill_all_of_job(hex: str) -> int:
    """SIGKILL to all processes of a job, such as those that its own launcher has started; says how many.

    They are known by the job in their environment, which can be read on Linux alone.
    """
    found = [pid for pid in _running() if _is_of_job(pid, hex)]
    for pid in found:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _running() -> list[int]:
    own = os.getpid()
    names = [entry.name for entry in _PROC.iterdir()] if _PROC.is_dir() else []
    return [int(name) for name in names if name.isdecimal() and int(name) != own]


def _is_of_job(pid: int, hex: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{settings.JOB_ID}={hex}".encode() in environment and identity(pid) is not None
