"""A full disk costs no checkpoint, and says in one sentence where, how much and what to do."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peft.peft_model
import pytest
import torch

from localft.errors import TrainingFailed
from localft.progress import ProgressEvent, StepMetrics
from localft.training import checkpoints, disk_space, engine
from localft.training.disk_space import SpaceNeeded
from tiny_jobs import metrics, random_rows, run, tiny_plan

ROWS = random_rows(4)


def written(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def disk_with(monkeypatch: pytest.MonkeyPatch, free: Iterator[int]) -> None:
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: SimpleNamespace(total=10**12, free=next(free)))


@pytest.mark.parametrize(
    "options", [{}, {"quantization": "nf4"}, {"lora": None}, {"lora": None, "precision": "bfloat16"}]
)
def test_the_estimate_covers_what_is_written_and_little_more(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    found: list[SpaceNeeded] = []
    count = disk_space.space_needed
    monkeypatch.setattr(disk_space, "space_needed", lambda *given: found.append(count(*given)) or found[-1])
    plan = tiny_plan(tiny_llama, examples=4, **options)
    run(plan, tmp_path, ROWS)
    slack = 1.5 * disk_space.SMALL_FILES_BYTES
    assert written(tmp_path / "checkpoint-1") <= found[0].checkpoint <= written(tmp_path / "checkpoint-1") + slack
    assert written(tmp_path / "model") <= found[0].model <= written(tmp_path / "model") + slack


@pytest.mark.parametrize(
    ("epochs_left", "epochs_on_disk", "needed"),
    [
        (1, 0, 110),  # one checkpoint, and the model beside it
        (3, 0, 310),
        (4, 0, 400),  # the fourth is staged while three are kept
        (9, 0, 400),
        (9, 3, 100),  # each new one takes the place of an old one
        (1, 1, 110),
        (0, 3, 10),  # only the model is left to write
    ],
)
def test_a_run_needs_what_its_fullest_moment_needs(epochs_left: int, epochs_on_disk: int, needed: int) -> None:
    space = SpaceNeeded(checkpoint=100, model=10, records=1)
    assert space.for_run(epochs_left=epochs_left, epochs_on_disk=epochs_on_disk) == needed + 1


def test_a_run_that_cannot_fit_is_refused_before_its_first_step(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_with(monkeypatch, iter([54321]))
    events: list[ProgressEvent] = []
    with pytest.raises(TrainingFailed) as caught:
        engine_run(tiny_llama, tmp_path, events)
    assert caught.value.code == "disk_full"
    assert str(tmp_path) in str(caught.value) and "54,321" in str(caught.value) and "expected " in str(caught.value)
    assert not [event for event in events if isinstance(event, StepMetrics)]
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_is_noticed_before_the_save(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_with(monkeypatch, iter([10**12, 10**12, 777]))  # before the run, before the first save, before the second
    with pytest.raises(TrainingFailed, match=r"checkpoint-2: the disk is full: expected [\d,]+ bytes free, found 777"):
        engine_run(tiny_llama, tmp_path, [])
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]
    checkpoints.verify(tmp_path / "checkpoint-1")


def test_a_file_system_that_does_not_say_what_is_free_stops_nothing(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: SimpleNamespace(total=0, free=0))
    engine_run(tiny_llama, tmp_path, [])
    assert (tmp_path / "model").is_dir()


def test_no_room_at_any_file_of_a_save_leaves_the_checkpoint_before(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(tiny_llama, examples=4, n_epochs=2)
    whole = metrics(run(plan, tmp_path / "whole", ROWS)[1])
    checkpoint = tmp_path / "whole/checkpoint-2"
    names = sorted(path.name for path in checkpoint.iterdir())
    assert {"adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "state.json"} < set(names)
    for name in names:
        directory = tmp_path / name
        with monkeypatch.context() as patch:
            failed = no_room_for(patch, f"checkpoint-2/{name}")
            with pytest.raises(TrainingFailed, match=r"checkpoint-2: the disk is full \(.*\[Errno 28\]") as caught:
                engine_run(tiny_llama, directory, [])
        assert failed, f"{name} is written by something that this test does not know"
        assert caught.value.code == "disk_full" and caught.value.on_every_process
        assert [path.name for path in directory.iterdir()] == ["checkpoint-1"]
    _, events = run(plan, directory, ROWS, resume_from=checkpoints.newest_valid(directory, pytest.fail))
    assert metrics(events) == whole[1:]


def test_no_room_for_the_model_leaves_its_last_checkpoint(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        no_room_for(patch, "model/adapter_model.safetensors")
        with pytest.raises(TrainingFailed, match="model: the disk is full"):
            engine_run(tiny_llama, tmp_path, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-2"]
    newest = checkpoints.newest_valid(tmp_path, pytest.fail)
    outcome, events = run(tiny_plan(tiny_llama, examples=4, n_epochs=2), tmp_path, ROWS, resume_from=newest)
    assert outcome.status == "succeeded" and not metrics(events)


def engine_run(base: Path, directory: Path, events: list[ProgressEvent]) -> None:
    """Two epochs of one step, told as far as they come."""
    directory.mkdir(exist_ok=True)
    engine.train(
        tiny_plan(base, examples=4, n_epochs=2),
        directory,
        events.append,
        training=ROWS,
        validation=None,
        tokenizer_files=base,
        resume_from=None,
        should_stop=lambda: False,
    )


def no_room_for(patch: pytest.MonkeyPatch, ending: str) -> list[Path]:
    """Lets the write of one staged file fail half way, whoever writes it; returns the list of times it did."""
    failed: list[Path] = []

    def guarded(write: Callable[..., Any], place: int) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            target = given[place] if len(given) > place else None
            mode = given[1] if len(given) > 1 and isinstance(given[1], str) else options.get("mode", "r")
            reads = place == 0 and mode.startswith("r")
            if not reads and isinstance(target, str | Path) and str(target).endswith(f".staging-{ending}"):
                failed.append(Path(target))
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT), "wb") as file:
                    file.write(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
            return write(*given, **options)

        return call

    patch.setattr(builtins, "open", guarded(builtins.open, 0))
    patch.setattr(io, "open", guarded(io.open, 0))
    patch.setattr(torch, "save", guarded(torch.save, 1))
    patch.setattr(peft.peft_model, "safe_save_file", guarded(peft.peft_model.safe_save_file, 1))
    return failed
