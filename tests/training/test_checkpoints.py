"""Checkpoints are whole or skipped, whatever happened to their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from localft.errors import CheckpointError
from localft.training import checkpoints
from localft.training.checkpoints import CheckpointState


def state(step: int, *, epoch_end: bool = True) -> CheckpointState:
    return CheckpointState(
        step=step,
        epoch=1,
        epoch_end=epoch_end,
        seed=1,
        meaning_fingerprint="f",
        trainable_dtype="float32",
        trained_tokens=10,
        ranks=1,
    )


def write(run: Path, step: int, *, epoch_end: bool = True) -> Path:
    target = checkpoints.checkpoint_path(run, step)
    with checkpoints.staged(target) as staging:
        (staging / "optimizer.pt").write_bytes(b"moments" * 100)
        (staging / "adapter_model.safetensors").write_bytes(b"weights" * 100)
        checkpoints.write_state(staging, state(step, epoch_end=epoch_end))
    return target


def remove(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)


def test_a_checkpoint_reads_back_and_verifies(tmp_path: Path) -> None:
    checkpoint = write(tmp_path, 4)
    checkpoints.verify(checkpoint)
    assert checkpoints.read_state(checkpoint) == state(4)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


@pytest.mark.parametrize("damage", [remove, cut_short, flip_a_bit])
@pytest.mark.parametrize("name", ["optimizer.pt", "adapter_model.safetensors", "state.json", "manifest.json"])
def test_a_torn_checkpoint_is_named_and_the_one_before_is_used(
    tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    previous = write(tmp_path, 2)
    damage(write(tmp_path, 4) / name)
    skipped: list[str] = []
    assert checkpoints.newest_valid(tmp_path, skipped.append) == previous
    assert len(skipped) == 1
    assert skipped[0].startswith("Skipped checkpoint-4: ")
    if name != "manifest.json":  # one changed bit of the manifest may point anywhere
        assert name in skipped[0]


def test_no_checkpoint_at_all_is_not_an_error(tmp_path: Path) -> None:
    assert checkpoints.newest_valid(tmp_path, pytest.fail) is None
    assert checkpoints.newest_valid(tmp_path / "nothing", pytest.fail) is None


def test_checkpoints_are_ordered_by_step_not_by_name(tmp_path: Path) -> None:
    write(tmp_path, 9)
    newest = write(tmp_path, 10)
    assert checkpoints.newest_valid(tmp_path, pytest.fail) == newest


def test_a_write_that_fails_leaves_nothing_with_a_name(tmp_path: Path) -> None:
    before = write(tmp_path, 2)
    with pytest.raises(OSError, match="no space"), checkpoints.staged(tmp_path / "checkpoint-4") as staging:
        (staging / "optimizer.pt").write_bytes(b"half")
        raise OSError("no space left on device")
    assert [path.name for path in tmp_path.iterdir()] == [before.name]


def test_a_write_replaces_a_torn_checkpoint_of_the_same_step(tmp_path: Path) -> None:
    remove(write(tmp_path, 4) / "optimizer.pt")
    checkpoints.verify(write(tmp_path, 4))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


def test_three_epochs_and_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (2, 4, 6, 8):
        write(tmp_path, step)
    write(tmp_path, 9, epoch_end=False)
    checkpoints.prune(tmp_path, newest_step=9)
    assert checkpoints.all_steps(tmp_path) == [4, 6, 8, 9]
    write(tmp_path, 10)
    checkpoints.prune(tmp_path, newest_step=10)
    assert checkpoints.all_steps(tmp_path) == [6, 8, 10]


def test_pruning_removes_what_a_crash_left_and_a_future_that_is_no_more(tmp_path: Path) -> None:
    write(tmp_path, 2)
    write(tmp_path, 6)
    (tmp_path / ".staging-checkpoint-8").mkdir()
    checkpoints.prune(tmp_path, newest_step=2)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]


def test_a_state_of_another_format_is_refused_by_name(tmp_path: Path) -> None:
    checkpoint = write(tmp_path, 2)
    fields = json.loads((checkpoint / "state.json").read_text())
    (checkpoint / "state.json").write_text(json.dumps({**fields, "format": 99}))
    with pytest.raises(CheckpointError, match="expected format 1, found 99"):
        checkpoints.read_state(checkpoint)
