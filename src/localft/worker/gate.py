"""`python -m localft.worker.gate ARGUMENTS`: `localft ARGUMENTS`, once the worker has said go.

The worker says so when the store knows the process. A worker that is killed before never says it, and the process ends without
having done anything: none ever trains that nobody knows of.
"""

from __future__ import annotations

import os
import runpy
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from localft import settings

GO = "go\n"
NEVER_STARTED = 1
NICENESS = 10
"""On a machine without GPUs a training takes what those leave who wait for an answer: chats use the same cores."""


def main() -> NoReturn:
    """Waits for the word, then is the command."""
    if sys.stdin.readline() != GO:
        sys.exit(NEVER_STARTED)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if settings.visible_gpus() == 0:
        give_way()
    runpy.run_module("localft", run_name="__main__", alter_sys=True)
    sys.exit()


def give_way() -> None:
    """Lowers the priority of this process and of its session, among which Linux shares the cores first."""
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


if __name__ == "__main__":
    main()
