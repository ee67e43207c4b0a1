"""What came out of a sweep: sweep.json, which is also `localft sweep --format json`, and sweep.csv.

Trials are ranked by the full_valid_loss of their last step, since that is the loss of the model they leave behind. The best
one of all epochs stands beside it: where it is lower, fewer epochs would have given a better model.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from localft.errors import LocalftError
from localft.jobs.execution import read_attempts
from localft.jobs.files import write_whole
from localft.jobs.results import ResultRow, read_results
from localft.jobs.run_directory import RunDirectory
from localft.sweep.grid import Axis, Setting, setting_text
from localft.sweep.trials import REPORT_NAME, Trial

Status = Literal["queued", "running", "succeeded", "paused", "failed"]
METRIC: Final = "full_valid_loss"
RESULTS = ("rank", "status", "train_loss", METRIC, "best_full_valid_loss", "best_step", "seconds")
"""Columns of sweep.csv behind the settings; the trial's name stands before them."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class TrialResult(_Frozen):
    """One trial and what came out of it so far."""

    name: str
    """Also the name of its run directory."""
    settings: dict[str, Setting]
    """What the grid says: key -> value."""
    status: Status
    error: str | None = None
    """Why it failed."""
    train_loss: float | None = None
    """Of the last step."""
    full_valid_loss: float | None = None
    """Of the last step that has it: for a trial that succeeded, the loss of its model."""
    best_full_valid_loss: float | None = None
    """The lowest of all epochs."""
    best_step: int | None = None
    """Where it was the lowest."""
    seconds: float | None = None
    """Spent in steps, over all starts; loading, validation and checkpoints are not counted."""
    rank: int | None = None
    """1 is the best; null for a trial that has not succeeded."""
    run_directory: str


class SweepReport(_Frozen):
    """The whole sweep."""

    object: Literal["localft.sweep"] = "localft.sweep"
    recipe: str
    directory: str
    grid: dict[str, list[Setting]]
    """Key -> the values that it takes."""
    metric: Literal["full_valid_loss"] = METRIC
    """What trials are ranked by; lower is better."""
    seed: int | None
    """Of every trial; null where the grid varies it."""
    notes: list[str]
    trials: list[TrialResult]
    """In the order of the grid."""
    best: str | None
    """Name of the trial of rank 1."""

    def ranked(self) -> list[TrialResult]:
        """The trials, best first; those without a rank last, in the order of the grid."""
        return sorted(self.trials, key=lambda trial: trial.rank or len(self.trials) + 1)


def sweep_schema() -> dict[str, Any]:
    """JSON Schema of sweep.json and of `localft sweep --format json`."""
    schema = SweepReport.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Results of a localft sweep"}


def sweep_report(
    recipe: Path,
    directory: Path,
    axes: Sequence[Axis],
    trials: Sequence[Trial],
    notes: Sequence[str],
    states: Mapping[str, tuple[Status, str | None]],
) -> SweepReport:
    """Reads the run directories. `states` holds, by a trial's name, how it stands and why it failed."""
    found = _ranked([_result(trial, *states[trial.name]) for trial in trials])
    labels = [axis.label for axis in axes]
    seeds = {int(trial.plan.hyperparameters.seed.value) for trial in trials}
    return SweepReport(
        recipe=str(recipe),
        directory=str(directory),
        grid={label: list(dict.fromkeys(trial.settings[label] for trial in trials)) for label in labels},
        seed=None if "seed" in labels else seeds.pop(),
        notes=list(notes),
        trials=found,
        best=next((trial.name for trial in found if trial.rank == 1), None),
    )


def state_on_disk(run: RunDirectory) -> tuple[Status, str | None]:
    """How a trial stands that no process of this sweep is at."""
    if not run.job_file.exists():
        return "queued", None
    job = run.read_job()
    if job.status == "succeeded":
        return "succeeded", None
    if job.status in ("failed", "cancelled"):
        return "failed", job.error.message if job.error else f"the job is {job.status}"
    return "paused", None


def write_report(report: SweepReport) -> None:
    """Replaces sweep.json and sweep.csv."""
    directory = Path(report.directory)
    write_whole(directory / REPORT_NAME, report_json(report))
    write_whole(directory / "sweep.csv", report_csv(report))


def report_json(report: SweepReport) -> str:
    return report.model_dump_json(indent=2) + "\n"


def report_csv(report: SweepReport) -> str:
    """One row a trial, in the order of the grid; a cell is empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("trial", *report.grid, *RESULTS))
    for trial in report.trials:
        settings = (setting_text(trial.settings[label]) for label in report.grid)
        results = (getattr(trial, name) for name in RESULTS)
        cells = ("" if value is None else setting_text(value) for value in results)
        writer.writerow((trial.name, *settings, *cells))
    return text.getvalue()


def _result(trial: Trial, status: Status, error: str | None) -> TrialResult:
    rows = _rows(trial.run)
    losses = [(row.metrics[METRIC], row.step) for row in rows if METRIC in row.metrics]
    best = min(losses, default=(None, None))
    attempts = read_attempts(trial.run.execution_file)
    return TrialResult(
        name=trial.name,
        settings=trial.settings,
        status=status,
        error=error,
        train_loss=rows[-1].metrics.get("train_loss") if rows else None,
        full_valid_loss=losses[-1][0] if losses else None,
        best_full_valid_loss=best[0],
        best_step=best[1],
        seconds=round(sum(attempt.totals.seconds for attempt in attempts), 3) if attempts else None,
        run_directory=str(trial.run.path),
    )


def _rows(run: RunDirectory) -> list[ResultRow]:
    try:
        return read_results(run.results_file)
    except (FileNotFoundError, LocalftError):  # not begun; or damaged, which the trial's own training will say
        return []


def _ranked(trials: Sequence[TrialResult]) -> list[TrialResult]:
    done = [trial for trial in trials if trial.status == "succeeded" and trial.full_valid_loss is not None]
    order = sorted(done, key=lambda trial: (trial.full_valid_loss, trial.name))
    ranks = {trial.name: rank for rank, trial in enumerate(order, start=1)}
    return [trial.model_copy(update={"rank": ranks.get(trial.name)}) for trial in trials]
