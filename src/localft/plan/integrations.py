"""The trackers that a training is shown in, in the form of the job object's `integrations`.

The service knows `wandb` alone; the others have the same form. They belong to the execution: what a tracker is told never
changes what is trained, so a run may go on with other trackers than it began with.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from localft import settings
from localft.plan.strict import Strict

TrackerName = Literal["mlflow", "tensorboard", "trackio", "wandb"]


class WandbSettings(Strict):
    """A run of Weights & Biases. Its id is the job's."""

    project: str = Field(default_factory=lambda: settings.tracker_project("WANDB_PROJECT"), min_length=1)
    """Project of the run. By default WANDB_PROJECT, or localft."""
    name: str | None = None
    """Name shown for the run; null: the job's id."""
    entity: str | None = None
    """User or team; null: the one that the API key belongs to."""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=50, strict=False
    )
    """Tags of the run."""


class WandbIntegration(Strict):
    """Weights & Biases."""

    type: Literal["wandb"]
    """Name of the tracker."""
    wandb: WandbSettings = Field(default_factory=WandbSettings)
    """Settings of its run."""


class MlflowSettings(Strict):
    """A run of MLflow. MLFLOW_TRACKING_URI names the server; without it the run goes to a database in LOCALFT_HOME."""

    experiment: str = Field(default_factory=lambda: settings.tracker_project("MLFLOW_EXPERIMENT_NAME"), min_length=1)
    """Experiment of the run. By default MLFLOW_EXPERIMENT_NAME, or localft."""
    name: str | None = None
    """Name shown for the run; null: the job's id."""


class MlflowIntegration(Strict):
    """MLflow."""

    type: Literal["mlflow"]
    """Name of the tracker."""
    mlflow: MlflowSettings = Field(default_factory=MlflowSettings)
    """Settings of its run."""


class TensorboardIntegration(Strict):
    """TensorBoard's event files, in the run directory."""

    type: Literal["tensorboard"]
    """Name of the tracker."""


class TrackioSettings(Strict):
    """A run in trackio's local database."""

    project: str = Field(default="localft", min_length=1)
    """Project of the run."""
    name: str | None = None
    """Name shown for the run; null: the job's id."""


class TrackioIntegration(Strict):
    """trackio."""

    type: Literal["trackio"]
    """Name of the tracker."""
    trackio: TrackioSettings = TrackioSettings()
    """Settings of its run."""


_EXPECTED = (
    "expected mlflow, tensorboard, trackio or wandb, or settings such as {type: wandb, wandb: {project: travel}}"
)


def _kind(value: Any) -> str | None:
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"integration-{name}" if name in get_args(TrackerName) else None


def _named(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in get_args(TrackerName):
        near = difflib.get_close_matches(value.lower(), get_args(TrackerName), n=1)
        raise PydanticCustomError("setting", f"{_EXPECTED}; the nearest is {near[0]}" if near else _EXPECTED)
    return {"type": value}


def _listed(value: object) -> object:
    if value is None or value == "none":
        return ()
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(","))
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("setting", "expected a list of trackers such as [mlflow, tensorboard], or none")
    return tuple(value)


def _each_once(integrations: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [integration.type for integration in integrations]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PydanticCustomError(
            "combination",
            "integrations names {twice} more than once; give each tracker once",
            {"twice": ", ".join(twice)},
        )
    return integrations


_Object = Annotated[
    Annotated[MlflowIntegration, Tag("integration-mlflow")]
    | Annotated[TensorboardIntegration, Tag("integration-tensorboard")]
    | Annotated[TrackioIntegration, Tag("integration-trackio")]
    | Annotated[WandbIntegration, Tag("integration-wandb")],
    Discriminator(_kind, custom_error_type="setting", custom_error_message=_EXPECTED),
]
Integration = Annotated[_Object, BeforeValidator(_named, json_schema_input_type=TrackerName | _Object)]
Integrations = Annotated[
    tuple[Integration, ...],
    BeforeValidator(_listed, json_schema_input_type=list[Integration] | TrackerName | Literal["none"] | None),
    AfterValidator(_each_once),
]
"""Trackers by name or with settings; a flag separates names by commas."""
