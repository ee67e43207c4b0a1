"""`localft sweep`: one recipe with several settings, compared by the loss on the validation file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from localft.errors import TrainingFailed, TrainingInterrupted

if TYPE_CHECKING:
    from localft.sweep.report import SweepReport, TrialResult


def sweep(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe (YAML).", show_default=False)],
    grid: Annotated[
        list[str],
        typer.Option(
            "--grid",
            metavar="NAME=V1,V2,...",
            help="A recipe key and the values that it takes; several --grid options give all combinations.",
            show_default=False,
        ),
    ],
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", help="Directory of the sweep; by default the recipe's, with -sweep behind it."),
    ] = None,
    output_format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="text for people, json for programs.")
    ] = "text",
) -> None:
    """Train a recipe with several settings, and rank what comes out by full_valid_loss.

    NAME is a recipe key, such as learning_rate_multiplier, n_epochs, batch_size, seed or lora.rank. Every trial is planned
    before the first is trained. They run one after another, or one on each GPU where several are visible, each in a run
    directory of its own. A trial that fails does not stop the others. The results are printed, and stand in sweep.csv,
    sweep.png and sweep.json of the sweep's directory.

    Ctrl-C and SIGTERM save first and exit with 75; the same command goes on. What is finished is not trained again: a larger
    grid trains what is new. Exit code 0: all succeeded. 1: a trial failed. 2: usage.
    """
    from localft.sweep.grid import read_grid
    from localft.sweep.report import report_json
    from localft.sweep.run import run_sweep

    report = run_sweep(recipe, read_grid(grid), output_dir, lambda line: typer.echo(line, err=True))
    if output_format == "json":
        sys.stdout.write(report_json(report))
    else:
        _print(report)
    sys.stdout.flush()
    _raise_for(report)


def _raise_for(report: SweepReport) -> None:
    failed = [trial.name for trial in report.trials if trial.status == "failed"]
    left = [trial.name for trial in report.trials if trial.status not in ("succeeded", "failed")]
    if left:
        raise TrainingInterrupted(
            f"{len(left)} of {len(report.trials)} trials in {report.directory} are not finished; the same command continues"
        )
    if failed:
        raise TrainingFailed(
            f"{len(failed)} of {len(report.trials)} trials failed: {', '.join(failed)}; what they printed is in "
            f"{Path(report.directory) / 'logs'}. The same command tries them again."
        )


def _print(report: SweepReport) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("rank", justify="right")
    for heading in (*report.grid, "status", "train_loss", "full_valid_loss", "best", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trial in report.ranked():
        style = "bold" if trial.rank == 1 else "dim" if trial.rank is None else None
        table.add_row(*(Text(cell) for cell in _cells(trial, report)), style=style)
    console = Console(highlight=False)
    console.width = max(console.width, console.measure(table, options=console.options.update(max_width=10_000)).maximum)
    console.print(table)
    for line in _below(report):
        console.print(Text(line), soft_wrap=True)


def _cells(trial: TrialResult, report: SweepReport) -> Iterator[str]:
    from localft.sweep.grid import setting_text

    yield "" if trial.rank is None else str(trial.rank)
    for label in report.grid:
        yield setting_text(trial.settings[label])
    yield trial.status
    for loss in (trial.train_loss, trial.full_valid_loss):
        yield "" if loss is None else f"{loss:.4f}"
    yield "" if trial.best_full_valid_loss is None else f"{trial.best_full_valid_loss:.4f} at {trial.best_step}"
    yield "" if trial.seconds is None else f"{trial.seconds:.1f}"


def _below(report: SweepReport) -> Iterator[str]:
    """The best trial, what to do with it, and where all is."""
    best = next((trial for trial in report.trials if trial.name == report.best), None)
    if best is None:
        yield "No trial has succeeded yet."
        return
    yield "full_valid_loss: of the last step; best: the lowest of all epochs, and its step. Losses in nats a token."
    yield f"Best: {best.name}"
    if best.best_full_valid_loss != best.full_valid_loss:
        yield f"  its loss was lower at step {best.best_step}: fewer epochs would have given a better model"
    yield f"  model    {Path(best.run_directory) / 'model'}"
    yield f"  results  {report.directory}: sweep.csv, sweep.png, sweep.json"
