"""What the end of a process means for its job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from localft.jobs.job import JobError
from localft.jobs.last_words import LastWords
from localft.jobs.store import Store, StoredJob
from localft.worker.verdict import End, judge
from stores import Run, request


@pytest.fixture
def job(store: Store) -> StoredJob:
    return store.jobs.create(request(store))


@pytest.fixture
def end(tmp_path: Path) -> End:
    """Of a process that was killed before it did anything."""
    return End(code=-9, words=None, run=None, started_at=100.0, asked=False, reached=0, log=tmp_path / "log")


def words(exit_code: int) -> LastWords:
    return LastWords(exit_code, "invalid_training_file", "line 3", "training_file")


def test_a_run_that_says_it_succeeded_has_whatever_its_process_did_then(job: StoredJob, end: End) -> None:
    run = Run(job).begin().train(1).succeed().job
    assert judge(job, replace(end, run=run)).ending == "succeeded"


def test_last_words_tell_why_a_job_failed(job: StoredJob, end: End) -> None:
    verdict = judge(job, replace(end, code=1, words=words(1)))
    assert verdict.ending == "failed" and verdict.error is not None
    assert (verdict.error.code, verdict.error.message, verdict.error.param) == (
        "invalid_training_file",
        "line 3",
        "training_file",
    )


def test_without_last_words_the_end_of_the_log_is_told(job: StoredJob, end: End) -> None:
    end.log.write_text("Traceback: no such luck\n")
    verdict = judge(job, replace(end, code=70))
    assert verdict.error is not None and verdict.error.message.endswith("log: Traceback: no such luck")


@pytest.mark.parametrize("code", [-9, -11, 137])
def test_a_process_that_fell_over_is_started_again_while_not_two_starts_get_no_further(
    job: StoredJob, end: End, code: int
) -> None:
    further = judge(replace(job, reached=4), replace(end, code=code, reached=5))
    assert further.ending == "queued" and "at step 5; it is started again" in str(further.note)
    forgiven = judge(replace(job, reached=5), replace(end, code=code, reached=5))
    assert forgiven.ending == "queued" and forgiven.is_stuck and "it is started once more" in str(forgiven.note)
    stuck = judge(replace(job, reached=5, stuck=True), replace(end, code=code, reached=5))
    assert stuck.ending == "failed" and stuck.error is not None and stuck.error.code == "training_crashed"


def test_a_stopped_job_is_paused_where_that_was_wished_and_waits_otherwise(job: StoredJob, end: End) -> None:
    run = Run(job).begin().job
    stopped = replace(end, code=75, words=words(75), run=run)
    waits = judge(job, replace(stopped, reached=3))
    assert (waits.ending, waits.note) == ("queued", "The worker was stopped at step 3; the job waits to go on.")
    paused = judge(replace(job, wish="pause"), replace(stopped, reached=3))
    assert (paused.ending, paused.note) == ("paused", "Job paused at step 3; resume it to go on.")
    assert judge(replace(job, wish="pause"), replace(stopped, run=None)).ending == "queued", "nothing to go on from"


def test_a_training_that_could_not_save_before_it_stopped_has_failed_and_one_that_fell_over_is_paused_as_wished(
    job: StoredJob, end: End
) -> None:
    run = Run(job).begin().train(1).job
    wished = replace(job, wish="pause")
    full = LastWords(1, "disk_full", "the disk is full", None)
    failed = judge(wished, replace(end, code=1, words=full, run=run, asked=True))
    assert failed.ending == "failed" and failed.error is not None and failed.error.code == "disk_full"
    assert judge(wished, replace(end, run=run)).ending == "paused"


def test_a_job_that_was_found_dead_waits_again_unless_its_run_has_failed_since_it_was_started(
    job: StoredJob, end: End
) -> None:
    found = replace(end, code=None)
    assert judge(job, found).ending == "queued"
    run = Run(job).begin().train(1).job
    failed = run.moved("failed", finished_at=101, error=JobError(code="disk_full", message="full"))
    assert judge(job, replace(found, run=failed)).ending == "failed"
    assert judge(job, replace(found, run=failed, started_at=200.0)).ending == "queued", "that was an earlier start"
