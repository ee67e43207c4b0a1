"""MLflow: one run, through the client alone and within the limits of Azure ML's server.

Those are, beside the sizes below, 50 metric names a run (there are six) and 250 metrics a call (see `delivery`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localft.jobs.registration import JOB_TAG
from localft.trackers.delivery import Opening, Row, Started, Status
from localft.trackers.mlflow_store import experiment_id, store_uri
from localft.trackers.secrets import without_secrets

MOST_PARAMETERS = 100
LONGEST_VALUE = 250
_ENDS = {"succeeded": "FINISHED", "paused": "KILLED", "failed": "FAILED"}


class MlflowRun:
    """A run on the server of MLFLOW_TRACKING_URI, or in a SQLite database where that is not set.

    Where MLFLOW_RUN_ID is set, as in a job of Azure ML, that run is taken, and whoever made it ends it.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._home = Path(opening.home)
        self._notes = opening.notes()
        self._given = os.environ.get("MLFLOW_RUN_ID")
        self._store = store_uri(self._home)
        self._run_id = ""
        self._client: Any = None

    def start(self) -> Started:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=self._store)
        run = self._earlier_run() or self._new_run()
        self._run_id = run.info.run_id
        was_told = self._notes.get("run_id") == self._run_id
        self._notes.write(run_id=self._run_id, store=_told(self._store))
        self._log_parameters(known=run.data.params)
        last_step = self._last_step() if was_told else 0
        return Started(f"run {self._run_id} at {_told(self._store)}", last_step)

    def log(self, rows: Sequence[Row]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(row.time * 1000), row.step) for row in rows for name, value in row.metrics.items()
        ]
        self._client.log_batch(self._run_id, metrics=metrics, synchronous=True)

    def end(self, status: Status) -> None:
        if self._given is None:
            self._client.set_terminated(self._run_id, _ENDS[status])

    def _earlier_run(self) -> Any | None:
        """The run that the environment gives, or the one that this run directory began with on the same server."""
        if self._given is not None:
            return self._client.get_run(self._given)
        begun = self._notes.get("run_id")
        if begun is None or self._notes.get("store") != _told(self._store):
            return None
        self._client.update_run(begun, status="RUNNING")
        return self._client.get_run(begun)

    def _new_run(self) -> Any:
        settings = self._opening.settings
        experiment = experiment_id(self._client, settings["experiment"], self._home)
        return self._client.create_run(experiment, run_name=settings["name"], tags={JOB_TAG: self._opening.job})

    def _log_parameters(self, known: dict[str, str]) -> None:
        """Those that the run does not have yet: MLflow takes no second value, and a continued run may have other ones."""
        from mlflow.entities import Param

        values = list(self._opening.parameters.items())[:MOST_PARAMETERS]
        new = [Param(name, str(value)[:LONGEST_VALUE]) for name, value in values if name not in known]
        if new:
            self._client.log_batch(self._run_id, params=new, synchronous=True)

    def _last_step(self) -> int:
        """The last step that the server has, so that a step trained again after a kill has one value only."""
        history = self._client.get_metric_history(self._run_id, "train_loss")
        return max((metric.step for metric in history), default=0)


def _told(uri: str) -> str:
    """The address without user and password, and without what follows a question mark."""
    return without_secrets(uri).partition("?")[0]
