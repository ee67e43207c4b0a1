"""A short form of `scripts/soak_worker.py`: a worker that is killed at random costs no job and no byte of its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from soaking import soaked


@pytest.mark.slow
def test_a_job_ends_as_if_nothing_had_happened_whenever_its_worker_is_killed(tmp_path: Path) -> None:
    said = soaked("worker", tmp_path, "--kills", "3", "--seed", "2")
    row = said[said.rindex("|---|") :].splitlines()[1]
    alone, together, _, _, ended, differ = [int(cell) for cell in row.strip("| ").split(" | ")]
    assert alone + together == 3 and ended >= 1 and differ == 0
