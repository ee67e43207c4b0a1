"""What is no mistake in a job and may surprise all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from localft.azure.job_file import JobFile, mapping, trial
from localft.azure.training import models
from localft.catalog import find


def notes(job: JobFile) -> Iterator[str]:
    """What to know before a job is handed over, a sentence each."""
    variables = mapping(trial(job)[1], "environment_variables")
    if not job.command.trainings:
        yield "the command starts no `localft train`, so what it runs was not looked into"
    for training in job.command.trainings:
        if training.unknown:
            yield f"what {' and '.join(training.unknown)} stands for is known to the machine alone, and was not looked into"
        if training.place.directory is None:
            yield "the command changes to a directory that is known to the machine alone, so its paths were not looked into"
        elif training.recipe is not None and training.place.names(training.recipe):
            yield f"the command names {training.recipe} before it trains by it and may make it, so it was not looked into"
    if "HF_TOKEN" not in variables:
        yield from filter(None, map(gated_note, dict.fromkeys(models(job))))
    for name in variables:
        if re.search(r"(?:KEY|TOKEN|SECRET|PASSWORD)$", str(name), re.IGNORECASE):
            yield (
                f"environment_variables.{name} stands in the file, and is shown to all who may read the job; take it out, "
                f"and give it by `az ml job create --set environment_variables.{name}=...` in a workspace that nobody else reads"
            )


def gated_note(model: str) -> str | None:
    """How the machine comes by a model that the hub gives only to accounts; None where it needs none."""
    entry = find(model)
    if entry is None or not entry.gated:
        return None
    return (
        f"{entry.hub_id} is gated, and the machine needs a token of the hub: name a data asset with its files by --model "
        "azureml:NAME:VERSION, or, in a workspace that nobody else reads, hand the job over by `az ml job create --file JOB "
        "--set environment_variables.HF_TOKEN=$HF_TOKEN`; docs/azure-ml.md tells both"
    )
