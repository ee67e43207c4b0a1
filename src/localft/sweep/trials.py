"""From a recipe and a grid to trials: one planned training for each combination, all of them found good before the first.

runs/travel-sweep/
  sweep.json, sweep.csv, sweep.png    what came out
  logs/                               what each training printed
  n_epochs=2,seed=1/                  the run directory of a trial
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from localft.errors import LocalftError, UsageError
from localft.hyperparameters import is_auto
from localft.jobs.run_directory import RunDirectory, differences, find_run
from localft.plan import TrainingPlan, TrainingRequest, default_output_dir
from localft.progress import Report
from localft.runner import plan_to_train, require_valid_data
from localft.sweep.grid import Axis, Point, Setting

REPORT_NAME = "sweep.json"
"""Marks a sweep's directory."""
_CHANGE_THE_ROWS = ("model", "chat_template", "max_length", "overlong")


@dataclass(frozen=True)
class Trial:
    """One training of a sweep."""

    name: str
    settings: dict[str, Setting]
    plan: TrainingPlan

    @property
    def run(self) -> RunDirectory:
        return RunDirectory(Path(self.plan.output_dir))


def require_comparable(requests: Sequence[TrainingRequest]) -> None:
    """Refuses a sweep whose trials could not be compared."""
    if any(request.validation_file is None for request in requests):
        raise UsageError(
            "a sweep compares its trials by full_valid_loss, the loss on the validation file, and the recipe has none; "
            "add validation_file: FILE to it.",
            param="validation_file",
        )


def sweep_directory(request: TrainingRequest, given: Path | None) -> Path:
    """The directory above the trials: as given, else the recipe's run directory with -sweep behind it.

    Refuses one that holds something else than a sweep.
    """
    directory = given.absolute() if given else _default_directory(request)
    if not directory.exists():
        return directory
    if not directory.is_dir() or (any(directory.iterdir()) and not (directory / REPORT_NAME).exists()):
        raise UsageError(
            f"--output-dir {directory}: expected a new directory, an empty one or one of an earlier sweep, found "
            f"{'files of something else' if directory.is_dir() else 'a file'}; give another one.",
            param="output_dir",
        )
    return directory


def plan_trials(points: Sequence[Point], directory: Path, report: Report) -> list[Trial]:
    """Plans all trials, each below `directory`. Raises for all that could not be trained, before anything is.

    What the recipe leaves to chance is settled once: a drawn seed and the date are those of the trials that are there
    already, else of the first one planned.
    """
    for request in {(p.request.training_file, p.request.validation_file): p.request for p in points}.values():
        require_valid_data(request)
    shared = _plan_begun_before(directory)
    trials: list[Trial] = []
    problems: dict[str, LocalftError] = {}
    for point in points:
        path = directory / point.name
        request = point.request.model_copy(update={"output_dir": str(path)})
        try:
            earlier = find_run(path)
            plan = plan_to_train(request, report, continuing=earlier.plan if earlier else shared)
            if earlier is not None and (found := differences(earlier, plan)):
                raise UsageError(_changed(point.name, found), param="output_dir")
        except LocalftError as error:
            problems.setdefault(error.message, error)
            continue
        shared = shared or plan
        trials.append(Trial(point.name, point.settings, plan))
    problems |= {error.message: error for error in _twins(trials)}
    _raise(list(problems.values()))
    return trials


def require_all(directory: Path, names: Collection[str]) -> None:
    """Refuses a grid that leaves out trials which the directory holds: the ranking would lose them."""
    lost = sorted({path.parent.name for path in directory.glob("*/job.json")} - set(names))
    if lost:
        raise UsageError(
            f"--grid: {directory} holds {len(lost)} trial{'' if len(lost) == 1 else 's'} that the grid leaves out, and the "
            f"results would lose: {'; '.join(lost)}. Give their values too, or another --output-dir; or move their "
            "directories away.",
            param="grid",
        )


def notes(trials: Sequence[Trial], axes: Sequence[Axis]) -> list[str]:
    """What a person should know before comparing: of the sweep as a whole, then of the plans, each sentence once."""
    found = []
    seed = trials[0].plan.hyperparameters.seed
    if is_auto(seed.requested):
        found.append(f"The recipe leaves the seed open: {seed.value} was drawn once and is that of every trial.")
    found += [
        f"{axis.label} changes the rows or their tokens, so full_valid_loss compares trials that differ in it only in part."
        for axis in axes
        if axis.key in _CHANGE_THE_ROWS and len(axis.values) > 1
    ]
    by_note: dict[str, list[str]] = {}
    for trial in trials:
        for note in trial.plan.notes:
            by_note.setdefault(note, []).append(trial.name)
    return found + [
        note if len(names) == len(trials) else f"{', '.join(names)}: {note}" for note, names in by_note.items()
    ]


def _default_directory(request: TrainingRequest) -> Path:
    run = Path(request.output_dir or default_output_dir(request)).absolute()
    return run.with_name(f"{run.name}-sweep")


def _plan_begun_before(directory: Path) -> TrainingPlan | None:
    """The plan of a trial that an earlier start of this sweep has begun."""
    for path in sorted(directory.glob("*/job.json")):
        return RunDirectory(path.parent).read_plan()
    return None


def _changed(name: str, differences: Sequence[str]) -> str:
    return (
        f"{name}: the trial on disk is of another job: {'; '.join(differences)}. Ask for the old values again, or give "
        "another --output-dir."
    )


def _twins(trials: Sequence[Trial]) -> list[UsageError]:
    """Trials that would train the same model: n_epochs auto beside the number that it becomes."""
    first: dict[str, str] = {}
    found = []
    for trial in trials:
        twin = first.setdefault(trial.plan.meaning_fingerprint(), trial.name)
        if twin != trial.name:
            found.append(
                UsageError(f"--grid: {trial.name} is the same job as {twin}; take one of the two out.", param="grid")
            )
    return found


def _raise(errors: Sequence[LocalftError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        messages = tuple(error.message for error in errors)
        raise UsageError("\n".join(messages), problems=messages)
