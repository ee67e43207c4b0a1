"""A short form of `scripts/soak_checkpoints.py`: real runs killed, damaged and out of disk, with the undisturbed run's bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from runs import environment

SCRIPT = Path(__file__).parent.parent / "scripts" / "soak_checkpoints.py"


@pytest.mark.slow
def test_runs_that_were_killed_or_damaged_end_with_the_undisturbed_bytes(tmp_path: Path) -> None:
    few = ["--kills", "2", "--resumes", "1", "--disks", "0"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *few], env=environment(tmp_path), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for case in ("LoRA", "QLoRA (NF4)"):
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"| {case} |"))
        kills, inside_save, _, torn, _, ended, differ = [int(cell) for cell in row.strip("| ").split(" | ")[1:]]
        assert kills == 1 and inside_save <= 1 and ended >= 1 and torn == differ == 0
    matrix = re.findall(r"\| (\d+) of (\d+) \|", done.stdout)
    assert len(matrix) == 14 and all(found == files != "0" for found, files in matrix)
