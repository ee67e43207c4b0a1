"""`sweep.png`: full_valid_loss over what was varied.

One varied key gives a curve, two a coloured table, more the best trials as a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localft.sweep.grid import Setting, setting_text
from localft.sweep.report import METRIC, SweepReport, TrialResult

_LISTED = 30
_NUMBERED_CELLS = 150
"""In a larger table the numbers would not be readable."""


def draw_sweep(report: SweepReport, target: Path) -> bool:
    """Draws the trials that succeeded, if any; False where matplotlib is not installed, which costs the picture only."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # draws to files, never to a screen
        from matplotlib.figure import Figure
    except ImportError:
        return False
    done = [trial for trial in report.ranked() if trial.rank is not None]
    if not done:
        return True
    varied = [label for label, values in report.grid.items() if len(values) > 1]
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if len(varied) == 1:
        figure.set_size_inches(8, 5)
        _curve(axes, report, done, varied[0])
    elif len(varied) == 2:
        across, down = sorted(varied, key=lambda label: -len(report.grid[label]))
        figure.set_size_inches(*_table_size(len(report.grid[across]), len(report.grid[down])))
        _table(figure, axes, report, done, across, down)
    else:
        figure.set_size_inches(10, 1.5 + 0.25 * min(len(done), _LISTED))
        _list(axes, done[:_LISTED], varied)
    axes.set_title(_title(report, done), fontsize=9)
    staged = target.with_name(f".{target.name}.staged")
    figure.savefig(staged, format="png", dpi=120)
    staged.replace(target)
    return True


def _title(report: SweepReport, done: Sequence[TrialResult]) -> str:
    fixed = [f"{label}={setting_text(values[0])}" for label, values in report.grid.items() if len(values) == 1]
    counted = f"{len(done)} of {len(report.trials)} trials of {Path(report.recipe).name}"
    return _plain(f"{', '.join([counted, *fixed])}\nbest: {done[0].name}, {done[0].full_valid_loss:.4f}")


def _curve(axes: Any, report: SweepReport, done: Sequence[TrialResult], label: str) -> None:
    """The values stand at equal distances, so that 0.01, 0.1 and 1 can be told apart."""
    values = _in_order(report.grid[label])
    points = sorted((values.index(trial.settings[label]), trial.full_valid_loss) for trial in done)
    axes.plot(*zip(*points, strict=True), marker="o", color="tab:blue")
    axes.plot(
        values.index(done[0].settings[label]), done[0].full_valid_loss, marker="*", markersize=16, color="tab:red"
    )
    axes.set_xticks(range(len(values)), [_short(value) for value in values], rotation=0 if len(values) <= 12 else 90)
    axes.set_xlabel(label)
    axes.set_ylabel(f"{METRIC} (nats a token)")
    axes.grid(alpha=0.3)


def _table_size(columns: int, rows: int) -> tuple[float, float]:
    return min(max(6.0, 2 + 0.7 * columns), 24.0), min(max(4.0, 1.5 + 0.45 * rows), 24.0)


def _table(figure: Any, axes: Any, report: SweepReport, done: Sequence[TrialResult], across: str, down: str) -> None:
    """A cell without a trial that succeeded stays empty."""
    columns, rows = _in_order(report.grid[across]), _in_order(report.grid[down])
    losses = [[float("nan")] * len(columns) for _ in rows]
    for trial in done:
        losses[rows.index(trial.settings[down])][columns.index(trial.settings[across])] = trial.full_valid_loss or 0.0
    image = axes.imshow(losses, aspect="auto", cmap="viridis_r")
    figure.colorbar(image, label=f"{METRIC} (nats a token)")
    axes.set_xticks(range(len(columns)), [_short(value) for value in columns], rotation=0 if len(columns) <= 12 else 90)
    axes.set_yticks(range(len(rows)), [_short(value) for value in rows])
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    if len(columns) * len(rows) <= _NUMBERED_CELLS:
        _number_cells(axes, image, losses)
    best = done[0].settings
    axes.plot(
        columns.index(best[across]), rows.index(best[down]), marker="s", markersize=26, color="red", fillstyle="none"
    )


def _number_cells(axes: Any, image: Any, losses: Sequence[Sequence[float]]) -> None:
    """Black on bright cells, white on dark ones."""
    for row, cells in enumerate(losses):
        for column, loss in enumerate(cells):
            if loss == loss:
                dark = sum(image.cmap(image.norm(loss))[:3]) < 1.5
                axes.text(column, row, f"{loss:.3f}", ha="center", va="center", color="w" if dark else "k", fontsize=8)


def _list(axes: Any, best: Sequence[TrialResult], varied: Sequence[str]) -> None:
    names = [", ".join(f"{label}={_short(trial.settings[label])}" for label in varied) or trial.name for trial in best]
    axes.plot([trial.full_valid_loss for trial in best], range(len(best)), marker="o", linestyle="", color="tab:blue")
    axes.plot(best[0].full_valid_loss, 0, marker="*", markersize=16, color="tab:red")
    axes.set_yticks(range(len(best)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"{METRIC} (nats a token)")
    axes.grid(alpha=0.3)


def _in_order(values: Sequence[Setting]) -> list[Setting]:
    """Numbers by size; anything else as the grid has it."""
    numbers = [value for value in values if isinstance(value, int | float)]
    return [*sorted(numbers)] if len(numbers) == len(values) else list(values)


def _short(value: Setting) -> str:
    text = setting_text(value)
    return _plain(text if len(text) <= 24 else f"...{text[-21:]}")


def _plain(text: str) -> str:
    """Text in which matplotlib reads no formula."""
    return text.replace("$", r"\$")
