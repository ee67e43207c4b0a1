"""Ctrl-C and SIGTERM: the first asks the training to save and stop, the second stops at once.

Before the training there is nothing to save, so there the first one stops at once. While the outputs of a finished training
are written the first one only waits.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAID = b"\nstopping after this step and saving; once more to stop at once\n"


class Stopped(KeyboardInterrupt):
    """Raised where the process is, when a signal says to stop at once. No `except Exception` on the way catches it."""


class StopSignals:
    """Listens while it is entered. In a thread, where Python allows no handlers, the caller's handlers stay."""

    def __init__(self, control_directory: Path | None, *, speaks: bool = True) -> None:
        self._stop_file = control_directory / "stop" if control_directory else None
        self._speaks = speaks
        self._saves = False
        self._requested = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def save_first(self) -> None:
        """From here on there is something to save: the first signal is a request."""
        self._saves = True

    def requested(self) -> bool:
        """Whether to save and stop; asked once a step. True also where localft's own launcher was told to stop."""
        return self._requested or (self._stop_file is not None and self._stop_file.exists())

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self._saves or self.requested():
            raise Stopped
        self._requested = True
        if self._speaks:
            os.write(2, _SAID)  # the one way to write that a signal handler may take
