"""A short form of `scripts/soak_store.py`: writers that are killed lose nothing they acknowledged, and leave nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runs import environment

SCRIPT = Path(__file__).parent.parent / "scripts" / "soak_store.py"


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "6"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = done.stdout[done.stdout.rindex("|---|") :].splitlines()[1]
    kills, _, files, jobs, _, failed = [int(cell) for cell in row.strip("| ").split(" | ")]
    assert kills == 6 and files > 0 and jobs > 0 and failed == 0
    assert "Nothing failed." in done.stdout
