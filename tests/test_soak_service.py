"""A short form of `scripts/soak_service.py` and `scripts/soak_schema.py`: the same trials, fewer of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from soaking import soaked


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    said = soaked("service", tmp_path, "--only", "kills", "--kills", "3")
    assert "| SIGKILLs of the server | 3 |" in said


@pytest.mark.slow
def test_a_large_upload_takes_no_memory_and_a_cut_one_leaves_nothing(tmp_path: Path) -> None:
    said = soaked("service", tmp_path, "--only", "memory", "--only", "cuts", "--megabytes", "128", "--cuts", "10")
    assert "| files that they left | 0 |" in said and "| one of 513 MB | 413 |" in said


@pytest.mark.slow
def test_what_the_description_allows_and_what_it_does_not_is_answered_below_500(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    said = soaked("schema", tmp_path, "--cases", "300")
    assert "0 answers of 500 or above" in said
