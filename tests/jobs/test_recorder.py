"""From progress events to job.json, events.jsonl and results.csv."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai.types.fine_tuning import FineTuningJob as ClientJob

from localft.errors import TrainingFailed
from localft.jobs.events import read_events
from localft.jobs.job import new_job
from localft.jobs.recorder import JobRecorder, opening_events
from localft.jobs.results import read_results
from localft.jobs.run_directory import RunDirectory, create_run
from localft.plan import TrainingPlan
from localft.progress import CheckpointSaved, Notice, StageStarted, TrainingOutcome
from runs import plan_for, step_metrics, write_chats

HEX = "0123456789abcdef" * 2
NAME = f"tiny-llama.ft-{HEX}-travel"


class Clock:
    """Each look at it is a second later than the last."""

    def __init__(self) -> None:
        self.now = 1_700_000_000

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    return plan_for(tmp_path, suffix="travel", validation_file=str(write_chats(tmp_path / "valid.jsonl", word="valid")))


@pytest.fixture
def run(tmp_path: Path, plan: TrainingPlan) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return create_run(tmp_path / "run", plan, new_job(plan, hex=HEX, now=0), opening_events(plan, now=0))


@pytest.fixture
def recorder(run: RunDirectory, plan: TrainingPlan) -> Iterator[JobRecorder]:
    recorder = JobRecorder(run, plan, clock=Clock())
    yield recorder
    recorder.close()


def messages(run: RunDirectory) -> list[str]:
    return [event.message for event in read_events(run.events_file)]


def train(recorder: JobRecorder, first: int = 1, last: int = 6) -> None:
    recorder(StageStarted("load_model"))
    recorder(StageStarted("train"))
    for step in range(first, last + 1):
        metrics = step_metrics(step)
        recorder(metrics)
        if step % 3 == 0:
            recorder(CheckpointSaved(step, f"checkpoint-{step}", True, metrics))
    recorder(StageStarted("save_model"))


def test_a_job_says_what_the_service_says_in_the_services_order(recorder: JobRecorder, run: RunDirectory) -> None:
    train(recorder)
    recorder.succeed(TrainingOutcome("succeeded", 6, 480, "model"))
    assert messages(run) == [
        "Job queued; no other job is ahead of it.",
        "Preprocessing started for the training file train.jsonl.",
        "Preprocessing completed for the training file train.jsonl: 12 examples.",
        "Preprocessing started for the validation file valid.jsonl.",
        "Preprocessing completed for the validation file valid.jsonl: 12 examples.",
        "Job started.",
        "Data Import started.",
        "Finetuning started.",
        "Loading the base model for 1 cpu process.",
        "Training started.",
        f"Results file created: file-{HEX}",
        "Step 1: training loss=1",
        f"Checkpoint saved at step 3: {NAME}:ckpt-step-3",
        "Step 6: training loss=0.166666667",
        f"Checkpoint saved at step 6: {NAME}",
        "Job succeeded.",
        "Model not evaluated for safety: localft screens neither the data nor the model.",
        f"Results file completed: file-{HEX}",
        "Training tokens: 480. Nothing is billed.",
    ]


def test_a_job_that_succeeded_has_its_model_its_tokens_and_its_results(
    recorder: JobRecorder, run: RunDirectory
) -> None:
    train(recorder)
    recorder.succeed(TrainingOutcome("succeeded", 6, 480, "model"))
    job = run.read_job()
    assert (job.status, job.fine_tuned_model, job.trained_tokens) == ("succeeded", NAME, 480)
    assert job.result_files == [f"file-{HEX}"]
    assert job.finished_at is not None and job.estimated_finish is None and job.error is None
    ClientJob.model_validate_json(run.job_file.read_bytes(), strict=True)


def test_a_job_runs_before_it_ends_and_names_its_results_once_training_starts(
    recorder: JobRecorder, run: RunDirectory
) -> None:
    assert (run.read_job().status, run.read_job().result_files) == ("running", [])
    recorder(StageStarted("train"))
    assert run.read_job().result_files == [f"file-{HEX}"]


def test_the_end_is_estimated_from_the_time_of_the_steps(recorder: JobRecorder, run: RunDirectory) -> None:
    recorder(StageStarted("train"))
    recorder(step_metrics(1, total_steps=101, seconds=2.0))
    job = run.read_job()
    assert job.estimated_finish is not None
    assert job.estimated_finish - 1_700_000_000 == pytest.approx(200, abs=30)


def test_every_step_is_a_row(recorder: JobRecorder, run: RunDirectory) -> None:
    train(recorder)
    assert [row.step for row in read_results(run.results_file)] == [1, 2, 3, 4, 5, 6]


def test_notices_are_events_of_their_level(recorder: JobRecorder, run: RunDirectory) -> None:
    recorder(Notice("two rows were cut", "warn"))
    event = read_events(run.events_file)[-1]
    assert (event.message, event.level, event.type, event.data) == ("two rows were cut", "warn", "message", None)


def test_a_stopped_job_is_paused_and_goes_on_behind_its_checkpoint(
    recorder: JobRecorder, run: RunDirectory, plan: TrainingPlan
) -> None:
    train(recorder, last=5)
    recorder.pause()
    assert run.read_job().status == "paused"
    assert messages(run)[-1] == "Job paused at step 5; the same command continues it."

    again = JobRecorder(run, plan, resume_step=3)
    assert run.read_job().status == "running"
    train(again, first=4)
    again.succeed(TrainingOutcome("succeeded", 6, 480, "model"))
    assert [row.step for row in read_results(run.results_file)] == [1, 2, 3, 4, 5, 6]
    said = messages(run)
    assert said.count("Job started.") == said.count("Training started.") == 1
    assert "Job resumed behind step 3." in said


def test_a_job_that_was_killed_still_says_running_and_goes_on(run: RunDirectory, plan: TrainingPlan) -> None:
    killed = JobRecorder(run, plan)
    train(killed, last=4)
    killed.close()
    assert run.read_job().status == "running"
    again = JobRecorder(run, plan, resume_step=3)
    again.close()
    assert [row.step for row in read_results(run.results_file)] == [1, 2, 3]


def test_a_failed_job_has_the_error_and_may_run_again(
    recorder: JobRecorder, run: RunDirectory, plan: TrainingPlan
) -> None:
    train(recorder, last=4)
    recorder.fail(TrainingFailed("the loss is not a number", code="nan_loss", param="learning_rate_multiplier"))
    job = run.read_job()
    assert (job.status, job.fine_tuned_model, job.trained_tokens) == ("failed", None, None)
    assert job.error is not None and job.finished_at is not None
    assert job.error.model_dump() == {
        "code": "nan_loss",
        "message": "the loss is not a number",
        "param": "learning_rate_multiplier",
    }
    last = read_events(run.events_file)[-1]
    assert (last.message, last.level) == ("Job failed: the loss is not a number", "error")

    JobRecorder(run, plan, resume_step=3).close()
    again = run.read_job()
    assert (again.status, again.error, again.finished_at) == ("running", None, None)


def test_an_error_of_ours_is_recorded_by_its_kind(recorder: JobRecorder, run: RunDirectory) -> None:
    recorder.fail(ZeroDivisionError("division by zero"))
    error = run.read_job().error
    assert error is not None
    assert (error.code, error.message) == ("internal_error", "ZeroDivisionError: division by zero")


def test_rows_that_the_disk_lost_are_told(run: RunDirectory, plan: TrainingPlan) -> None:
    recorder = JobRecorder(run, plan, resume_step=3)
    recorder.close()
    event = read_events(run.events_file)[-1]
    assert (event.level, event.message) == ("warn", "3 of the first 3 rows of results.csv are lost.")


def test_rows_and_events_are_closed_before_a_checkpoint_that_relies_on_them_is_written(
    recorder: JobRecorder, run: RunDirectory
) -> None:
    recorder(step_metrics(1))
    for file in (run.results_file, run.events_file):
        file.rename(file.with_suffix(".taken"))  # an open file would be written to under its new name
    recorder(StageStarted("save_checkpoint"))
    recorder(step_metrics(2))
    recorder(Notice("behind it"))
    assert run.results_file.read_text().startswith("2,")
    assert "behind it" in run.events_file.read_text()
    recorder.close()
