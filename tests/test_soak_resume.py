"""A short form of `scripts/soak_resume.py`: the real command goes on behind 90 % of an epoch, and reads nothing it need not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runs import environment

SCRIPT = Path(__file__).parent.parent / "scripts" / "soak_resume.py"


def test_a_run_goes_on_with_its_next_step_and_reads_that_step_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--rows", "4000"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gone on behind step 14 of 16" in done.stdout
    assert "| rows read from the store from there to the first step | 256 |" in done.stdout
    assert "Nothing failed." in done.stdout


def test_the_number_of_rows_is_checked() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--rows", "1500"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "a multiple of 1000" in done.stderr
