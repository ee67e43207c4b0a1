"""`localft register`: the model of a finished run as a version of a registered model in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from localft import settings


def register(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a finished run.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--name", help="Of the registered model; by default the base model's and the suffix.")
    ] = None,
    mlflow: Annotated[
        str | None,
        typer.Option(
            "--mlflow",
            metavar="URI",
            help="Server or store; by default that of MLFLOW_TRACKING_URI, else the database in LOCALFT_HOME.",
        ),
    ] = None,
) -> None:
    """Register the model of a finished run in MLflow, as the next version of a registered model.

    The files go to the MLflow run in which the training was tracked, else to a new one with the metrics of results.csv. A run
    that is registered already stays as it is. `localft azure model` is for Azure ML.
    """
    from localft.jobs.registration import finished_run
    from localft.registry import register_model
    from localft.trackers.mlflow_store import store_uri

    finished = finished_run(run)
    registered = register_model(finished, name or finished.default_name, mlflow or store_uri(settings.home()))
    before = " already" if registered.was_there else ""
    typer.echo(f"{finished.job.id} is{before} version {registered.version} of {registered.name}")
    typer.echo(f"  MLflow run {registered.run_id}; load the files with models:/{registered.name}/{registered.version}")
