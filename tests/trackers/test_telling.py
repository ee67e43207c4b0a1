"""Runs that are shown in trackers: what a run waits for, what the user hears, and what is said before it begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from openai.types.fine_tuning import FineTuningJob as ClientJob

from localft.errors import MissingExtra
from localft.jobs.run_directory import RunDirectory
from localft.runner import run_job
from localft.trackers import Trackers, telling
from runs import FakeEngine, plan_for, request_for, step_metrics
from tracking import warnings_of


def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Puts a program into the place of the trackers' own process."""
    monkeypatch.setattr(telling, "_CHILD", program)


def trackers_of(directory: Path) -> Trackers:
    plan = plan_for(directory, integrations=["tensorboard", "trackio"])
    (directory / "run").mkdir()
    return Trackers(RunDirectory(directory / "run"), plan, job="ftjob-1", resume_step=0)


def test_a_run_waits_five_seconds_at_most_for_all_its_trackers_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert telling.END_SECONDS == 4
    stand_in(monkeypatch, "import sys; sys.stdin.read(); import time; time.sleep(60)")
    waits: list[float | None] = []
    wait = threading.Event.wait

    def counted(event: threading.Event, timeout: float | None = None) -> bool:
        waits.append(timeout)
        return wait(event, 0.01 if timeout else timeout)

    trackers = trackers_of(tmp_path)
    trackers(step_metrics(1))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Event, "wait", counted)
        trackers.end("succeeded")
    assert len(waits) == 2 and all(seconds is not None and seconds <= 5 for seconds in waits)
    assert [notice.level for notice in trackers.notices()] == ["warn", "warn"]


def test_a_process_that_takes_nothing_never_blocks_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "import time; time.sleep(600)")
    monkeypatch.setattr(telling, "QUEUED_LINES", 1000)
    trackers = trackers_of(tmp_path)
    for step in range(1, 5001):  # more than a pipe and the queue hold
        trackers(step_metrics(step, total_steps=5000))
    trackers.end("succeeded", wait=False)
    assert [notice.message for notice in trackers.notices()] == [
        f"{title}: it takes nothing, so it is told no more. results.csv has every step."
        for title in ("TensorBoard", "trackio")
    ]
    for teller in trackers._tellers:
        assert teller._process.wait(60) != 0, "it is ended, as nothing would ever end it"


def test_a_process_that_dies_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "import sys; sys.exit(3)")
    monkeypatch.setattr(telling, "END_SECONDS", 120.0)
    request = request_for(tmp_path, integrations=["tensorboard"])
    assert run_job(request, engine=FakeEngine()).status == "succeeded"
    assert warnings_of(tmp_path / "run") == [
        "TensorBoard: its process ended with code 3; its log says why. results.csv has every step."
    ]


def test_a_stop_at_once_waits_for_no_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "import time; time.sleep(60)")
    trackers = trackers_of(tmp_path)
    began = time.monotonic()
    trackers.end("paused", wait=False)
    assert time.monotonic() - began < 5
    assert list(trackers.notices()) == []


def test_a_package_that_is_not_installed_is_told_before_the_job_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"trackio, wandb, and those packages are .*localft\[trackio,wandb\]"):
        run_job(request_for(tmp_path, integrations=["trackio", "wandb"]), engine=FakeEngine())
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on_with_other_trackers_and_its_job_names_them(tmp_path: Path) -> None:
    engine = FakeEngine(after_step=_stop_at(4))
    with pytest.raises(RuntimeError):
        run_job(request_for(tmp_path), engine=engine)
    run = RunDirectory(tmp_path / "run")
    assert run.read_job().integrations is None

    changed = request_for(tmp_path, integrations=["tensorboard"])
    assert run_job(changed, engine=engine).status == "succeeded"
    assert engine.resumed_from == [None, "checkpoint-3"]
    assert [integration.type for integration in run.read_plan().integrations] == ["tensorboard"]
    assert [integration.type for integration in run.read_job().integrations or ()] == ["tensorboard"]


def test_trackers_are_no_part_of_the_meaning(tmp_path: Path) -> None:
    plain, tracked = plan_for(tmp_path), plan_for(tmp_path, integrations=["mlflow", "wandb"])
    assert plain.meaning_fingerprint() == tracked.meaning_fingerprint()
    assert tracked.differences(plain) == []


def test_the_official_client_reads_the_job_of_a_run_in_wandb(tmp_path: Path) -> None:
    from localft.jobs.job import new_job

    wandb = {"type": "wandb", "wandb": {"project": "travel", "tags": ["first"]}}
    job = new_job(plan_for(tmp_path, integrations=[wandb]), hex="0" * 32, now=0)
    read = ClientJob.model_validate_json(job.model_dump_json(), strict=True)
    assert read.integrations is not None
    assert (read.integrations[0].type, read.integrations[0].wandb.project) == ("wandb", "travel")


def _stop_at(step: int) -> Callable[[int], None]:
    stopped: list[int] = []

    def after(done: int) -> None:
        if done == step and not stopped:
            stopped.append(done)
            raise RuntimeError("a crash")

    return after
