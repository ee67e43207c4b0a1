"""A store in a directory of its own, with a clock that the test winds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localft.jobs.store import Store
from stores import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(tmp_path / "home", clock=clock) as store:
        yield store
