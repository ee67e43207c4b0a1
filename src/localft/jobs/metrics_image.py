"""`metrics.png`: loss and token accuracy over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localft.jobs.results import ResultRow

CURVES = (
    ("train", "train_{}", {"color": "tab:blue", "linewidth": 1.0, "alpha": 0.8}),
    ("valid (one batch)", "valid_{}", {"color": "tab:orange", "marker": ".", "linewidth": 1.0}),
    ("valid (whole file)", "full_valid_{}", {"color": "tab:red", "marker": "o", "linestyle": "--"}),
)


def draw_metrics(rows: Sequence[ResultRow], target: Path, *, title: str) -> bool:
    """Draws the curves that have points; False where matplotlib is not installed, which costs the picture only."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # draws to files, never to a screen
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9)
    for place, (metric, label) in enumerate((("loss", "loss (nats a token)"), ("mean_token_accuracy", "accuracy"))):
        axes = figure.add_subplot(1, 2, place + 1)
        _draw(axes, rows, metric)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    staged = target.with_name(f".{target.name}.staged")
    figure.savefig(staged, format="png", dpi=120)
    staged.replace(target)
    return True


def _draw(axes: Any, rows: Sequence[ResultRow], metric: str) -> None:
    for name, column, style in CURVES:
        points = [(row.step, row.metrics[key]) for row in rows if (key := column.format(metric)) in row.metrics]
        if points:
            axes.plot(*zip(*points, strict=True), label=name, **style)
    if axes.lines:
        axes.legend(fontsize=8)
    if metric == "mean_token_accuracy":
        axes.set_ylim(0, 1.02)
