"""Turns what a training tells into the run's files: job.json, events.jsonl, results.csv and execution.json.

The order in which a job speaks is the service's: job started, data imported, training started, results file created,
metrics, job succeeded, results file completed, tokens counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from localft import settings
from localft.errors import LocalftError
from localft.jobs import events as say
from localft.jobs.checkpoints import checkpoint_name
from localft.jobs.events import EventLog, FineTuningJobEvent, Level, has_metrics_event, message_event, metrics_event
from localft.jobs.execution import ExecutionRecorder
from localft.jobs.job import FineTuningJob, JobError
from localft.jobs.results import ResultsWriter, rewind_results
from localft.jobs.run_directory import RunDirectory
from localft.plan import TrainingPlan
from localft.progress import (
    CheckpointSaved,
    ExecutionChanged,
    ExecutionChosen,
    Notice,
    ProgressEvent,
    StageStarted,
    StepMetrics,
    TrainingOutcome,
)

Clock = Callable[[], float]


def opening_events(plan: TrainingPlan, warnings: Sequence[Notice] = (), *, now: float) -> list[FineTuningJobEvent]:
    """What a job has to tell before it starts: it was queued, its files were read, and what was remarked on in them."""
    sentences = [say.QUEUED]
    for role, file in (("training", plan.training_file), ("validation", plan.validation_file)):
        if file is not None:
            name = Path(file.path).name
            sentences.append(say.preprocessing_started(role, name))
            sentences.append(say.preprocessing_completed(role, name, file.examples))
    return [
        *(message_event(sentence, now=now) for sentence in sentences),
        *(message_event(notice.message, now=now, level=notice.level) for notice in warnings),
    ]


class JobRecorder:
    """Receives a training's progress events and records them. One process of a training has one; the others have none."""

    def __init__(
        self, run: RunDirectory, plan: TrainingPlan, *, resume_step: int = 0, clock: Clock = time.time
    ) -> None:
        """`resume_step` is the step of the checkpoint that the training goes on from."""
        self.run = run
        self.last_step = resume_step
        self._plan = plan
        self._clock = clock
        self._seconds_a_step: float | None = None
        self._execution = ExecutionRecorder(run.execution_file, plan, resume_step=resume_step, clock=clock)
        self._log = EventLog(run.events_file)
        kept = rewind_results(run.results_file, self.last_step)
        self._results = ResultsWriter(run.results_file)
        self._start(run.read_job())
        if kept < self.last_step:
            missing = self.last_step - kept
            self._say(f"{missing} of the first {self.last_step} rows of results.csv are lost.", level="warn")

    def _start(self, job: FineTuningJob) -> None:
        self.job = job if job.status == "running" else job.moved("running")
        told = {"integrations": self._plan.integrations or None}
        self.job = self.job.model_copy(update={"finished_at": None, "error": None, **told})
        self.run.write_job(self.job)
        if job.status != "queued":
            self._say(say.resumed(self.last_step))
            return
        for sentence in (say.STARTED, say.IMPORT_STARTED, say.FINE_TUNING_STARTED):
            self._say(sentence)

    def __call__(self, event: ProgressEvent) -> None:
        match event:
            case StageStarted(stage="load_model"):
                execution = self._plan.execution
                self._say(say.waiting_for_device(execution.device, execution.processes))
            case StageStarted(stage="train"):
                self._training_started()
            case StageStarted(stage="save_checkpoint"):
                self._results.settle()
                self._log.settle()
            case StageStarted():
                pass
            case Notice(message, level):
                self._say(message, level=level)
            case ExecutionChosen():
                self._execution.begin(event)
            case ExecutionChanged():
                self._execution.change(event)
            case StepMetrics():
                self._step(event)
                self._execution.add(event)
            case CheckpointSaved():
                self._execution.write()
                self._say(say.checkpoint_saved(event.step, self._checkpoint_name(event.step)))

    def _training_started(self) -> None:
        if not self.job.result_files:  # a run that is continued has said it before
            self._say(say.TRAINING_STARTED)
            self._say(say.results_created(self.job))
            self._update(result_files=[self.job.results_file])

    def _step(self, step: StepMetrics) -> None:
        self._results.write(step)
        self.last_step = step.step
        self._seconds_a_step = _smoothed(self._seconds_a_step, step.seconds)
        if has_metrics_event(step.step, step.total_steps):
            self._log.append(metrics_event(step, now=self._clock()))
            left = (step.total_steps - step.step) * self._seconds_a_step
            self._update(estimated_finish=int(self._clock() + left))

    def succeed(self, outcome: TrainingOutcome) -> None:
        """The model is in its place: the job ends well."""
        self._move(
            "succeeded",
            fine_tuned_model=self.job.model_name,
            trained_tokens=outcome.trained_tokens,
            result_files=[self.job.results_file],
        )
        self._say(say.SUCCEEDED)
        self._say(say.NOT_EVALUATED)
        self._say(say.results_completed(self.job))
        self._say(say.tokens_counted(outcome.trained_tokens))
        self._execution.end("succeeded")
        self.close()

    def pause(self) -> None:
        """Stopped by a signal; what is on disk can be continued."""
        self.job = self.job.moved("paused", estimated_finish=None)
        self.run.write_job(self.job)
        if settings.given_job() is None:  # of a job of the store the worker tells, who knows why it was stopped
            self._say(say.paused(self.last_step))
        self._execution.end("paused")
        self.close()

    def fail(self, error: BaseException) -> None:
        """Records why; a later run in the same directory may still go on from the last checkpoint."""
        reason = _job_error(error)
        self._move("failed", error=reason)
        self._say(say.failed(reason.message), level="error")
        self._execution.end("failed")
        self.close()

    def close(self) -> None:
        self._results.close()
        self._log.close()

    def _move(self, status: Literal["succeeded", "failed"], **changes: object) -> None:
        finished = {"finished_at": int(self._clock()), "estimated_finish": None}
        self.job = self.job.moved(status, **finished, **changes)
        self.run.write_job(self.job)

    def _update(self, **changes: object) -> None:
        self.job = self.job.model_copy(update=changes)
        self.run.write_job(self.job)

    def _say(self, message: str, *, level: Level = "info") -> None:
        self._log.append(message_event(message, now=self._clock(), level=level))

    def _checkpoint_name(self, step: int) -> str:
        return checkpoint_name(self.job, step, self._plan.total_steps)


def _job_error(error: BaseException) -> JobError:
    if isinstance(error, LocalftError):
        return JobError(code=error.code, message=error.message, param=error.param)
    return JobError(code="internal_error", message=f"{type(error).__name__}: {error}")


def _smoothed(mean: float | None, seconds: float) -> float:
    """A running mean that follows changes of speed: the first steps of a run are slower than the rest."""
    return seconds if mean is None else 0.9 * mean + 0.1 * seconds
