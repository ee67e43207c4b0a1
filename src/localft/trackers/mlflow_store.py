"""Where MLflow keeps the runs of this machine: the server of MLFLOW_TRACKING_URI, else a database and files in LOCALFT_HOME."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SERVER = "MLFLOW_TRACKING_URI"


def store_uri(home: Path) -> str:
    """The server or the database; makes the directory that a database needs."""
    if server := os.environ.get(_SERVER):
        return server
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "mlflow").mkdir(exist_ok=True)
    return f"sqlite:///{(home / 'mlflow' / 'mlflow.db').as_posix()}"


def experiment_id(client: MlflowClient, name: str, home: Path) -> str:
    """The experiment of that name, made where there is none yet."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    artifacts = None if os.environ.get(_SERVER) else (home / "mlflow" / "artifacts").as_uri()
    try:
        return str(client.create_experiment(name, artifact_location=artifacts))
    except MlflowException:  # another run made it just now, or it cannot be made
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)
