"""A short form of `scripts/soak_spot.py`: the spot job's command, interrupted at random, ends with the undisturbed bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from soaking import soaked


@pytest.mark.slow
def test_a_machine_that_is_taken_away_costs_no_result_and_the_log_proves_it(tmp_path: Path) -> None:
    said = soaked("spot", tmp_path, "--points", "2")
    for form in ("localft train", "accelerate launch"):
        row = next(line for line in said.splitlines() if line.startswith(f"| {form} |"))
        kills, terms, _, _, _, ended, differ = [int(cell) for cell in row.strip("| ").split(" | ")[1:]]
        assert kills + terms == 2 and ended >= 1 and differ == 0
