"""What a registry of models is told of a finished run: name, description, tags. No row of the data, no path but file names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from localft.errors import UsageError
from localft.jobs.job import FineTuningJob
from localft.jobs.results import METRICS, number, read_results
from localft.jobs.run_directory import RunDirectory, find_run
from localft.plan import TrainingPlan

JOB_TAG = "localft.job"
"""Holds the job's id: a run or a model version of a registry that has it is of this job."""


@dataclass(frozen=True)
class FinishedRun:
    """A run that succeeded, as read from its directory."""

    directory: RunDirectory
    plan: TrainingPlan
    job: FineTuningJob

    @property
    def default_name(self) -> str:
        """Of the registered model: `<base model>[-<suffix>]`, so that the next run of the recipe is its next version."""
        return self.job.model_name.replace(f".ft-{self.job.hex}", "")

    @property
    def base_model(self) -> str:
        """The base model's name as others know it; of a directory its last part."""
        model = self.plan.model
        return model.hub_id or model.catalog_id or Path(model.base).name

    @property
    def description(self) -> str:
        plan, rows = self.plan, self.plan.training_file.examples
        kind = "All weights of" if plan.lora is None else "LoRA adapter for"
        return (
            f"{kind} {self.base_model}, fine-tuned by localft on {Path(plan.training_file.path).name} "
            f"({rows} examples). README.md beside the weights has the settings and the results."
        )

    def tags(self) -> dict[str, str]:
        """Texts of at most some hundred characters: what was trained, and the last of each metric."""
        plan, knobs = self.plan, self.plan.hyperparameters
        return {
            JOB_TAG: self.job.id,
            "localft_version": plan.localft_version,
            "base_model": self.base_model,
            "method": "full" if plan.lora is None else "qlora" if plan.quantization == "nf4" else "lora",
            "training_file_sha256": plan.training_file.sha256,
            **{
                name: f"{getattr(knobs, name).value:g}"
                for name in ("n_epochs", "batch_size", "learning_rate_multiplier")
            },
            "seed": str(knobs.seed.value),
            **self._last_metrics(),
        }

    def _last_metrics(self) -> dict[str, str]:
        last: dict[str, float] = {}
        for row in read_results(self.directory.results_file):
            last |= row.metrics
        return {name: number(last[name]) for name in METRICS if name in last}


def finished_run(path: Path) -> FinishedRun:
    """Reads the run that `path` holds; UsageError where it holds none, or one that has not succeeded."""
    run = RunDirectory(path)
    found = find_run(path) if run.job_file.is_file() and run.plan_file.is_file() else None
    if found is None:
        raise UsageError(
            f"{path}: expected the directory of a finished run, found none; give one that has a job.json{_meant(path)}."
        )
    if found.job.status != "succeeded":
        raise UsageError(
            f"{path}: expected a run that succeeded, found one that is {found.job.status}; finish it first."
        )
    return FinishedRun(found.directory, found.plan, found.job)


def _meant(path: Path) -> str:
    """Which run is near: the one that holds `path`, or the best trial of the sweep that `path` is."""
    for above in list(path.absolute().parents)[:2] if path.exists() else []:
        if RunDirectory(above).job_file.is_file() and RunDirectory(above).plan_file.is_file():
            return f": {above}, which this is a part of"
    try:
        best = json.loads((path / "sweep.json").read_text(encoding="utf-8"))["best"]
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    return f": {path / best}, the best trial of this sweep" if best else ": that of a trial of this sweep"
