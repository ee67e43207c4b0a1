"""A child process that is started again when it dies, and ends with this one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

SOON_SECONDS = 5.0
"""A child that lived shorter died at its start: the next waits longer."""
LONGEST_PAUSE_SECONDS = 30.0


class SupervisedChild:
    """Keeps `python -m localft ...` running.

    The child's standard input is a pipe that nothing is written to. It ends when this process does, also by SIGKILL, which tells
    the child. The child has a session of its own, so that Ctrl-C in a terminal is this process's to pass on.
    """

    def __init__(self, arguments: Sequence[str], say: Callable[[str], None]) -> None:
        self._command = [sys.executable, "-m", "localft", *arguments]
        self._name = arguments[0]
        self._say = say
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name=f"{self._name} supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience_seconds: float) -> None:
        """Asks the child to end by SIGTERM, and makes it end where it takes too long."""
        self._stopping.set()
        with self._lock:
            child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(patience_seconds)
            except (
                subprocess.TimeoutExpired,
                KeyboardInterrupt,
            ):  # its trainings go on, and the next service finds them
                child.kill()
        self._thread.join()

    def _watch(self) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run()
            if self._stopping.is_set():
                return
            pause = 0.5 if time.monotonic() - started > SOON_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)
            self._say(f"the {self._name} ended with {code}; starting it again in {pause:g} s")
            self._stopping.wait(pause)

    def _run(self) -> int:
        with self._lock:
            if self._stopping.is_set():
                return 0
            self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)
        with self._child as child:
            return child.wait()
