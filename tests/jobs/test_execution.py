"""`execution.json`: what it tells of each attempt, and what becomes of it when a run is stopped, killed and continued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localft.errors import TrainingFailed
from localft.jobs.execution import Attempt, read_attempts
from localft.jobs.job import new_job
from localft.jobs.recorder import JobRecorder
from localft.jobs.run_directory import RunDirectory, create_run
from localft.plan import TrainingPlan
from localft.progress import CheckpointSaved, ExecutionChanged, ExecutionChosen, TrainingOutcome
from planning import ROOT
from runs import plan_for, step_metrics

CHOSEN = ExecutionChosen(
    devices=("NVIDIA H200", "NVIDIA H200"),
    precision="bfloat16",
    layout="shared",
    attention="a kernel",
    head="trained positions only",
    kernels=("rms_norm",),
    compiled=False,
    gradient_checkpointing="off",
    tokens_per_micro_batch=8192,
    versions={"torch": "2.13.0"},
)
SCHEMA = json.loads((ROOT / "src/localft/schemas/execution.schema.json").read_text())


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    return plan_for(tmp_path)


@pytest.fixture
def run(tmp_path: Path, plan: TrainingPlan) -> RunDirectory:
    (tmp_path / "run").mkdir()
    return create_run(tmp_path / "run", plan, new_job(plan, hex="0" * 32, now=0), [])


def attempts(run: RunDirectory) -> list[Attempt]:
    """As recorded, after the published schema had a look at them."""
    jsonschema.validate(json.loads(run.execution_file.read_text()), SCHEMA)
    return read_attempts(run.execution_file)


def begun(run: RunDirectory, plan: TrainingPlan, *, resume_step: int = 0) -> JobRecorder:
    recorder = JobRecorder(run, plan, resume_step=resume_step, clock=lambda: 1_700_000_000.0)
    recorder(CHOSEN)
    return recorder


def train(recorder: JobRecorder, first: int, last: int, **measured: Any) -> None:
    for step in range(first, last + 1):
        recorder(step_metrics(step, **measured))


def test_the_file_is_there_before_the_first_step(run: RunDirectory, plan: TrainingPlan) -> None:
    begun(run, plan).close()
    (attempt,) = attempts(run)
    assert (attempt.status, attempt.first_step, attempt.started_at) == ("running", 1, 1_700_000_000)
    assert (attempt.devices, attempt.processes) == (["NVIDIA H200"] * 2, 2)
    assert attempt.planned.tokens_per_micro_batch == plan.execution.tokens_per_micro_batch
    assert attempt.totals.steps == 0 and attempt.totals.tokens_per_second is None


def test_totals_add_the_steps_up_and_divide_once(run: RunDirectory, plan: TrainingPlan) -> None:
    recorder = begun(run, plan)
    train(recorder, 1, 2, tokens=100, trained_tokens=30, computed_tokens=60, seconds=0.5, peak_memory_bytes=7)
    train(recorder, 3, 6, tokens=100, trained_tokens=60, computed_tokens=75, seconds=0.25, peak_memory_bytes=5)
    recorder.succeed(TrainingOutcome("succeeded", 6, 480, "model"))
    (attempt,) = attempts(run)
    totals = attempt.totals
    assert attempt.status == "succeeded"
    assert (totals.steps, totals.seconds, totals.peak_memory_bytes) == (6, 2.0, 7)
    assert (totals.tokens, totals.trained_tokens, totals.computed_tokens) == (600, 300, 420)
    assert (totals.computed_ratio, totals.tokens_per_second, totals.trained_tokens_per_second) == (0.7, 300.0, 150.0)


def test_each_change_is_kept_and_the_attempt_shows_what_holds_now(run: RunDirectory, plan: TrainingPlan) -> None:
    recorder = begun(run, plan)
    recorder(ExecutionChanged(2, "tokens_per_micro_batch", 8192, 4096))
    recorder(ExecutionChanged(3, "gradient_checkpointing", "off", "full"))
    recorder(ExecutionChanged(5, "tokens_per_micro_batch", 4096, 6144))
    recorder.pause()
    (attempt,) = attempts(run)
    assert (attempt.status, attempt.tokens_per_micro_batch, attempt.gradient_checkpointing) == ("paused", 6144, "full")
    assert [(c.step, c.before, c.after) for c in attempt.changes] == [
        (2, 8192, 4096),
        (3, "off", "full"),
        (5, 4096, 6144),
    ]


def test_a_killed_attempt_keeps_what_its_last_checkpoint_knew_and_the_next_stands_behind_it(
    run: RunDirectory, plan: TrainingPlan
) -> None:
    recorder = begun(run, plan)
    train(recorder, 1, 3)
    recorder(CheckpointSaved(3, "checkpoint-3", True, step_metrics(3)))
    train(recorder, 4, 5)
    recorder.close()  # as a kill leaves it
    recorder = begun(run, plan, resume_step=3)
    train(recorder, 4, 6)
    recorder.succeed(TrainingOutcome("succeeded", 6, 480, "model"))
    assert [(a.status, a.first_step, a.totals.steps) for a in attempts(run)] == [("killed", 1, 3), ("succeeded", 4, 3)]


def test_a_failed_attempt_says_so(run: RunDirectory, plan: TrainingPlan) -> None:
    begun(run, plan).fail(TrainingFailed("no memory"))
    assert [attempt.status for attempt in attempts(run)] == ["failed"]


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"attempts": [1]}'])
def test_a_file_that_was_changed_by_hand_does_not_keep_a_run_from_going_on(
    run: RunDirectory, plan: TrainingPlan, content: str
) -> None:
    run.execution_file.write_text(content)
    begun(run, plan, resume_step=3).pause()
    assert [attempt.first_step for attempt in attempts(run)] == [4]


def test_a_run_that_ends_before_its_model_is_loaded_leaves_no_file(run: RunDirectory, plan: TrainingPlan) -> None:
    recorder = JobRecorder(run, plan)
    recorder.fail(TrainingFailed("no such weights"))
    assert not run.execution_file.exists()
