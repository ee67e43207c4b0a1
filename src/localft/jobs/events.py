"""The job's event log: the service's events in the service's order, one JSON object a line in `events.jsonl`.

The log only grows. A run that is continued logs the steps after its last checkpoint a second time, because they were
trained a second time; `results.csv` is the place that has each step once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from localft.jobs.files import AppendedFile, drop_torn_line
from localft.jobs.job import FineTuningJob
from localft.jobs.results import METRICS, number
from localft.progress import StepMetrics

Level = Literal["info", "warn", "error"]
METRICS_EVERY = 10
"""Metric events come at step 1, at every tenth step and at the last."""


class FineTuningJobEvent(BaseModel):
    """One event. `data` is null for a plain message."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: Level
    message: str
    type: Literal["message", "metrics"] = "message"
    data: dict[str, Any] | None = None


def message_event(message: str, *, now: float, level: Level = "info") -> FineTuningJobEvent:
    return FineTuningJobEvent(id=_new_id(), created_at=int(now), level=level, message=message)


def has_metrics_event(step: int, total_steps: int) -> bool:
    """1, 10, 20, ... and the last step, as the service logs them."""
    return step == 1 or step % METRICS_EVERY == 0 or step == total_steps


def metrics_event(step: StepMetrics, *, now: float) -> FineTuningJobEvent:
    """`Step 10: training loss=0.25`, with all that was measured at this step as data."""
    return FineTuningJobEvent(
        id=_new_id(),
        created_at=int(now),
        level="info",
        message=f"Step {step.step}: training loss={number(step.train_loss)}",
        type="metrics",
        data={"step": step.step, **measured(step), "total_steps": step.total_steps},
    )


def measured(step: StepMetrics) -> dict[str, float]:
    """The metrics that were computed at this step, in the service's names, as results.csv prints them."""
    values = {name: getattr(step, name) for name in METRICS}
    return {name: float(number(value)) for name, value in values.items() if value is not None}


class EventLog:
    """Appends events to a file; each line is whole before the next begins."""

    def __init__(self, path: Path) -> None:
        if path.exists():
            drop_torn_line(path)
        self._file = AppendedFile(path)

    def append(self, event: FineTuningJobEvent) -> None:
        self._file.write(event.model_dump_json() + "\n")

    def settle(self) -> None:
        """Brings all events so far to where they outlast this machine."""
        self._file.settle()

    def close(self) -> None:
        self._file.close()


def read_events(path: Path) -> list[FineTuningJobEvent]:
    """All events, oldest first; a line that is still being written is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [FineTuningJobEvent.model_validate_json(line) for line in lines]


# The sentences, in the order in which a job says them. The short ones are the service's own, and tools look for them.

QUEUED = "Job queued; no other job is ahead of it."
QUEUED_AGAIN = "Job queued again; it goes on from its last checkpoint."
CANCELLED = "Job cancelled."
STARTED = "Job started."
IMPORT_STARTED = "Data Import started."
FINE_TUNING_STARTED = "Finetuning started."
TRAINING_STARTED = "Training started."
SUCCEEDED = "Job succeeded."
NOT_EVALUATED = "Model not evaluated for safety: localft screens neither the data nor the model."


def enqueued(ahead: int) -> str:
    return f"Job enqueued; {ahead} {'job is' if ahead == 1 else 'jobs are'} ahead of it."


def keys_ignored(names: Sequence[str]) -> str:
    shown = ", ".join(name[:64] for name in names[:10])
    return f"Ignored what localft does not know: {shown}{', ...' if len(names) > 10 else ''}."


def preprocessing_started(role: str, name: str) -> str:
    return f"Preprocessing started for the {role} file {name}."


def preprocessing_completed(role: str, name: str, examples: int) -> str:
    return f"Preprocessing completed for the {role} file {name}: {examples} examples."


def waiting_for_device(device: str, processes: int) -> str:
    return f"Loading the base model for {processes} {device} process{'es' if processes > 1 else ''}."


def results_created(job: FineTuningJob) -> str:
    return f"Results file created: {job.results_file}"


def results_completed(job: FineTuningJob) -> str:
    return f"Results file completed: {job.results_file}"


def checkpoint_saved(step: int, name: str) -> str:
    return f"Checkpoint saved at step {step}: {name}"


def tokens_counted(tokens: int) -> str:
    return f"Training tokens: {tokens}. Nothing is billed."


def paused(step: int) -> str:
    return f"Job paused at step {step}; the same command continues it."


def paused_job(step: int) -> str:
    return f"Job paused at step {step}; resume it to go on."


def resumed(step: int) -> str:
    return f"Job resumed behind step {step}."


def failed(reason: str) -> str:
    return f"Job failed: {reason}"


def _new_id() -> str:
    return f"ftevent-{uuid.uuid4().hex}"
