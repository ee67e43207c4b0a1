"""What the end of a job's process means for the job."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from localft.jobs import events as say
from localft.jobs.job import FineTuningJob, JobError
from localft.jobs.last_words import LastWords
from localft.jobs.store.queue import Ending
from localft.jobs.store.rows import StoredJob

INTERRUPTED = 75
"""Exit code of a training that was asked to stop."""
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True)
class End:
    """How a process ended, as far as can be seen."""

    code: int | None
    """Exit code, negative a signal's number; None for a process that was adopted, or found dead."""
    words: LastWords | None
    run: FineTuningJob | None
    """job.json, where the run has begun."""
    started_at: float
    """When the process was started."""
    asked: bool
    """It was told to stop."""
    reached: int
    """The last step in results.csv."""
    log: Path


@dataclass(frozen=True)
class Verdict:
    """What becomes of the job."""

    ending: Ending
    error: JobError | None = None
    note: str | None = None
    """An event that tells it, where nothing else does."""
    is_stuck: bool = False
    """It fell over before it got any further, and is tried once more."""


def judge(stored: StoredJob, end: End) -> Verdict:
    """A run that says it succeeded has; one that was stopped is paused or waits; one that fell over is started again, unless it
    got no further than all before it for the second time in a row.
    """
    if end.run is not None and end.run.status == "succeeded":
        return Verdict("succeeded")
    if (error := _told(end)) is not None:
        return Verdict("failed", error)
    if end.asked or end.code == INTERRUPTED or (end.words is not None and end.words.exit_code == INTERRUPTED):
        return _stopped(stored, end)
    if end.code is None:
        return _stopped(stored, end, "The worker and the training ended without a word")
    if stored.wish == "pause" and end.run is not None:  # it has stopped, if not as it was to
        return _paused(end)
    if 0 <= end.code <= 128:
        return Verdict("failed", JobError(code="training_failed", message=_without_words(end)))
    how = _signal_name(end.code)
    if end.reached > stored.reached:
        return Verdict("queued", note=f"The training was ended by {how} at step {end.reached}; it is started again.")
    if not stored.stuck:
        note = (
            f"The training was ended by {how} at step {end.reached}, no further than before; it is started once more."
        )
        return Verdict("queued", note=note, is_stuck=True)
    message = (
        f"the training was ended by {how} at step {end.reached}, twice no further than before. {_log_tail(end.log)}"
    )
    return Verdict("failed", JobError(code="training_crashed", message=message))


def _stopped(stored: StoredJob, end: End, why: str = "The worker was stopped") -> Verdict:
    if stored.wish == "pause" and end.run is not None:
        return _paused(end)
    step = f" at step {end.reached}" if end.reached else ""
    return Verdict("queued", note=f"{why}{step}; the job waits to go on.")


def _paused(end: End) -> Verdict:
    return Verdict("paused", note=say.paused_job(end.reached))


def _told(end: End) -> JobError | None:
    """The error that the process told of, in its last words or in job.json."""
    if end.words is not None and end.words.exit_code == INTERRUPTED:
        return None
    if end.words is not None:
        return JobError(code=end.words.code, message=end.words.message, param=end.words.param)
    run = end.run
    if run is None or run.status != "failed" or (run.finished_at or 0) < int(end.started_at):
        return None  # what stands there is of an earlier start
    return run.error


def _without_words(end: End) -> str:
    return f"the training ended with exit code {end.code} and did not say why. {_log_tail(end.log)}"


def _log_tail(log: Path) -> str:
    content = log.read_bytes()[-LOG_TAIL_BYTES:] if log.is_file() else b""
    text = content.decode("utf-8", errors="replace").strip()
    return f"The end of {log.name}: {text}" if text else f"{log.name} is empty."


def _signal_name(code: int) -> str:
    """-9 of a process of ours, or 137 as a launcher says it: SIGKILL."""
    number = -code if code < 0 else code - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
