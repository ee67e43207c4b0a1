"""A short form of `scripts/soak_store.py`: writers that are killed lose nothing they acknowledged, and leave nothing else."""

from __future__ import annotations

from pathlib import Path

from soaking import soaked


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    said = soaked("store", tmp_path, "--kills", "6", seconds=300)
    row = said[said.rindex("|---|") :].splitlines()[1]
    kills, _, files, jobs, _, failed = [int(cell) for cell in row.strip("| ").split(" | ")]
    assert kills == 6 and files > 0 and jobs > 0 and failed == 0
