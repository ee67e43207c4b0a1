"""A short form of `scripts/soak_spot.py`: the spot job's command, interrupted at random, ends with the undisturbed bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runs import environment

SCRIPT = Path(__file__).parent.parent / "scripts" / "soak_spot.py"


@pytest.mark.slow
def test_a_machine_that_is_taken_away_costs_no_result_and_the_log_proves_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--points", "2"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=560,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for form in ("localft train", "accelerate launch"):
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"| {form} |"))
        kills, terms, _, _, _, ended, differ = [int(cell) for cell in row.strip("| ").split(" | ")[1:]]
        assert kills + terms == 2 and ended >= 1 and differ == 0
    assert "Nothing failed." in done.stdout
