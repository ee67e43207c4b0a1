"""Checkpoints as the service lists them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint as ClientCheckpoint
from runs import plan_for, step_metrics

from localft.jobs.checkpoints import checkpoint_id, list_checkpoints
from localft.jobs.job import FineTuningJob, new_job
from localft.jobs.results import ResultsWriter, start_results

HEX = "0123456789abcdef" * 2


@pytest.fixture
def job(tmp_path: Path) -> FineTuningJob:
    return new_job(plan_for(tmp_path), hex=HEX, now=1_700_000_000)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with checkpoints at steps 3 and 6 of 6, and a staged one that was never finished."""
    directory = tmp_path / "run"
    for name in ("checkpoint-3", "checkpoint-6", ".staging-checkpoint-9", "model"):
        (directory / name).mkdir(parents=True)
    start_results(directory / "results.csv")
    with ResultsWriter(directory / "results.csv") as results:
        for step in range(1, 7):
            results.write(step_metrics(step, full_valid_loss=0.25 if step == 3 else None))
    return directory


def test_checkpoints_are_listed_newest_first_with_the_metrics_of_their_step(run: Path, job: FineTuningJob) -> None:
    listed = list_checkpoints(run, job, total_steps=6)
    assert [checkpoint.step_number for checkpoint in listed] == [6, 3]
    assert listed[1].metrics.model_dump(exclude_none=True) == {
        "step": 3,
        "train_loss": 0.333333333,
        "train_mean_token_accuracy": 0.5,
        "full_valid_loss": 0.25,
    }


def test_the_last_checkpoint_is_the_model_and_has_its_plain_name(run: Path, job: FineTuningJob) -> None:
    names = [checkpoint.fine_tuned_model_checkpoint for checkpoint in list_checkpoints(run, job, total_steps=6)]
    assert names == [f"tiny-llama.ft-{HEX}", f"tiny-llama.ft-{HEX}:ckpt-step-3"]


def test_the_official_client_reads_a_checkpoint(run: Path, job: FineTuningJob) -> None:
    for ours in list_checkpoints(run, job, total_steps=6):
        theirs = ClientCheckpoint.model_validate_json(ours.model_dump_json())
        assert theirs.to_dict() == ours.model_dump(mode="json")


def test_ids_depend_on_job_and_step_alone(run: Path, job: FineTuningJob) -> None:
    ids = [checkpoint.id for checkpoint in list_checkpoints(run, job, total_steps=6)]
    assert ids == [checkpoint_id(job, 6), checkpoint_id(job, 3)]
    assert len(set(ids)) == 2 and all(re.fullmatch("ftchkpt-[0-9a-f]{32}", id) for id in ids)
    assert checkpoint_id(job.model_copy(update={"id": f"ftjob-{HEX[::-1]}"}), 3) not in ids


def test_a_finished_model_is_listed_where_its_checkpoint_was_deleted(run: Path, job: FineTuningJob) -> None:
    (run / "checkpoint-6").rmdir()
    assert [c.step_number for c in list_checkpoints(run, job, total_steps=6)] == [3]
    done = job.moved("running").moved("succeeded")
    assert [c.step_number for c in list_checkpoints(run, done, total_steps=6)] == [6, 3]
