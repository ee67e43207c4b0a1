"""The Azure ML sweep job of a command job and a grid: the same job, its command told what Azure tries.

Azure takes every combination (`sampling_algorithm: grid`), runs the command once for each, and reads full_valid_loss from
MLflow. Each trial has an output of its own, at Azure's default place: a path that is written out might be one for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localft.azure.addresses import is_cloud_path
from localft.azure.job import OUTPUT, expression
from localft.azure.job_file import JobFile
from localft.errors import UsageError
from localft.hyperparameters import resolve_seed
from localft.plan import TrainingRequest
from localft.sweep.grid import Axis, Point, Setting
from localft.sweep.report import METRIC

SCHEMA = "https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json"
_OF_THE_SWEEP = (
    "name",
    "display_name",
    "description",
    "experiment_name",
    "tags",
    "compute",
    "queue_settings",
    "identity",
)
_OF_A_TRIAL = ("code", "environment", "environment_variables", "distribution", "resources")
_FILES = ("training_file", "chat_template")


def recipe_of(job: JobFile) -> Path:
    """The recipe in the code folder of a job that `localft azure job` made."""
    recipes = [training.recipe for training in job.command.trainings if training.recipe]
    if job.values.get("type", "command") != "command" or job.code is None or len(recipes) != 1:
        raise UsageError(
            f"{job.path}: expected a command job with one `-m localft train RECIPE` in its command and a code folder, found "
            f"{len(recipes) if job.code else 'no code folder'}; make one with `localft azure job`."
        )
    return job.code / recipes[0]


def sweep_job(
    job: JobFile, axes: Sequence[Axis], points: Sequence[Point], *, max_concurrent_trials: int | None
) -> dict[str, Any]:
    """The sweep, as the mapping that sweep.yml holds; what the job says and the grid does not vary stays as it is.

    A seed that the job leaves open is drawn here, for all trials.
    """
    values = job.values
    _refuse_unsuited(job, axes, points)
    tried = {axis.flag: list(dict.fromkeys(point.settings[axis.label] for point in points)) for axis in axes}
    inputs = {name: given for name, given in values["inputs"].items() if name not in tried}
    if inputs.get("seed") == "auto":
        inputs["seed"] = int(resolve_seed("auto").value)
    command = _with_mlflow(str(values["command"]).strip(), points[0].request)
    for name, found in tried.items():
        command = with_flag(command, name, expression("search_space", name, quoted=_has_text(found)))
    concurrent = {} if max_concurrent_trials is None else {"max_concurrent_trials": max_concurrent_trials}
    return {
        "$schema": SCHEMA,
        "type": "sweep",
        **_taken(values, _OF_THE_SWEEP),
        "inputs": inputs,
        "outputs": {OUTPUT: {"type": "uri_folder", "mode": "rw_mount"}},
        "sampling_algorithm": "grid",
        "search_space": {name: {"type": "choice", "values": _plain(found)} for name, found in tried.items()},
        "objective": {"goal": "minimize", "primary_metric": METRIC},
        "limits": {"max_total_trials": len(points), **concurrent, **_limits_of_a_trial(values)},
        "trial": {**_taken(values, _OF_A_TRIAL), "command": command},
    }


def with_flag(command: str, name: str, value: str) -> str:
    """The command with the flag set to `value`: in the place of the value that it has, else before --output-dir."""
    flag = f"--{name.replace('_', '-')}"
    changed, times = re.subn(rf'{flag} (?:"[^"]*"|\$\{{\{{[^}}]*\}}\}}|\S+)', lambda _: f"{flag} {value}", command)
    return changed if times else command.replace(" --output-dir", f" {flag} {value} --output-dir", 1)


def _with_mlflow(command: str, request: TrainingRequest) -> str:
    """The command with MLflow switched on where the recipe has no trackers; one that has only others is refused."""
    if any(integration.type == "mlflow" for integration in request.integrations):
        return command
    if request.integrations:
        raise UsageError(
            f"Azure ML reads {METRIC} from MLflow, and the recipe's integrations are without it; add mlflow to them and make the "
            "job anew.",
            param="integrations",
        )
    return with_flag(command, "integrations", "mlflow")


def _taken(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _limits_of_a_trial(values: Mapping[str, Any]) -> dict[str, Any]:
    """What bounds the job bounds each trial."""
    timeout = (values.get("limits") or {}).get("timeout")
    return {} if timeout is None else {"trial_timeout": timeout}


def _has_text(values: Sequence[Setting]) -> bool:
    return any(isinstance(value, str) for value in values)


def _plain(values: Sequence[Setting]) -> list[int | float | str]:
    return ["auto" if value is None else value for value in values]


def _refuse_unsuited(job: JobFile, axes: Sequence[Axis], points: Sequence[Point]) -> None:
    problems = [
        f"--grid {axis.label}: on Azure ML a file is one input of the whole sweep; make a sweep for each file."
        for axis in axes
        if axis.key in _FILES
    ]
    models = dict.fromkeys(str(point.settings["model"]) for point in points if "model" in point.settings)
    problems += [
        f"--grid model: {model} is no hub id, and on Azure ML one input of the whole sweep; make a sweep for it."
        for model in models
        if is_cloud_path(model) or Path(model).expanduser().is_dir()
    ]
    if "validation_file" not in (job.values.get("inputs") or {}):
        problems.append(
            f"{job.path}: a sweep compares its trials by {METRIC}, and the job has no validation_file; make the job anew with "
            "`localft azure job RECIPE --validation-file FILE`."
        )
    if problems:
        raise UsageError("\n".join(problems), problems=tuple(problems))
