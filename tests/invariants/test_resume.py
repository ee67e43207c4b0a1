"""A run that was stopped and continued is the uninterrupted run, bit for bit on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localft.progress import CheckpointSaved
from localft.training import checkpoints
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
