"""One sweep, from recipe and grid to the report of what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from localft import settings
from localft.errors import TrainingInterrupted, UsageError
from localft.jobs.run_directory import locked
from localft.plan import TrainingPlan, TrainingRequest
from localft.progress import Notice, ProgressEvent
from localft.recipe import read_recipe_or_plan
from localft.runner import require_training_packages
from localft.runner.signals import Stopped, StopSignals
from localft.sweep.grid import Axis, Point, read_points, setting_text
from localft.sweep.picture import draw_sweep
from localft.sweep.report import SweepReport, sweep_report, write_report
from localft.sweep.running import States, run_trials, states_on_disk, wait_for_orphans
from localft.sweep.trials import Trial, notes, plan_trials, require_all, require_comparable, sweep_directory

Tell = Callable[[str], None]


def run_sweep(recipe: Path, axes: Sequence[Axis], output_dir: Path | None, tell: Tell) -> SweepReport:
    """Trains every trial that is not finished, and writes sweep.json, sweep.csv and sweep.png. `tell` hears how it goes.

    A trial that is neither `succeeded` nor `failed` in the report was stopped, or not begun, because of a signal: the same
    call goes on. Raises LocalftError for what no trial can be trained with.
    """
    if settings.process_group().launched:
        raise UsageError("a sweep starts its own processes; run it without a launcher.")
    points, directory = prepare_sweep(recipe, axes, output_dir)
    require_training_packages()
    with StopSignals(None) as stop, locked(directory):
        try:
            trials = plan_trials(points, directory, _each_once(stop, tell))
            remarks = notes(trials, axes)
            stop.check()
        except Stopped:
            raise TrainingInterrupted("stopped before the first training; the same command starts it again") from None
        stop.save_first()

        def write(states: States) -> SweepReport:
            report = sweep_report(recipe, directory, axes, trials, remarks, states)
            write_report(report)
            return report

        def changed(trial: Trial, states: States) -> None:
            tell(_progress(trial, write(states)))

        wait_for_orphans(trials, stop, tell)
        write(states_on_disk(trials))
        for line in (_opening(trials, directory), *remarks):
            tell(line)
        report = write(run_trials(trials, directory, stop, changed))
        if not draw_sweep(report, directory / "sweep.png"):
            tell("sweep.png was not drawn, since matplotlib is not installed")
        return report


def prepare_sweep(recipe: Path, axes: Sequence[Axis], output_dir: Path | None) -> tuple[list[Point], Path]:
    """The trials that are asked for and the directory above them, looked at as far as that goes without the data."""
    request = read_recipe_or_plan(recipe)
    if isinstance(request, TrainingPlan):
        raise UsageError(f"{recipe}: expected a recipe, found the plan of a run, in which nothing is left to vary.")
    assert isinstance(request, TrainingRequest)
    points = read_points(recipe, axes)
    require_comparable([point.request for point in points])
    directory = sweep_directory(request, output_dir)
    require_all(directory, [point.name for point in points])
    return points, directory


def _each_once(stop: StopSignals, tell: Tell) -> Callable[[ProgressEvent], None]:
    """Tells what planning has to say; of sentences that every trial says, the first."""
    told: set[str] = set()

    def report(event: ProgressEvent) -> None:
        stop.check()
        if isinstance(event, Notice) and event.message not in told:
            told.add(event.message)
            tell(event.message)

    return report


def _opening(trials: Sequence[Trial], directory: Path) -> str:
    gpus = settings.visible_gpus()
    order = f"one on each of {gpus} GPUs" if gpus > 1 else "one after another"
    return f"{len(trials)} trial{'' if len(trials) == 1 else 's'} in {directory}, {order}; what they print is kept in logs/"


def _progress(trial: Trial, report: SweepReport) -> str:
    """`3 of 6, n_epochs=2: succeeded, full_valid_loss 1.2345`"""
    place = next(number for number, found in enumerate(report.trials, start=1) if found.name == trial.name)
    found = report.trials[place - 1]
    line = f"{place} of {len(report.trials)}, {trial.name}: {found.status}"
    match found.status:
        case "succeeded":
            return f"{line}, full_valid_loss {setting_text(found.full_valid_loss)}"
        case "failed":
            return f"{line}: {found.error}"
    return line
