"""The training's side: each step is put into a queue, and a process for each tracker does the rest.

The one wait is at the end of a run, `END_SECONDS` for all trackers together. What a tracker has not taken by then its process
goes on offering for a while, when the training is long done.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from localft import settings
from localft.errors import MissingExtra, install
from localft.jobs.results import METRICS, number
from localft.jobs.run_directory import RunDirectory
from localft.plan import Integration, TrainingPlan
from localft.progress import Notice, ProgressEvent, StepMetrics
from localft.trackers.delivery import TITLES, Message, Status, files_of
from localft.trackers.parameters import parameters

END_SECONDS = 4.0
"""Most that a run waits for its trackers, once, at its end. With what their processes take from it, below five."""
QUEUED_LINES = 10_000
"""Steps on their way to a tracker's process, which takes them as fast as they come unless it is stopped."""
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from localft.trackers.delivery import main; main()"
_QUIETLY = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
}
"""Set for a tracker's process where the user has not set them: short calls, and nothing told to the library's makers."""


def require_packages(integrations: Iterable[Integration]) -> None:
    """Says before a job begins that the package of a tracker is not installed."""
    missing = [integration.type for integration in integrations if find_spec(integration.type) is None]
    if missing:
        raise MissingExtra(
            f"integrations names {', '.join(missing)}, and {'that package is' if len(missing) == 1 else 'those packages are'} "
            f"not installed: {install(*missing)}"
        )


class Trackers:
    """The trackers of one run. Nothing here raises, and nothing but `end` waits."""

    def __init__(self, run: RunDirectory, plan: TrainingPlan, *, job: str, resume_step: int) -> None:
        self._notices: list[Notice] = []
        self._tellers: list[_Teller] = []
        for integration in plan.integrations:
            opening = {
                "integration": integration.model_dump(),
                "run_directory": str(run.path),
                "home": str(settings.home()),
                "job": job,
                "resume_step": resume_step,
                "parameters": parameters(plan),
            }
            try:
                self._tellers.append(_Teller(integration.type, run.path, opening))
            except OSError as error:
                self._notices.append(_warning(integration.type, f"its process could not be started: {error}"))

    def __call__(self, event: ProgressEvent) -> None:
        """Passes on the metrics of a step, as results.csv has them."""
        if isinstance(event, StepMetrics):
            found = {name: getattr(event, name) for name in METRICS}
            metrics = {name: float(number(value)) for name, value in found.items() if value is not None}
            for teller in self._tellers:
                teller.tell({"step": event.step, "metrics": metrics})

    def notices(self) -> Iterator[Notice]:
        """What the trackers have said since the last time."""
        yield from self._notices
        self._notices = []
        for teller in self._tellers:
            yield from teller.notices()

    def end(self, status: Status, *, wait: bool = True) -> None:
        """Tells how the run ended, and waits a little for the trackers to take what they have not yet."""
        deadline = time.monotonic() + (END_SECONDS if wait else 0.0)
        for teller in self._tellers:
            teller.end(status)
        for teller in self._tellers:
            teller.wait(deadline)


class _Teller:
    """The way to the process of one tracker and back, each on a thread of its own."""

    def __init__(self, type: str, run_directory: Path, opening: Message) -> None:
        self._type = type
        self._queue: queue.Queue[bytes | None] = queue.Queue(maxsize=QUEUED_LINES)
        self._notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._over = threading.Event()
        self._done = False
        self._warned = False
        self._process = _start(run_directory, type)
        self.tell(opening)
        for work in (self._write, self._read):
            threading.Thread(target=work, daemon=True).start()

    def tell(self, message: Message) -> None:
        try:
            self._queue.put_nowait(json.dumps(message).encode() + b"\n")
        except queue.Full:
            self._warn("it takes nothing, so it is told no more")

    def notices(self) -> Iterator[Notice]:
        while not self._notices.empty():
            yield self._notices.get()

    def end(self, status: Status) -> None:
        self.tell({"end": status})
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            self._process.kill()

    def wait(self, deadline: float) -> None:
        """Until the tracker has taken all, at most until the deadline (monotonic)."""
        waits = deadline - time.monotonic()
        if not self._over.wait(max(0.0, waits)) and waits > 0:
            self._warn(f"it has not taken all metrics within {END_SECONDS:g} seconds, and is not waited for")

    def _write(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:  # an end of the process is told by the other thread
            for line in iter(self._queue.get, None):
                pipe.write(line)
                pipe.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            for line in pipe:
                self._hear(json.loads(line))
        code = self._process.wait()
        if not self._done:
            self._warn(f"its process ended with code {code}; its log says why")
        self._over.set()

    def _hear(self, message: Message) -> None:
        if "done" in message:
            self._done = True
            self._over.set()
        elif "warning" in message:
            self._warned = True
            self._notices.put(Notice(message["warning"], "warn"))
        else:
            self._notices.put(Notice(message["notice"]))

    def _warn(self, reason: str) -> None:
        """What this side notices is worth a sentence only where the tracker's own side has said nothing."""
        if not self._warned:
            self._warned = True
            self._notices.put(_warning(self._type, reason))


def _warning(type: str, reason: str) -> Notice:
    return Notice(f"{TITLES[type]}: {reason}. results.csv has every step.", "warn")


def _start(run_directory: Path, type: str) -> subprocess.Popen[bytes]:
    directory = files_of(run_directory, type)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(run_directory),
            start_new_session=True,  # Ctrl-C in the terminal is for the training alone
        )


def _environment(run_directory: Path) -> dict[str, str]:
    return {"WANDB_DIR": str(run_directory), **_QUIETLY, **os.environ}
