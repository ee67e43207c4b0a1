"""A short form of `scripts/soak_worker.py`: a worker that is killed at random costs no job and no byte of its results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runs import environment

SCRIPT = Path(__file__).parent.parent / "scripts" / "soak_worker.py"


@pytest.mark.slow
def test_a_job_ends_as_if_nothing_had_happened_whenever_its_worker_is_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "3", "--seed", "2"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=560,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = done.stdout[done.stdout.rindex("|---|") :].splitlines()[1]
    alone, together, _, _, ended, differ = [int(cell) for cell in row.strip("| ").split(" | ")]
    assert alone + together == 3 and ended >= 1 and differ == 0
    assert "Nothing failed." in done.stdout
