"""A finished run as an Azure ML model asset: the mapping that model.yml holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from localft.azure.job import OUTPUT, input_path
from localft.errors import UsageError
from localft.jobs.registration import FinishedRun

SCHEMA = "https://azuremlschemas.azureedge.net/latest/model.schema.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def model_asset(run: FinishedRun, directory: Path, *, name: str | None, job: str | None) -> dict[str, Any]:
    """The asset; `directory` is the one that model.yml goes to, `job` the Azure ML job that has the files as its output."""
    name = name or run.default_name
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"--name {name}: expected a letter or digit, then up to 254 of A-Z a-z 0-9 . _ -, which is what Azure ML takes.",
            param="name",
        )
    there = (
        f"azureml://jobs/{job}/outputs/{OUTPUT}/paths/model" if job else input_path(str(run.directory.model), directory)
    )
    return {
        "$schema": SCHEMA,
        "name": name,
        "type": "custom_model",
        "path": there,
        "description": run.description,
        "tags": run.tags(),
    }


def model_yaml(asset: dict[str, Any]) -> str:
    return yaml.safe_dump(asset, sort_keys=False, allow_unicode=True, width=10_000)
