"""Checkpoints are whole or skipped, whatever happened to their files."""

from __future__ import annotations

import errno
import json
import os
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
    path.write_bytes(path.read_bytes()[:-1])


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_first_bit(path: Path) -> None:
    flip_a_bit(path, 0)


def flip_last_bit(path: Path) -> None:
    flip_a_bit(path, 8 * path.stat().st_size - 1)


def flip_a_bit(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def make_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [
    remove, cut_short, cut_in_half, empty, flip_first_bit, flip_last_bit, lengthen, make_a_directory
]  # fmt: skip
FILES = ["adapter_model.safetensors", "manifest.json", "optimizer.pt", "state.json"]


def test_a_checkpoint_reads_back_and_verifies(tmp_path: Path) -> None:
    checkpoint = write(tmp_path, 4)
    checkpoints.verify(checkpoint)
    assert checkpoints.read_state(checkpoint) == state(4)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


def assert_skipped(run: Path, damaged: str, previous: Path | None) -> str:
    """Asserts that the damaged checkpoint is named and the one before is used; returns what was said."""
    skipped: list[str] = []
    assert checkpoints.newest_valid(run, skipped.append) == previous
    assert len(skipped) == 1
    assert skipped[0].startswith(f"Skipped {damaged}: ")
    return skipped[0]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_torn_checkpoint_is_named_and_the_one_before_is_used(
    tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    previous = write(tmp_path, 2)
    checkpoint = write(tmp_path, 4)
    assert sorted(path.name for path in checkpoint.iterdir()) == FILES
    damage(checkpoint / name)
    assert name in assert_skipped(tmp_path, "checkpoint-4", previous)


def test_a_flipped_bit_in_any_byte_of_the_manifest_is_found(tmp_path: Path) -> None:
    manifest = write(tmp_path, 4) / "manifest.json"
    whole = manifest.read_bytes()
    for byte in range(len(whole)):
        flip_a_bit(manifest, 8 * byte + byte % 8)
        assert_skipped(tmp_path, "checkpoint-4", None)
        manifest.write_bytes(whole)
    checkpoints.verify(manifest.parent)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "deeper/optimizer.pt", ".hidden"])
def test_a_file_too_much_is_named(tmp_path: Path, name: str) -> None:
    previous = write(tmp_path, 2)
    extra = write(tmp_path, 4) / name
    extra.parent.mkdir(exist_ok=True)
    extra.write_bytes(b"whatever")
    assert name in assert_skipped(tmp_path, "checkpoint-4", previous)


def test_a_checkpoint_under_the_name_of_another_step_is_named(tmp_path: Path) -> None:
    previous = write(tmp_path, 2)
    write(tmp_path, 4).rename(tmp_path / "checkpoint-6")
    assert "state.json is of step 4" in assert_skipped(tmp_path, "checkpoint-6", previous)


def test_the_state_of_another_step_is_named(tmp_path: Path) -> None:
    previous = write(tmp_path, 2)
    state_file = write(tmp_path, 4) / "state.json"
    state_file.write_bytes((previous / "state.json").read_bytes())
    assert "state.json" in assert_skipped(tmp_path, "checkpoint-4", previous)


def test_a_file_that_cannot_be_read_is_damage_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    previous = write(tmp_path, 2)
    write(tmp_path, 4)
    sha256 = checkpoints._sha256

    def broken_disk(path: Path) -> str:
        if path.parent.name == "checkpoint-4":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return sha256(path)

    monkeypatch.setattr(checkpoints, "_sha256", broken_disk)
    assert "Input/output error" in assert_skipped(tmp_path, "checkpoint-4", previous)


def test_leftovers_of_saves_that_were_cut_off_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = write(tmp_path, 2)
    for name in (".staging-checkpoint-4", ".staging-model", ".replaced-checkpoint-2"):
        (tmp_path / name / "inner").mkdir(parents=True)
    (tmp_path / ".replaced-model").write_bytes(b"a file where a directory was meant")
    (tmp_path / ".notes").write_text("the user's own")
    checkpoints.remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".notes", kept.name]


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
