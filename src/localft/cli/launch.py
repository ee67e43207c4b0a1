"""Starts one process for each GPU where several are visible and no launcher was used.

The processes are told to stop through a file and hand their exit code back through another one. Forwarding the signal would
reach them through accelerate's launcher, which kills what has not ended after 30 seconds, in the middle of a step or of
saving; and that launcher knows no exit code but its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from localft import settings


def processes_to_start(batch_size: int) -> int:
    """How many processes a training should have here; 1 means this one.

    A process without an example in a step would only wait for the others, so there are no more than `batch_size`.
    """
    gpus = settings.visible_gpus()
    return 1 if gpus < 2 else min(gpus, batch_size)


def use_first_gpu() -> None:
    """Hides all GPUs but the first from this process, before torch looks for them."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = allowed.split(",")[0].strip() if allowed else "0"


def launch_command(processes: int, arguments: Sequence[str]) -> list[str]:
    """`accelerate launch` with all that a user's own accelerate configuration could change said outright."""
    chosen = {
        "--num_processes": str(processes),
        "--num_machines": "1",
        "--mixed_precision": "no",
        "--dynamo_backend": "no",
        "--main_process_port": "0",  # any free one: two jobs may run on one machine
    }
    options = [part for option in chosen.items() for part in option]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", *options]
    return [*launcher, "-m", "localft", *arguments]


def launch(processes: int, arguments: Sequence[str], *, command: Sequence[str] | None = None) -> int:
    """Runs the same command line in several processes and returns its exit code. `command` stands in for the launcher."""
    with tempfile.TemporaryDirectory(prefix="localft-") as directory:
        control = Path(directory)
        environment = {**os.environ, settings.CONTROL_DIRECTORY: directory}
        child = subprocess.Popen(
            list(command or launch_command(processes, arguments)),
            env=environment,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone
        )
        previous = _forward_signals(child, control)
        try:
            code = child.wait()
        except BaseException:
            _pass_on(child, signal.SIGTERM)
            raise
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return _exit_code(control, code)


def _forward_signals(child: subprocess.Popen[bytes], control: Path) -> dict[int, Any]:
    """The first signal asks the processes to save and stop, a further one is passed on. Returns the handlers before."""

    def receive(number: int, frame: FrameType | None) -> None:
        stop = control / "stop"
        if stop.exists():
            _pass_on(child, signal.SIGTERM)
            return
        stop.touch()
        os.write(2, b"\nstopping after this step and saving; once more to stop at once\n")

    return {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}


def _exit_code(control: Path, launcher_code: int) -> int:
    """The code that the first process left; the launcher's own where it could not leave one."""
    left = control / "exit-code"
    if left.exists():
        return int(left.read_text())
    return launcher_code if launcher_code >= 0 else 128 - launcher_code


def _pass_on(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
