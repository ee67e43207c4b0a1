"""`localft` and `python -m localft`, which is also what `accelerate launch -m localft` starts on each process.

Ctrl-C has to end quietly from the first import on. Inside of an import it ends the process, since a library that catches the
error there would go on half imported; elsewhere it is Python's KeyboardInterrupt. A training listens for itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
"""What shells say of a program that Ctrl-C ended."""


def main() -> NoReturn:
    """Runs the command line and exits."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job ignores it
        signal.signal(signal.SIGINT, _interrupted)
    try:
        from localft.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
