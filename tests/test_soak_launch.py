"""A short form of `scripts/soak_launch.py`: two nodes of two processes, started in both ways as Azure ML starts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soaking import soaked


@pytest.mark.slow
def test_two_nodes_of_two_processes_end_well_with_the_losses_of_one_process(tmp_path: Path) -> None:
    said = soaked("launch", tmp_path, "--times", "1")
    for way in ("accelerate", "platform"):
        row = next(line for line in said.splitlines() if line.startswith(f"| {way} |"))
        launches, exited_0, difference, _ = row.strip("| ").split(" | ")[1:]
        assert (launches, exited_0) == ("1", "1") and float(difference) <= 1e-5
