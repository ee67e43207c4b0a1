"""The process of one tracker: keeps what the training tells until the tracker has taken it.

In come JSON lines on stdin: the opening, one row a step, and how the run ended. Out go JSON lines on stdout: notices for the
user, and `done`. What the tracker's library prints goes to the log in the run directory.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, Protocol

from localft.jobs.results import METRICS
from localft.trackers.notes import Notes
from localft.trackers.parameters import Parameter
from localft.trackers.secrets import without_secrets

try:
    import fcntl
except ImportError:  # no such locks on this platform
    fcntl = None  # type: ignore[assignment]

Status = Literal["succeeded", "paused", "failed"]
Message = dict[str, Any]

BATCH_METRICS = 250
"""Most metrics in one call: what Azure ML's server takes."""
BATCH_ROWS = BATCH_METRICS // len(METRICS)
FLUSH_SECONDS = 1.0
"""Least time between two calls, so that short steps go together."""
LONGEST_PAUSE_SECONDS = 60.0
"""Between two attempts at a tracker that fails: the first pause is a second, each further one twice as long."""
LAST_ATTEMPTS = 2
"""At what is left when the run has ended."""
LINGER_SECONDS = 60.0
"""How long the process may live on when the training has nothing more to tell."""
KEPT_ROWS = 100_000
"""Rows that wait for a tracker; of those behind them it will not hear."""
SHOWN_CHARACTERS = 300
TITLES = {"mlflow": "MLflow", "tensorboard": "TensorBoard", "trackio": "trackio", "wandb": "W&B"}


@dataclass(frozen=True)
class Opening:
    """What a tracker has to know of the run that it shows."""

    integration: dict[str, Any]
    """One of the job object's `integrations`."""
    run_directory: str
    home: str
    """Where localft keeps what outlives a run."""
    job: str
    """The job's id."""
    resume_step: int
    """Steps that the training does not repeat."""
    parameters: dict[str, Parameter]

    @property
    def type(self) -> str:
        return str(self.integration["type"])

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as the recipe gives them; the name is never null."""
        given: dict[str, Any] = self.integration.get(self.type, {})
        return {**given, "name": given.get("name") or self.job}

    def notes(self) -> Notes:
        return Notes(files_of(Path(self.run_directory), self.type) / "notes.json")


class Row(NamedTuple):
    """The metrics of one step, by their names in results.csv, and when they were told (Unix seconds)."""

    step: int
    metrics: dict[str, float]
    time: float


class Started(NamedTuple):
    place: str
    """Where the run can be seen."""
    last_step: int
    """Steps up to this one are there already, and are not told again."""


class Tracker(Protocol):
    """One library. Any method may raise anything; it is called again later."""

    def start(self) -> Started: ...

    def log(self, rows: Sequence[Row]) -> None: ...

    def end(self, status: Status) -> None: ...


def files_of(run_directory: Path, type: str) -> Path:
    """Directory of a tracker's notes and log."""
    return run_directory / "trackers" / type


def open_tracker(opening: Opening) -> Tracker:
    match opening.type:
        case "mlflow":
            from localft.trackers.mlflow_run import MlflowRun

            return MlflowRun(opening)
        case "tensorboard":
            from localft.trackers.tensorboard_files import TensorboardFiles

            return TensorboardFiles(opening)
        case "trackio":
            from localft.trackers.trackio_run import TrackioRun

            return TrackioRun(opening)
        case _:
            from localft.trackers.wandb_run import WandbRun

            return WandbRun(opening)


class Inbox:
    """Rows that came and were not taken yet. A thread reads them, so that the training never meets a full pipe."""

    def __init__(self, stream: IO[bytes], when_over: Callable[[], None] = lambda: None) -> None:
        self.status: Status | None = None
        """How the run ended; None where the training was killed."""
        self._stream = stream
        self._when_over = when_over
        self._rows: deque[Row] = deque()
        self._over = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self, until: float) -> bool:
        """Waits for rows, and for the time `until` (monotonic); returns True at once when nothing more will come."""
        with self._changed:
            while not self._over:
                left = until - time.monotonic()
                if self._rows and left <= 0:
                    return False
                self._changed.wait(left if self._rows else None)
            return True

    def first(self, count: int) -> list[Row]:
        with self._changed:
            return [self._rows[place] for place in range(min(count, len(self._rows)))]

    def drop(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._rows.popleft()

    def _read(self) -> None:
        for line in self._stream:
            message: Message = json.loads(line)
            if "end" in message:
                self.status = message["end"]
                break
            with self._changed:
                if len(self._rows) < KEPT_ROWS:
                    self._rows.append(Row(message["step"], message["metrics"], time.time()))
                self._changed.notify()
        self._when_over()
        with self._changed:
            self._over = True
            self._changed.notify()


class Delivery:
    """Hands rows to a tracker, in order; what it fails to take is offered again."""

    def __init__(self, title: str, tracker: Tracker, inbox: Inbox, say: Callable[[Message], None]) -> None:
        self._title = title
        self._tracker = tracker
        self._inbox = inbox
        self._say = say
        self._started: Started | None = None
        self._pause = 0.0
        self._warned: set[str] = set()

    def run(self) -> None:
        next_attempt = self._attempt()
        while not self._inbox.wait(next_attempt):
            next_attempt = self._attempt()
        for _ in range(LAST_ATTEMPTS):
            if self._started is None or self._inbox.first(1):
                self._attempt()
        if self._started is not None and self._inbox.status is not None:
            try:
                self._tracker.end(self._inbox.status)
            except Exception as error:
                self._warn(error)
        self._say({"done": True})

    def _attempt(self) -> float:
        """Opens the run where that is still to be done, and hands on all rows; returns when to try next."""
        try:
            if self._started is None:
                self._started = self._tracker.start()
                self._say({"notice": f"{self._title}: {self._started.place}"})
            self._hand_on(self._started.last_step)
            self._pause = FLUSH_SECONDS
        except Exception as error:
            self._warn(error)
            self._pause = min(max(FLUSH_SECONDS, 2 * self._pause), LONGEST_PAUSE_SECONDS)
        return time.monotonic() + self._pause

    def _hand_on(self, last_step: int) -> None:
        while rows := self._inbox.first(BATCH_ROWS):
            if new := [row for row in rows if row.step > last_step]:
                self._tracker.log(new)
            self._inbox.drop(len(rows))

    def _warn(self, error: Exception) -> None:
        """One sentence for each kind of failure; the log has every one."""
        reason = without_secrets(str(error))
        print(f"{type(error).__name__}: {reason}", file=sys.stderr, flush=True)
        kind = f"{type(error).__name__} {getattr(error, 'error_code', '')}"
        if kind in self._warned:
            return
        self._warned.add(kind)
        sentences = (
            f"{self._title}: {_shortened(reason) or type(error).__name__}.",
            "The training goes on without it, and results.csv has every step;",
            f"{self._title} is tried again from time to time.",
        )
        self._say({"warning": " ".join(sentences)})


def _shortened(reason: str) -> str:
    """Its beginning, which says what was tried, and its end, which mostly says why it failed."""
    text = " ".join(reason.split()).rstrip(".")
    half = SHOWN_CHARACTERS // 2
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:half].rstrip()} ... {text[-half:].lstrip()}"


def main() -> None:
    """Runs one tracker. The training may end, or be killed, while this process goes on for `LINGER_SECONDS`."""
    for number in (signal.SIGINT, signal.SIGTERM):  # those are for the training; this process ends with its input
        signal.signal(number, signal.SIG_IGN)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message: Message) -> None:
        with suppress(OSError):  # nobody listens any more
            print(json.dumps(message), file=told, flush=True)

    opening = Opening(**json.loads(sys.stdin.buffer.readline()))
    inbox = Inbox(sys.stdin.buffer, when_over=_end_in_time)
    with _alone(files_of(Path(opening.run_directory), opening.type)):
        Delivery(TITLES[opening.type], open_tracker(opening), inbox, say).run()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Waits until the process that a killed training left behind has ended: it may still be telling what is noted then."""
    if fcntl is None:
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _end_in_time() -> None:
    timer = threading.Timer(LINGER_SECONDS, os._exit, [1])
    timer.daemon = True
    timer.start()
