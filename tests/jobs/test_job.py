"""The job object: its fields, its names, and the moves of its status."""

from __future__ import annotations

from pathlib import Path

import pytest
from openai.types.fine_tuning import FineTuningJob as ClientJob
from runs import plan_for, write_chats

from localft.jobs.job import (
    LEGAL_MOVES,
    FineTuningJob,
    JobError,
    data_file_id,
    fine_tuned_model_name,
    new_job,
    short_model_name,
)

HEX = "0123456789abcdef" * 2


@pytest.fixture
def job(tmp_path: Path) -> FineTuningJob:
    return new_job(plan_for(tmp_path, suffix="travel"), hex=HEX, now=1_700_000_000.9)


def test_fields_stand_in_the_order_of_the_specification(job: FineTuningJob) -> None:
    assert list(job.model_dump()) == [
        "id",
        "object",
        "created_at",
        "finished_at",
        "estimated_finish",
        "model",
        "fine_tuned_model",
        "status",
        "training_file",
        "validation_file",
        "result_files",
        "hyperparameters",
        "method",
        "trained_tokens",
        "seed",
        "error",
        "organization_id",
        "integrations",
        "metadata",
        "suffix",
        "user_provided_suffix",
    ]


def test_a_new_job_is_queued_and_has_resolved_numbers_in_place_of_auto(tmp_path: Path) -> None:
    write_chats(tmp_path / "train.jsonl", 101)
    auto = {"batch_size": "auto", "n_epochs": -1, "learning_rate_multiplier": None}
    plan = plan_for(tmp_path, hyperparameters=auto, seed=None)
    job = new_job(plan, hex=HEX, now=1_700_000_000.9)
    assert (job.id, job.status, job.created_at) == (f"ftjob-{HEX}", "queued", 1_700_000_000)
    assert job.hyperparameters.model_dump() == {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0}
    assert job.method.model_dump() == {
        "type": "supervised",
        "supervised": {"hyperparameters": job.hyperparameters.model_dump()},
    }
    assert job.seed == plan.hyperparameters.seed.value
    assert (job.fine_tuned_model, job.trained_tokens, job.finished_at, job.error) == (None, None, None, None)


def test_both_spellings_of_the_suffix_are_given(job: FineTuningJob) -> None:
    assert (job.suffix, job.user_provided_suffix) == ("travel", "travel")


def test_the_same_file_has_the_same_id_in_every_job(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, validation_file=str(write_chats(tmp_path / "valid.jsonl", 10, word="valid")))
    one, other = (new_job(plan, hex=hex, now=0) for hex in (HEX, HEX[::-1]))
    assert one.training_file == other.training_file == data_file_id(plan.training_file.sha256)
    assert plan.validation_file is not None
    assert one.validation_file == f"file-{plan.validation_file.sha256[:32]}"


@pytest.mark.parametrize("status", ["validating_files", "queued", "running", "succeeded", "failed", "cancelled"])
def test_the_official_client_reads_a_job_in_every_state_of_its_own(job: FineTuningJob, status: str) -> None:
    error = JobError(code="training_failed", message="no", param=None) if status == "failed" else None
    ours = job.model_copy(update={"status": status, "error": error, "result_files": [job.results_file]})
    theirs = ClientJob.model_validate_json(ours.model_dump_json(), strict=True)
    assert theirs.to_dict() | ours.model_dump(mode="json") == theirs.to_dict(), "nothing of ours is lost or changed"


def test_the_official_client_passes_the_paused_state_on(job: FineTuningJob) -> None:
    paused = job.model_copy(update={"status": "paused"})
    assert ClientJob.construct(**paused.model_dump(mode="json")).status == "paused"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta-llama/Llama-3.2-1B-Instruct", "Llama-3.2-1B-Instruct"),
        ("phi-4", "phi-4"),
        ("/data/models/My Model/", "My-Model"),
        ("C:\\models\\tiny", "tiny"),
        ("runs/travel/model", "travel"),
        ("../..", "model"),
    ],
)
def test_short_model_name_is_one_safe_word(model: str, name: str) -> None:
    assert short_model_name(model) == name


def test_the_fine_tuned_model_carries_the_hex_of_the_job_and_the_suffix(job: FineTuningJob) -> None:
    assert job.model_name == f"tiny-llama.ft-{HEX}-travel"
    assert fine_tuned_model_name("phi-4", HEX, None) == f"phi-4.ft-{HEX}"


def test_a_second_generation_is_named_after_its_first_base() -> None:
    first = fine_tuned_model_name("phi-4", "0" * 32, "travel")
    assert fine_tuned_model_name(first, HEX, None) == f"phi-4.ft-{HEX}"


def test_a_finished_job_moves_no_more() -> None:
    assert LEGAL_MOVES["succeeded"] == LEGAL_MOVES["cancelled"] == frozenset()


def test_a_failed_job_may_run_again() -> None:
    assert LEGAL_MOVES["failed"] == {"running"}


def test_an_illegal_move_is_an_error_of_ours(job: FineTuningJob) -> None:
    done = job.moved("running").moved("succeeded")
    with pytest.raises(AssertionError, match="cannot move from succeeded to running"):
        done.moved("running")
