"""A finished run as a version of a registered model in MLflow.

The model's files are logged as artifacts of an MLflow run and the version points to them. MLflow's own `log_model` is not used:
it stores a "logged model" first, which older servers, Azure ML's among them, do not have.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from localft import settings
from localft.errors import RegistrationFailed
from localft.jobs.registration import JOB_TAG, FinishedRun
from localft.jobs.results import read_results
from localft.trackers.delivery import BATCH_METRICS
from localft.trackers.mlflow_store import experiment_id
from localft.trackers.secrets import without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "localft"
ARTIFACTS = "model"
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is down is told of within a minute
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True)
class Registered:
    """A version of a registered model."""

    name: str
    version: str
    run_id: str
    """MLflow run that holds the files."""
    was_there: bool
    """Whether the job had been registered before, so that nothing was done."""


def register_model(run: FinishedRun, name: str, uri: str) -> Registered:
    """Registers the run's model at the MLflow server, or the store, of `uri`; a job that is registered there stays as it is.

    The files go to the MLflow run that tracked the training, where there is one, else to a new run with the metrics of
    results.csv. Raises RegistrationFailed.
    """
    for variable, value in _SETTINGS.items():
        os.environ.setdefault(variable, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for talkative in ("mlflow", "alembic"):  # on a new database
        logging.getLogger(talkative).setLevel(logging.WARNING)

    try:
        client = MlflowClient(tracking_uri=uri)
        earlier = _version_of(client, name, run.job.id)
        if earlier is not None:
            return Registered(name, str(earlier.version), str(earlier.run_id), was_there=True)
        mlflow_run = _tracked_run(client, run.job.id) or _new_run(client, run)
        client.log_artifacts(mlflow_run.info.run_id, str(run.directory.model), ARTIFACTS)
        _make_model(client, name)
        version = client.create_model_version(
            name,
            source=f"{mlflow_run.info.artifact_uri}/{ARTIFACTS}",
            run_id=mlflow_run.info.run_id,
            tags=run.tags(),
            description=run.description,
        )
    except (MlflowException, OSError) as error:
        said = without_secrets(" ".join(str(error).split()))[:500]
        place = without_secrets(uri)
        raise RegistrationFailed(f"{run.directory.path} could not be registered at {place}: {said}") from error
    return Registered(name, str(version.version), mlflow_run.info.run_id, was_there=False)


def _make_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version_of(client: MlflowClient, name: str, job: str) -> Any | None:
    """The version that was made of this job. Tags are looked at here: not every server can search by them."""
    quote = '"' if "'" in name else "'"
    found = client.search_model_versions(f"name={quote}{name}{quote}")
    return next((version for version in found if version.tags.get(JOB_TAG) == job), None)


def _tracked_run(client: MlflowClient, job: str) -> Any | None:
    """The MLflow run that the training was shown in."""
    experiments: list[str] = []
    page = client.search_experiments()
    while True:
        experiments += [experiment.experiment_id for experiment in page]
        if not page.token:
            break
        page = client.search_experiments(page_token=page.token)
    found = client.search_runs(experiments, filter_string=f"tags.`{JOB_TAG}` = '{job}'", max_results=1)
    return found[0] if found else None


def _new_run(client: MlflowClient, run: FinishedRun) -> Any:
    from mlflow.entities import Metric

    experiment = experiment_id(client, EXPERIMENT, settings.home())
    made = client.create_run(experiment, run_name=run.job.model_name, tags={JOB_TAG: run.job.id})
    now = int((run.job.finished_at or run.job.created_at) * 1000)
    metrics = [
        Metric(name, value, now, row.step)
        for row in read_results(run.directory.results_file)
        for name, value in row.metrics.items()
    ]
    for begins in range(0, len(metrics), BATCH_METRICS):
        client.log_batch(made.info.run_id, metrics=metrics[begins : begins + BATCH_METRICS])
    client.set_terminated(made.info.run_id)
    return made
