"""Ctrl-C and SIGTERM: the first asks the training to save and stop, the second stops at once.

Before the training there is nothing to save, so there the first one stops at once. While the outputs of a finished training
are written the first one only waits.

torchrun and accelerate pass each signal on to their processes, which a platform may have sent it to as well, and kill what has
not ended half a minute later. Behind them a second signal is taken for the first one's echo.

No error is raised inside of an import: libraries catch it, and what they leave half imported fails later with an error of its
own. There the first signal waits for the next safe place, and a second one ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from localft.errors import TrainingInterrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAID = b"\nstopping after this step and saving; once more to stop at once\n"
_SAID_AT_THE_END = b"\nthe training is over and its model is being saved; once more to stop at once\n"
_SAID_IN_IMPORT = b"\nstopping as soon as the packages are loaded; once more to stop at once\n"


class Stopped(KeyboardInterrupt):
    """Raised where the process is, when a signal says to stop at once. No `except Exception` on the way catches it."""


class StopSignals:
    """Listens while it is entered. In a thread, where Python allows no handlers, the caller's handlers stay.

    `echoed` says that a launcher passes signals on, so that one comes twice. localft's own launch asks through a file instead.
    """

    def __init__(self, control_directory: Path | None, *, speaks: bool = True, echoed: bool = False) -> None:
        self._control = control_directory
        self._stop_file = control_directory / "stop" if control_directory else None
        self._speaks = speaks
        self._echoed = echoed and control_directory is None
        self._saves = False
        self._at_the_end = False
        self._requested = False
        self._raised = False
        self._entered_in: FrameType | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._entered_in = sys._getframe(1)
            self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._entered_in = None

    def check(self) -> None:
        """A safe place before the training: raises what a signal inside of an import could not."""
        if self._requested and not self._saves:
            self._stop()

    def save_first(self) -> None:
        """From here on there is something to save: the first signal is a request."""
        self._saves = True

    def only_wait(self) -> None:
        """From here on there is no step left to stop behind: the first signal changes nothing."""
        self._at_the_end = True

    def requested(self) -> bool:
        """Whether to save and stop; asked once a step. True also where localft's own launcher was told to stop."""
        return self._requested or (self._stop_file is not None and self._stop_file.exists())

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._echoed and (self._requested or self._raised):
            return
        importing = self._is_importing(frame)
        again = self._raised or (self.requested() if self._saves else self._requested)
        if self._raised or (again and importing):
            self._end_process()
        if again or not (self._saves or importing):
            self._stop()
        self._requested = True
        if self._speaks:  # with os.write, the one way to write that a signal handler may take
            os.write(2, _SAID_AT_THE_END if self._at_the_end else _SAID if self._saves else _SAID_IN_IMPORT)

    def _stop(self) -> NoReturn:
        self._raised = True
        raise Stopped

    def _is_importing(self, frame: FrameType | None) -> bool:
        """Whether an import has begun, and not ended, since this was entered."""
        while frame is not None and frame is not self._entered_in:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return True
            frame = frame.f_back
        return False

    def _end_process(self) -> NoReturn:
        """Ends without unwinding, which nothing can swallow. What is on disk can be continued; locks end with the process."""
        if self._control is not None and self._speaks:
            (self._control / "exit-code").write_text(str(TrainingInterrupted.exit_code))
        os._exit(TrainingInterrupted.exit_code)
