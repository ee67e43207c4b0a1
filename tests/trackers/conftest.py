"""A real MLflow server for the tests of the trackers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tracking import PATIENT, no_server


@pytest.fixture(autouse=True)
def _no_settings_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `localft register` sets for its own process is not to be that of the tests which come behind it."""
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server of its own; its address."""
    directory = tmp_path_factory.mktemp("mlflow")
    with no_server() as address:
        port = address.rpartition(":")[2]
    store = f"--backend-store-uri sqlite:///{directory}/mlflow.db --artifacts-destination {directory}"
    command = f"{sys.executable} -m mlflow server --host 127.0.0.1 --port {port} --workers 1 {store}".split()
    light = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **light}
    with (directory / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=directory, env=environment, start_new_session=True
        )
    try:
        _wait_for(f"{address}/health", process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with the workers that it started
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 2 * PATIENT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.2)
