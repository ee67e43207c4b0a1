"""What is told of the first steps beforehand is what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localft.plan import TrainingPlan
from localft.progress import StepMetrics
from localft.tokenization.examples import TokenizedExample
from localft.training import forecast as lookahead
from localft.training.forecast import forecast
from tiny_jobs import random_rows, run, tiny_plan


def alike(n: int, *, prefix: int, own: int) -> list[TokenizedExample]:
    """Rows of `prefix` tokens in common, and `own` of their own behind them."""
    ids = ([7] * prefix + [line] * own for line in range(1, n + 1))
    return [TokenizedExample(line, row, [0.0] + [1.0] * (len(row) - 1)) for line, row in enumerate(ids, start=1)]


def plan(rows: list[TokenizedExample], *, processes: int = 1, **values: Any) -> TrainingPlan:
    drawn = tiny_plan(Path("tiny"), examples=len(rows), **values)
    return drawn.model_copy(update={"execution": drawn.execution.model_copy(update={"processes": processes})})


def test_rows_that_begin_alike_are_counted_once_where_sharing_is_on() -> None:
    rows = alike(8, prefix=100, own=10)
    told = forecast(plan(rows, batch_size=4), rows)
    assert (told.steps, told.micro_batches, told.tokens) == (2, 1.0, 880)
    assert (told.computed_tokens, told.fullest_micro_batch) == (2 * (100 + 4 * 10), 140)
    apart = forecast(plan(rows, batch_size=4, share_prefixes=False), rows)
    assert (apart.computed_tokens, apart.fullest_micro_batch, apart.shared) == (880, 440, 0.0)


def test_the_padding_that_packing_avoids_is_told() -> None:
    rows = [
        TokenizedExample(line, [line] * length, [0.0] + [1.0] * (length - 1)) for line, length in ((1, 10), (2, 30))
    ]
    told = forecast(plan(rows, batch_size=2), rows)
    assert (told.tokens, told.computed_tokens, told.padded_tokens, told.padding_avoided) == (40, 40, 60, 1.5)


def test_micro_batches_are_those_of_the_busiest_process() -> None:
    rows = alike(3, prefix=0, own=10)
    told = forecast(plan(rows, processes=2, batch_size=3, tokens_per_micro_batch=10), rows)
    assert (told.micro_batches, told.fullest_micro_batch) == (2.0, 10)
    more_processes_than_rows = forecast(plan(rows, processes=5, batch_size=3), rows)
    assert more_processes_than_rows.micro_batches == 1.0


def test_only_as_many_steps_are_looked_at_as_tell_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookahead, "LOOKAHEAD_TOKENS", 100)
    rows = alike(20, prefix=0, own=30)
    assert forecast(plan(rows, batch_size=2), rows).steps == 2


@pytest.mark.parametrize("share", [True, False])
def test_the_training_computes_what_was_forecast(tiny_llama: Path, tmp_path: Path, share: bool) -> None:
    rows = [
        TokenizedExample(row.line, [9] * 40 + row.input_ids, [0.0] * 40 + row.loss_weights) for row in random_rows(10)
    ]
    drawn = tiny_plan(tiny_llama, examples=10, batch_size=4, tokens_per_micro_batch=150, share_prefixes=share)
    _, events = run(drawn, tmp_path, rows)
    computed = [event.computed_tokens for event in events if isinstance(event, StepMetrics)]
    assert sum(computed) == forecast(drawn, rows).computed_tokens
