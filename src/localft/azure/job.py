"""The Azure ML command job of a recipe: pure functions that give the mapping which job.yml holds.

    inputs = job_inputs(request, directory)
    command = train_command(machines, "travel.yaml", inputs)
    job = command_job(request, recipe="travel.yaml", directory=directory, machines=machines, target=Target("gpu"))
    text = to_yaml(job)

Data files become inputs that Azure uploads and mounts, the model and the four knobs become inputs with the recipe's values,
and the run directory is an output on the workspace's storage. Every job goes on with the run that it finds there: a preempted
one is started again by Azure with the same output.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from localft import __version__
from localft.azure.addresses import OUTPUT_PATH, is_cloud_path
from localft.azure.launch import Machines, distribution, localft_command
from localft.catalog import find
from localft.hyperparameters import is_auto
from localft.plan import TrainingRequest

SCHEMA = "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json"
FILES = "localft-files"
"""Directory beside the job file with what the job uploads: code/ and environment/."""
OUTPUT = "run"
KNOBS = ("batch_size", "learning_rate_multiplier", "n_epochs", "seed")
SHARED_MEMORY = "8g"
"""For several processes on a node, whose collectives go through /dev/shm; Azure's default is 2g."""

Literal = int | float | str
Input = dict[str, str] | Literal


@dataclass(frozen=True)
class Target:
    """Where the job runs: a compute cluster by name, or a size of machine that Azure finds itself (serverless)."""

    compute: str | None = None
    instance_type: str | None = None
    spot: bool = False
    """Preemptible machines. A cluster is of them or is not, so there it is a label only."""


@dataclass(frozen=True)
class Labels:
    """How the job is named and found again."""

    experiment_name: str = "localft"
    display_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def command_job(
    request: TrainingRequest,
    *,
    recipe: str,
    directory: Path,
    machines: Machines,
    target: Target,
    labels: Labels | None = None,
    environment: str | None = None,
) -> dict[str, Any]:
    """The whole job. `recipe` is the recipe's name in the code folder, `directory` the one that job.yml goes to.

    `environment` is a registered one, `azureml:NAME:VERSION`, in place of the image that localft describes.
    """
    labels = labels or Labels()
    inputs = job_inputs(request, directory)
    return {
        "$schema": SCHEMA,
        "type": "command",
        "experiment_name": labels.experiment_name,
        "display_name": labels.display_name or request.suffix or model_name(request),
        "tags": {**standard_tags(request, target), **labels.tags},
        "code": code_path(),
        "environment": environment or image(),
        "inputs": inputs,
        "outputs": {OUTPUT: run_output()},
        "command": train_command(machines, recipe, inputs),
        **placement(machines, target),
    }


def job_inputs(request: TrainingRequest, directory: Path) -> dict[str, Input]:
    """The model, the files and the four knobs; files and a model of one's own are mounted, the rest are values."""
    files: dict[str, Input] = {}
    for name in ("training_file", "validation_file", "chat_template"):
        path = getattr(request, name)
        if path is not None:
            files[name] = _mounted("uri_file", path, directory)
    return {"model": _model(request.model, directory), **files, **knobs(request)}


def _model(model: str, directory: Path) -> Input:
    if is_cloud_path(model):
        return _mounted("custom_model" if "/models/" in model else "uri_folder", model, directory)
    if find(model) is None and Path(model).expanduser().is_dir():
        return _mounted("uri_folder", model, directory)
    return model


def _mounted(kind: str, path: str, directory: Path) -> Input:
    return {"type": kind, "path": input_path(path, directory), "mode": "ro_mount"}


def knobs(request: TrainingRequest) -> dict[str, Input]:
    """The four knobs as the recipe has them; `auto` is a value like others."""
    chosen = request.method.supervised.hyperparameters
    values = {**{name: getattr(chosen, name) for name in KNOBS if name != "seed"}, "seed": request.seed}
    return {name: "auto" if is_auto(value) else value for name, value in values.items()}


def train_command(
    machines: Machines, recipe: str, inputs: Mapping[str, Input], *, bound: Mapping[str, str] | None = None
) -> str:
    """The command that each node runs, or each process. `bound` gives inputs another value than `${{inputs.NAME}}`.

    A sweep binds what it varies: `bound={"n_epochs": "${{search_space.n_epochs}}"}`; it may name flags that are no inputs.
    """
    values = {name: expression("inputs", name, quoted=isinstance(value, dict)) for name, value in inputs.items()}
    values |= bound or {}
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in values.items())
    output = expression("outputs", OUTPUT, quoted=True)
    return f"{localft_command(machines)} train {shlex.quote(recipe)} {flags} --output-dir {output} --resume auto"


def expression(kind: str, name: str, *, quoted: bool = False) -> str:
    """`${{inputs.NAME}}`, in quotes where a mounted path may hold blanks."""
    text = f"${{{{{kind}.{name}}}}}"
    return f'"{text}"' if quoted else text


def run_output() -> dict[str, str]:
    """The run directory, written through a mount as it grows: a preempted job finds its checkpoints there."""
    return {"type": "uri_folder", "mode": "rw_mount", "path": OUTPUT_PATH}


def image() -> dict[str, Any]:
    """The environment that Azure builds from localft's own build context."""
    return {"build": {"path": f"./{FILES}/environment", "dockerfile_path": "Dockerfile"}}


def code_path() -> str:
    """The folder with the recipe and localft, from which the command is run."""
    return f"./{FILES}/code"


def placement(machines: Machines, target: Target) -> dict[str, Any]:
    """Which machines, how many, and what Azure starts on them: `compute`, `resources`, `distribution`, `queue_settings`."""
    resources: dict[str, Any] = {"instance_count": machines.nodes}
    if target.compute is None and target.instance_type is not None:
        resources["instance_type"] = target.instance_type
    if machines.gpus_per_node > 1:
        resources["shm_size"] = SHARED_MEMORY
    started = distribution(machines)
    return {
        **({"compute": f"azureml:{target.compute.removeprefix('azureml:')}"} if target.compute else {}),
        "resources": resources,
        **({"distribution": started} if started else {}),
        **({"queue_settings": {"job_tier": "spot"}} if target.spot and not target.compute else {}),
    }


def standard_tags(request: TrainingRequest, target: Target) -> dict[str, str]:
    """What jobs are searched by."""
    tags = {"localft_version": __version__, "base_model": model_name(request)}
    return tags | ({"spot": "true"} if target.spot else {})


def model_name(request: TrainingRequest) -> str:
    """The base model's name without owner or directory: microsoft/Phi-4 -> Phi-4."""
    return request.model.rstrip("/").rpartition("/")[2]


def input_path(path: str, directory: Path) -> str:
    """A path as job.yml has to say it: seen from its directory and beginning with a dot, without which it would be an asset."""
    if is_cloud_path(path):
        return path
    absolute = Path(os.path.abspath(Path(path).expanduser()))
    here = Path(os.path.abspath(directory))
    if absolute.drive != here.drive:
        return absolute.as_posix()
    relative = Path(os.path.relpath(absolute, here)).as_posix()
    return relative if relative.startswith("../") else f"./{relative}"


_PLACE = "the-command-stands-here"
"""In the YAML, until the command is put there."""


def to_yaml(job: Mapping[str, Any], header: str = "") -> str:
    """The job as YAML, with the command in one line for each flag; `header` is what stands above it.

    A command of several lines, which a person has written, stays as it is.
    """
    job = dict(job)
    holder = job if "command" in job else {**job["trial"]}
    command = str(holder["command"])
    if command == " ".join(command.split()):
        holder["command"] = _PLACE
    if holder is not job:
        job["trial"] = holder
    plain = yaml.safe_dump(job, sort_keys=False, allow_unicode=True, width=10_000)

    def folded(match: re.Match[str]) -> str:
        lines = re.sub(r" (?=--|train )|(?<!python) (?=-m )", "\n", command).split("\n")
        return "\n".join([f"{match[1]}command: >-", *(f"{match[1]}  {line}" for line in lines)])

    return header + re.sub(rf"^( *)command: {_PLACE}$", folded, plain, count=1, flags=re.MULTILINE)
