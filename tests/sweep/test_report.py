"""What is read from the run directories of a sweep, how it is ranked, and how it is written and drawn."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from localft.jobs.results import HEADER
from localft.sweep.grid import read_grid
from localft.sweep.picture import draw_sweep
from localft.sweep.report import (
    SweepReport,
    TrialResult,
    report_csv,
    report_json,
    state_on_disk,
    sweep_report,
    sweep_schema,
    write_report,
)
from localft.sweep.trials import Trial
from runs import plan_for


def result(name: str, loss: float | None, **changes: Any) -> TrialResult:
    """A trial that succeeded, unless told otherwise."""
    told = {"status": "succeeded", "settings": {}, "run_directory": f"/runs/{name}", "full_valid_loss": loss}
    return TrialResult.model_validate({"name": name, **told, **changes})


def report_of(grid: dict[str, list[Any]], losses: dict[tuple[Any, ...], float | None], directory: str) -> SweepReport:
    """A report of trials with these settings; those without a loss have failed."""
    order = sorted((loss, settings) for settings, loss in losses.items() if loss is not None)
    ranks = {settings: rank for rank, (_, settings) in enumerate(order, start=1)}
    trials = [
        result(
            ",".join(map(str, settings)),
            loss,
            settings=dict(zip(grid, settings, strict=True)),
            status="succeeded" if loss is not None else "failed",
            rank=ranks.get(settings),
        )
        for settings, loss in losses.items()
    ]
    best = next((trial.name for trial in trials if trial.rank == 1), None)
    return SweepReport(
        recipe="r.yaml", directory=directory, grid=grid, seed=7, notes=["a remark"], trials=trials, best=best
    )


def trial_on_disk(directory: Path, epochs: int, rows: list[str], **job: Any) -> Trial:
    """A trial whose run directory holds these lines of results.csv."""
    path = directory / f"n_epochs={epochs}"
    path.mkdir()
    plan = plan_for(directory, output_dir=str(path), hyperparameters={"n_epochs": epochs})
    (path / "results.csv").write_text("\n".join([HEADER, *rows, ""]))
    return Trial(path.name, {"n_epochs": epochs}, plan)


def test_trials_are_ranked_by_the_loss_of_the_model_they_leave_behind(tmp_path: Path) -> None:
    overfitted = trial_on_disk(tmp_path, 3, ["1,3,0.5,,,,", "2,2,0.5,,,0.5,0.9", "3,1.5,0.5,,,0.9,0.8"])
    steady = trial_on_disk(tmp_path, 1, ["1,3,0.5,,,,", "2,2.5,0.5,,,0.75,0.9"])
    broken = trial_on_disk(tmp_path, 2, ["1,3,0.5,,,0.1,0.9"])
    trials = [overfitted, broken, steady]
    states = {
        overfitted.name: ("succeeded", None),
        steady.name: ("succeeded", None),
        broken.name: ("failed", "the loss is not a number"),
    }
    report = sweep_report(Path("r.yaml"), tmp_path, read_grid(["n_epochs=3,2,1"]), trials, [], states)
    assert [trial.rank for trial in report.trials] == [2, None, 1]
    assert report.best == "n_epochs=1"
    assert [trial.name for trial in report.ranked()] == ["n_epochs=1", "n_epochs=3", "n_epochs=2"]
    first = report.trials[0]
    assert (first.train_loss, first.full_valid_loss) == (1.5, 0.9)
    assert (first.best_full_valid_loss, first.best_step) == (0.5, 2)
    assert report.trials[1].error == "the loss is not a number"
    assert report.seed == 7 and report.grid == {"n_epochs": [3, 2, 1]}


def test_the_seed_is_no_fact_of_a_sweep_that_varies_it(tmp_path: Path) -> None:
    plan = plan_for(tmp_path)
    trials = [Trial(f"seed={seed}", {"seed": seed}, plan) for seed in (1, 2)]
    states = {trial.name: ("queued", None) for trial in trials}
    report = sweep_report(Path("r.yaml"), tmp_path, read_grid(["seed=1,2"]), trials, [], states)
    assert report.seed is None and report.best is None


def test_a_run_that_a_killed_process_left_running_counts_as_paused(tmp_path: Path) -> None:
    from localft.jobs.job import new_job

    trial = trial_on_disk(tmp_path, 1, [])
    assert state_on_disk(trial.run) == ("queued", None)
    job = new_job(trial.plan, hex="0" * 32, now=1.0)
    for status, state in (("running", "paused"), ("paused", "paused"), ("succeeded", "succeeded")):
        trial.run.write_job(job.model_copy(update={"status": status}))
        assert state_on_disk(trial.run)[0] == state


def test_the_files_hold_what_was_reported_and_the_json_is_of_the_published_schema(tmp_path: Path) -> None:
    report = report_of(
        {"learning_rate_multiplier": [0.5, 1.0], "model": ["a,b", "c"]},
        {(0.5, "a,b"): 1.25, (0.5, "c"): None, (1.0, "a,b"): 1 / 3, (1.0, "c"): 2.0},
        str(tmp_path),
    )
    write_report(report)
    assert (tmp_path / "sweep.json").read_text() == report_json(report)
    jsonschema.validate(json.loads(report_json(report)), sweep_schema())
    with (tmp_path / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["a,b", "c", "a,b", "c"]
    assert [row["learning_rate_multiplier"] for row in rows] == ["0.5", "0.5", "1", "1"]
    assert [row["rank"] for row in rows] == ["2", "", "1", "3"]
    assert [row["full_valid_loss"] for row in rows] == ["1.25", "", "0.333333333", "2"]
    assert report_csv(report).startswith("trial,learning_rate_multiplier,model,rank,status,train_loss,full_valid_loss,")


@pytest.mark.parametrize("sizes", [(1,), (6,), (60,), (2, 3), (4, 1), (20, 25), (2, 2, 2), (5, 5, 5)], ids=str)
def test_a_picture_is_drawn_for_grids_of_any_shape(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    names = ("learning_rate_multiplier", "n_epochs", "lora.rank")[: len(sizes)]
    grid = {name: list(range(1, size + 1)) for name, size in zip(names, sizes, strict=True)}
    losses = {settings: sum(settings) / 7 for settings in itertools.product(*grid.values())}
    if len(losses) > 1:
        losses[next(iter(losses))] = None
    assert draw_sweep(report_of(grid, losses, str(tmp_path)), tmp_path / "sweep.png")
    with Image.open(tmp_path / "sweep.png") as picture:
        width, height = picture.size
    assert 500 <= width <= 3_000 and 200 <= height <= 3_000
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.png"]


@pytest.mark.parametrize("more", [{}, {"n_epochs": [1, 2]}, {"n_epochs": [1, 2], "lora.rank": [8, 16]}], ids=len)
def test_a_picture_shows_names_as_they_are_and_not_as_formulas(tmp_path: Path, more: dict[str, list[int]]) -> None:
    grid: dict[str, list[Any]] = {"training_file": [r"a$\q$.jsonl", "b.jsonl"], **more}
    losses = {settings: 1.0 + place for place, settings in enumerate(itertools.product(*grid.values()))}
    assert draw_sweep(report_of(grid, losses, str(tmp_path)), tmp_path / "sweep.png")


def test_nothing_is_drawn_before_a_trial_has_succeeded(tmp_path: Path) -> None:
    assert draw_sweep(report_of({"n_epochs": [1]}, {(1,): None}, str(tmp_path)), tmp_path / "sweep.png")
    assert not (tmp_path / "sweep.png").exists()
