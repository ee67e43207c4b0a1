"""MLflow: servers that misbehave, the limits of Azure ML's server, and a real one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localft import settings
from localft.progress import TrainingOutcome
from localft.runner import run_job
from localft.trackers import telling
from localft.trackers.delivery import Opening
from localft.trackers.mlflow_run import MlflowRun
from runs import FakeEngine, request_for
from tracking import (
    PATIENT,
    SmallMlflowServer,
    http_server,
    no_server,
    points_of_mlflow,
    points_of_results,
    silent_server,
    warnings_of,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a run wait for its trackers until they are done, however slow the machine."""
    monkeypatch.setattr(telling, "END_SECONDS", PATIENT)


def train(directory: Path, engine: FakeEngine | None = None, **changes: object) -> TrainingOutcome:
    request = request_for(directory, integrations=["mlflow"], **changes)
    return run_job(request, engine=engine or FakeEngine())


# --- servers that misbehave


def test_a_server_that_never_answers_neither_stops_nor_slows_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[float] = []
    for name in ("__init__", "__call__", "end"):
        original = getattr(telling.Trackers, name)

        def timed(*arguments: object, original: object = original, **more: object) -> None:
            began = time.monotonic()
            original(*arguments, **more)  # type: ignore[operator]
            spent.append(time.monotonic() - began)

        monkeypatch.setattr(telling.Trackers, name, timed)
    with silent_server() as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert train(tmp_path).status == "succeeded"
    assert len(points_of_results(tmp_path / "run")) == 12
    assert len(warnings_of(tmp_path / "run")) == 1
    assert len(spent) > 6 and sum(spent) < telling.END_SECONDS + 10  # the rest is for a machine that is busy


@pytest.mark.usefixtures("waits")
def test_a_server_that_is_down_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with no_server() as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("://", "://alice:s3cret@"))
        assert train(tmp_path).status == "succeeded"
    (warning,) = warnings_of(tmp_path / "run")
    assert warning.startswith("MLflow: ") and "The training goes on without it" in warning and "refused" in warning
    kept = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert kept == [], "the run directory may be shown to others"


@pytest.mark.usefixtures("waits")
def test_a_server_that_answers_500_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SmallMlflowServer()
    server.fails = True
    with http_server(server) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert train(tmp_path).status == "succeeded"
    assert len(warnings_of(tmp_path / "run")) == 1


@pytest.mark.usefixtures("waits")
def test_a_server_that_comes_back_gets_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SmallMlflowServer()
    server.fails = True
    refused: list[str] = []

    def answer(path: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        refused.append(path)
        server.fails = len(refused) <= 2  # one call and its repetition
        return server(path, body)

    with http_server(answer) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert train(tmp_path).status == "succeeded"
    assert len(warnings_of(tmp_path / "run")) == 1
    assert points_of(server) == points_of_results(tmp_path / "run")
    assert server.status == "FINISHED"


def points_of(server: SmallMlflowServer) -> dict[tuple[int, str], float]:
    return {(int(entry["step"]), entry["key"]): entry["value"] for entry in server.metrics}


# --- limits


@pytest.mark.usefixtures("waits")
def test_a_server_that_takes_200_parameters_gets_no_more_than_100(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = SmallMlflowServer(most_parameters=200)
    with http_server(server) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert train(tmp_path).status == "succeeded"
        assert warnings_of(tmp_path / "run") == []
        assert 20 < len(server.parameters) <= 100 and server.parameters["batch_size"] == "4"

        opening = Opening(
            integration={"type": "mlflow", "mlflow": {"experiment": "localft", "name": None}},
            run_directory=str(tmp_path / "other"),
            home=str(tmp_path),
            job="ftjob-1",
            resume_step=0,
            parameters={f"p{number}": "x" * 1000 for number in range(300)},
        )
        (tmp_path / "other" / "trackers" / "mlflow").mkdir(parents=True)
        server.parameters.clear()
        MlflowRun(opening).start()
    assert len(server.parameters) == 100
    assert {len(value) for value in server.parameters.values()} == {250}


@pytest.mark.usefixtures("waits")
def test_a_long_run_is_told_in_calls_of_250_metrics_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SmallMlflowServer()
    with http_server(server) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        train(tmp_path, hyperparameters={"n_epochs": 50})  # 150 steps of an engine that takes no time
    assert max(server.sizes) <= 250
    assert points_of(server) == points_of_results(tmp_path / "run")


# --- where a run goes


@pytest.mark.usefixtures("waits")
def test_without_a_server_the_run_goes_to_a_database_of_localft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    crash = _crash_at(5)
    with pytest.raises(RuntimeError):
        train(tmp_path, FakeEngine(after_step=crash))
    train(tmp_path, FakeEngine())

    from mlflow import MlflowClient

    store = f"sqlite:///{tmp_path}/home/mlflow/mlflow.db"
    client = MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("localft")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["seed"] == "7"
    assert run.data.tags["localft.job"] == run.info.run_name
    assert points_of_mlflow(store, run.info.run_id) == points_of_results(tmp_path / "run")
    assert not (tmp_path / "mlruns").exists() and not (tmp_path / "mlflow.db").exists()
    assert settings.home() == tmp_path / "home"


def _crash_at(step: int) -> Callable[[int], None]:
    def after(done: int) -> None:
        if done == step:
            raise RuntimeError("a crash")

    return after


@pytest.mark.usefixtures("waits")
def test_a_run_that_is_given_by_the_environment_is_taken_and_left_open(
    tmp_path: Path, mlflow_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    client = MlflowClient(tracking_uri=mlflow_server)
    given = client.create_run(client.create_experiment("given")).info.run_id
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    with pytest.raises(RuntimeError):
        train(tmp_path, FakeEngine(after_step=_crash_at(5)))
    train(tmp_path)
    assert points_of_mlflow(mlflow_server, given) == points_of_results(tmp_path / "run")
    assert client.get_run(given).info.status == "RUNNING"


def test_a_user_and_a_password_in_the_address_are_kept_to_oneself() -> None:
    from localft.trackers.mlflow_run import _told

    assert _told("https://me:secret@host:5000/path?token=1") == "https://host:5000/path"
    assert _told("sqlite:////home/me/mlflow.db") == "sqlite:////home/me/mlflow.db"
