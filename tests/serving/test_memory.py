"""Free memory decides whether one more base model is loaded beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from localft.serving import memory

GIB = 1 << 30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GiB free and a model of 1 GiB, without a container's limit."""
    (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {8 * GIB >> 10} kB\n")
    with (tmp_path / "model.safetensors").open("wb") as weights:
        weights.truncate(GIB)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    return tmp_path


def test_a_model_fits_where_as_much_as_it_takes_is_left_beside_what_others_may_come_to_use(machine: Path) -> None:
    assert memory.fits(machine, "cpu", spoken_for=3 * GIB)
    assert not memory.fits(machine, "cpu", spoken_for=3 * GIB + 1)


def test_a_container_has_what_its_limit_leaves(machine: Path) -> None:
    for name, value in (("max", str(9 * GIB)), ("current", str(6 * GIB)), ("stat", f"anon 1\ninactive_file {GIB}\n")):
        (machine / f"memory.{name}").write_text(value)
    assert not memory.fits(machine, "cpu", spoken_for=0), "4 GiB"
    (machine / "memory.max").write_text(str(10 * GIB))
    assert memory.fits(machine, "cpu", spoken_for=0), "5 GiB"
    (machine / "memory.max").write_text("max")
    assert memory.fits(machine, "cpu", spoken_for=3 * GIB)


def test_without_a_gpu_that_can_be_asked_nothing_fits_on_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "gpu_memory", lambda: None)
    assert not memory.fits(machine, "cuda", spoken_for=0)
