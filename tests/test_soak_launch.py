"""A short form of `scripts/soak_launch.py`: two nodes of two processes, started in both ways as Azure ML starts them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runs import environment

SCRIPT = Path(__file__).parent.parent / "scripts" / "soak_launch.py"


@pytest.mark.slow
def test_two_nodes_of_two_processes_end_well_with_the_losses_of_one_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--times", "1"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=560,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for way in ("accelerate", "platform"):
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"| {way} |"))
        launches, exited_0, difference, _ = row.strip("| ").split(" | ")[1:]
        assert (launches, exited_0) == ("1", "1") and float(difference) <= 1e-5
    assert "Nothing failed." in done.stdout
