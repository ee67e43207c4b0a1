"""Real trainings of the tiny model in all trackers at once: what each holds is what results.csv holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import localft
from localft import settings
from localft.jobs.events import read_events
from localft.jobs.results import read_results
from localft.jobs.run_directory import RunDirectory
from localft.recipe import request_from
from localft.runner import run_job
from localft.trackers import telling
from runs import FakeEngine, request_for, write_chats
from tracking import (
    PATIENT,
    Points,
    points_of_mlflow,
    points_of_results,
    points_of_tensorboard,
    points_of_wandb,
    warnings_of,
)

ALL = [
    "mlflow",
    "tensorboard",
    {"type": "trackio", "trackio": {"project": "travel"}},
    {"type": "wandb", "wandb": {"project": "travel", "tags": ["first"]}},
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that the trackers keep is below the test's directory, and a run waits for them."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(telling, "END_SECONDS", PATIENT)
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(place: Path, store: str | None = None) -> dict[str, Points]:
    """What each tracker holds of the run; MLflow's store is localft's own where none is given."""
    run = place / "run"
    job = RunDirectory(run).read_job()
    notes = json.loads((run / "trackers" / "mlflow" / "notes.json").read_text())
    return {
        "mlflow": points_of_mlflow(store or f"sqlite:///{place}/home/mlflow/mlflow.db", notes["run_id"]),
        "tensorboard": points_of_tensorboard(run),
        "trackio": points_of_trackio(place / "trackio", job.id),
        "wandb": points_of_wandb(run),
    }


def points_of_trackio(directory: Path, run: str) -> Points:
    """What is in the local database, read without the library."""
    import sqlite3

    found: Points = {}
    with sqlite3.connect(directory / "travel.db") as database:
        for step, metrics in database.execute("SELECT step, metrics FROM metrics WHERE run_name = ?", [run]):
            for name, value in json.loads(metrics).items():
                assert (step, name) not in found, "a step is told once"
                found[step, name] = value
    return found


def in_float32(points: Points) -> Points:
    """As TensorBoard's files hold numbers."""
    return {point: float(np.float32(value)) for point, value in points.items()}


def agree(found: dict[str, Points], expected: Points) -> None:
    assert found.pop("tensorboard") == in_float32(expected)
    for name, points in found.items():
        assert points == expected, name


def test_every_tracker_holds_the_rows_of_a_real_training(
    place: Path, mlflow_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    write_chats(place / "train.jsonl")
    write_chats(place / "valid.jsonl", word="valid")
    request = request_from(
        {
            "model": "localft/tiny-llama",
            "training_file": "train.jsonl",
            "validation_file": "valid.jsonl",
            "seed": 7,
            "method": {"supervised": {"hyperparameters": {"batch_size": 4, "n_epochs": 2}}},
            "integrations": ALL,
            "output_dir": "run",
        }
    )
    assert run_job(request).status == "succeeded"
    expected = points_of_results(place / "run")
    assert {name for _, name in expected} >= {"train_loss", "valid_loss", "full_valid_mean_token_accuracy"}
    assert warnings_of(place / "run") == []
    agree(held(place, mlflow_server), expected)
    said = [event.message for event in read_events(place / "run" / "events.jsonl")]
    (command,) = [message.split("`")[1] for message in said if message.startswith("W&B: offline")]
    assert list(Path(command.removeprefix("wandb sync ")).glob("run-*.wandb")), "what is sent lies there"


def test_a_run_that_is_continued_goes_on_in_the_same_runs_and_tells_no_step_twice(place: Path) -> None:
    request = request_for(place, integrations=ALL)
    with pytest.raises(RuntimeError):
        run_job(request, engine=FakeEngine(after_step=_crash_at(5)))
    engine = FakeEngine()
    assert run_job(request, engine=engine).status == "succeeded"
    assert engine.resumed_from == ["checkpoint-3"], "steps 4 and 5 are trained twice"
    agree(held(place), points_of_results(place / "run"))
    assert warnings_of(place / "run") == []


KILLED = """
import os, signal, sys, time
from pathlib import Path
from localft.runner import run_job
from runs import FakeEngine, request_for

def after(step):
    if step == 5:
        time.sleep(0.5)  # for the queues; the trackers' processes are still at their imports
        os.kill(os.getpid(), signal.SIGKILL)

run_job(request_for(Path(sys.argv[1]), integrations=["mlflow", "tensorboard"]), engine=FakeEngine(after_step=after))
"""


def test_a_run_that_was_killed_is_taken_up_when_the_processes_it_left_have_ended(place: Path) -> None:
    here = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(Path(localft.__file__).parent.parent)])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(place)], env=environment, timeout=PATIENT, check=False)
    assert killed.returncode == -signal.SIGKILL
    request = request_for(place, integrations=["mlflow", "tensorboard"])
    assert run_job(request, engine=FakeEngine()).status == "succeeded"
    expected = points_of_results(place / "run")
    notes = json.loads((place / "run" / "trackers" / "mlflow" / "notes.json").read_text())
    assert points_of_mlflow(f"sqlite:///{place}/home/mlflow/mlflow.db", notes["run_id"]) == expected
    assert points_of_tensorboard(place / "run") == in_float32(expected)


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "trackio", "wandb"])
def test_a_tracker_that_cannot_be_had_is_one_warning(place: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError):
        run_job(request_for(place), engine=FakeEngine(after_step=_crash_at(1)))
    in_the_way = place / "run" / "tensorboard"
    in_the_way.write_text("a file, where a directory is expected")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{in_the_way}/mlflow.db")
    monkeypatch.setenv("TRACKIO_DIR", str(in_the_way))
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("HOME", str(place))  # no key in ~/.netrc
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert run_job(request_for(place, integrations=[name]), engine=FakeEngine()).status == "succeeded"
    assert len(warnings_of(place / "run")) == 1
    assert len(read_results(place / "run" / "results.csv")) == 6


def _crash_at(step: int) -> Callable[[int], None]:
    def after(done: int) -> None:
        if done == step:
            raise RuntimeError("a crash")

    return after
