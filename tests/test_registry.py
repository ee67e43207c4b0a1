"""A finished run as a version of a registered model: a real MLflow server and its real client."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from localft.errors import RegistrationFailed, UsageError
from localft.jobs.registration import JOB_TAG, FinishedRun, finished_run
from localft.jobs.results import read_results
from localft.registry import register_model
from localft.runner import run_job
from runs import FakeEngine, request_for

pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run whose model is made up, and everything else real."""
    directory = tmp_path_factory.mktemp("run")
    outcome = run_job(request_for(directory, suffix="travel"), engine=FakeEngine())
    assert outcome.run_directory is not None
    return finished_run(Path(outcome.run_directory))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an MLflow server of its own."""
    directory = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{directory / 'mlflow.db'}", "--artifacts-destination", str(directory / "files")],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.25)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with its workers
        process.wait(60)


def test_the_model_is_registered_with_its_files_its_metrics_and_where_it_comes_from(
    run: FinishedRun, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts

    registered = register_model(run, "travel", server)
    assert (registered.version, registered.was_there) == ("1", False)
    client = MlflowClient(tracking_uri=server)
    version = client.get_model_version("travel", "1")
    assert version.tags == run.tags()
    assert version.tags[JOB_TAG] == run.job.id and version.tags["base_model"] == "localft/tiny-llama"
    assert version.run_id == registered.run_id and "train.jsonl (12 examples)" in version.description
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    fetched = Path(download_artifacts("models:/travel/1", dst_path=str(tmp_path)))
    ours = run.directory.model
    assert {file.name for file in ours.iterdir()} <= {file.name for file in fetched.iterdir()}
    assert (fetched / "adapter_model.safetensors").read_bytes() == (ours / "adapter_model.safetensors").read_bytes()
    rows = read_results(run.directory.results_file)
    history = client.get_metric_history(registered.run_id, "train_loss")
    assert [(metric.step, metric.value) for metric in history] == [
        (row.step, row.metrics["train_loss"]) for row in rows
    ]


def test_a_job_is_registered_once_under_a_name(run: FinishedRun, server: str) -> None:
    first = register_model(run, "once", server)
    again = register_model(run, "once", server)
    assert again.was_there and (again.version, again.run_id) == (first.version, first.run_id)


def test_the_files_go_to_the_run_in_which_the_training_was_tracked(run: FinishedRun, server: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server)
    experiment = client.create_experiment("tracked")
    for found in client.search_runs([e.experiment_id for e in client.search_experiments()]):
        client.delete_tag(found.info.run_id, JOB_TAG)
    tracked = client.create_run(experiment, tags={JOB_TAG: run.job.id})
    assert register_model(run, "attached", server).run_id == tracked.info.run_id


def test_a_server_that_is_not_there_is_one_sentence(run: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(
        RegistrationFailed, match=r"could not be registered at http://127\.0\.0\.1:9: .*refused"
    ) as error:
        register_model(run, "travel", "http://alice:s3cret@127.0.0.1:9")
    assert "s3cret" not in str(error.value)


def test_a_name_may_hold_an_apostrophe(run: FinishedRun, server: str) -> None:
    assert not register_model(run, "o'brien", server).was_there
    assert register_model(run, "o'brien", server).was_there


def test_the_default_name_is_that_of_base_model_and_suffix(run: FinishedRun) -> None:
    assert run.default_name == "tiny-llama-travel"


def test_a_run_that_has_not_succeeded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected the directory of a finished run, found none"):
        finished_run(tmp_path / "nowhere")

    def stop(step: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(Exception, match="stopped at once"):
        run_job(request_for(tmp_path), engine=FakeEngine(after_step=stop))
    with pytest.raises(UsageError, match="expected a run that succeeded, found one that is paused"):
        finished_run(tmp_path / "run")
