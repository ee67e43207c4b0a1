"""metrics.png: drawn where matplotlib is installed, missed without harm where it is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localft.jobs.metrics_image import draw_metrics
from localft.jobs.results import ResultRow

ROWS = [
    ResultRow(1, {"train_loss": 2.0, "train_mean_token_accuracy": 0.1, "valid_loss": 2.1}),
    ResultRow(2, {"train_loss": 1.0, "train_mean_token_accuracy": 0.4, "full_valid_loss": 1.5}),
]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []], ids=["curves", "one point", "nothing"])
def test_the_picture_is_a_png_of_both_metrics(tmp_path: Path, rows: list[ResultRow]) -> None:
    pytest.importorskip("matplotlib")
    assert draw_metrics(rows, tmp_path / "metrics.png", title="a_name$with^signs")
    assert (tmp_path / "metrics.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.png"]


def test_without_matplotlib_only_the_picture_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not draw_metrics(ROWS, tmp_path / "metrics.png", title="x")
    assert list(tmp_path.iterdir()) == []
