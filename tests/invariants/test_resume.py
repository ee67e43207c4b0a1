"""A run that was stopped and continued is the uninterrupted run, bit for bit on a CPU."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localft.errors import CheckpointError
from localft.progress import CheckpointSaved
from localft.tokenization.examples import TokenizedExample
from localft.training import checkpoints
from localft.training.batching import order
from tiny_jobs import LORA, StopAfter, metrics, random_rows, run, tiny_plan

ROWS = random_rows(10, fractional=True)
VALIDATION = random_rows(4, seed=8)
WITH_DROPOUT = LORA.model_copy(update={"dropout": 0.1})
"""Dropout makes the state of the random generators matter."""


@pytest.mark.parametrize(
    ("fixture", "options"),
    [
        ("tiny_llama", {"lora": WITH_DROPOUT}),
        ("tiny_phi3", {"lora": WITH_DROPOUT, "quantization": "nf4", "warmup_steps": 2}),
        ("tiny_llama", {"lora": None, "tokens_per_micro_batch": 100}),
    ],
    ids=["lora", "qlora", "full"],
)
def test_a_run_stopped_at_any_step_continues_to_the_same_bits(
    request: pytest.FixtureRequest, tmp_path: Path, fixture: str, options: dict[str, Any]
) -> None:
    """Three steps an epoch, three epochs: stopped inside an epoch, at its end, and twice."""
    plan = tiny_plan(request.getfixturevalue(fixture), examples=10, batch_size=4, n_epochs=3, **options)
    outcome, events = run(plan, tmp_path / "whole", ROWS, validation=VALIDATION)
    whole = metrics(events)
    assert len(whole) == 9
    for stops in ([2], [3], [4, 8]):
        directory = tmp_path / f"stopped-{stops}"
        found, newest = [], None
        for stop in stops:
            behind = found[-1].step if found else 0
            part, events = run(
                plan, directory, ROWS, validation=VALIDATION, resume_from=newest, should_stop=StopAfter(stop - behind)
            )
            assert (part.status, part.last_step, part.model_path) == ("interrupted", stop, None)
            saved = [event for event in events if isinstance(event, CheckpointSaved)][-1]
            assert (saved.step, saved.epoch_end) == (stop, stop % 3 == 0)
            found += metrics(events)
            newest = checkpoints.newest_valid(directory, pytest.fail)
            assert newest == directory / f"checkpoint-{stop}"
        last, events = run(plan, directory, ROWS, validation=VALIDATION, resume_from=newest)
        assert found + metrics(events) == whole
        assert last.trained_tokens == outcome.trained_tokens
        for path in (tmp_path / "whole/model").glob("*.safetensors"):
            assert (directory / "model" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_run_does_not_go_on_with_other_files_of_its_model(tiny_llama: Path, tmp_path: Path, name: str) -> None:
    model = tmp_path / "base"
    shutil.copytree(tiny_llama, model)
    plan = tiny_plan(model, examples=10, batch_size=4)
    run(plan, tmp_path / "run", ROWS, should_stop=StopAfter(1))
    content = bytearray((model / name).read_bytes())
    content[-1:] = bytes([content[-1] ^ 1]) if name == "model.safetensors" else b"}\n"
    (model / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"found other files: {name}\. Bring them back") as caught:
        run(plan, tmp_path / "run", ROWS, resume_from=tmp_path / "run/checkpoint-1")
    assert caught.value.code == "model_changed"


def test_a_torn_newest_checkpoint_costs_an_epoch_not_the_run(tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=5, n_epochs=3)
    whole = metrics(run(plan, tmp_path / "whole", ROWS)[1])
    directory = tmp_path / "torn"
    run(plan, directory, ROWS, should_stop=StopAfter(4))
    optimizer = directory / "checkpoint-4/optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:-1])
    skipped: list[str] = []
    newest = checkpoints.newest_valid(directory, skipped.append)
    assert newest == directory / "checkpoint-2"
    assert len(skipped) == 1
    _, events = run(plan, directory, ROWS, resume_from=newest)
    assert metrics(events) == whole[2:]
    assert checkpoints.all_steps(directory) == [2, 4, 6]
    checkpoints.verify(directory / "checkpoint-4")


class ManyRows(Sequence[TokenizedExample]):
    """A million rows that are made when they are asked for, and remembers which were."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, index: Any) -> Any:
        self.read.append(index)
        return replace(ROWS[index % len(ROWS)], line=index + 1)


def pretend_to_be_at(step: int, checkpoint: Path) -> Path:
    """The checkpoint as one of a later step of the same epoch."""
    target = checkpoints.checkpoint_path(checkpoint.parent, step)
    with checkpoints.staged(target) as staging:
        shutil.copytree(checkpoint, staging, dirs_exist_ok=True)
        (staging / checkpoints.MANIFEST).unlink()
        trainer_state = json.loads((staging / "trainer_state.json").read_text())
        (staging / "trainer_state.json").write_text(json.dumps({**trainer_state, "global_step": step}))
        checkpoints.write_state(staging, replace(checkpoints.read_state(checkpoint), step=step))
    return target


def test_a_run_of_a_million_rows_goes_on_at_nine_tenths_without_reading_a_skipped_row(
    tiny_llama: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(tiny_llama, examples=1_000_000, batch_size=4)
    run(plan, tmp_path, ManyRows(), should_stop=StopAfter(1))
    late = pretend_to_be_at(225_000, tmp_path / "checkpoint-1")
    rows = ManyRows()
    outcome, events = run(plan, tmp_path, rows, resume_from=late, should_stop=StopAfter(2))
    assert (outcome.last_step, [done.step for done in metrics(events)]) == (225_002, [225_001, 225_002])
    expected = order(seed=7, epoch=0, n=1_000_000)[900_000:900_012]
    assert rows.read[:8] == expected[:8]
    assert set(rows.read) <= set(expected), "one step may be fetched ahead, and no other row is touched"
