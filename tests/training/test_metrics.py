"""Pooled metrics: by hand, and independent of how rows are batched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from localft.errors import TrainingFailed
from localft.modeling.attention import attend_by_segments
from localft.modeling.head import add_trained_positions_head
from localft.training import metrics
from localft.training.metrics import evaluate, validates_at, validation_rows
from tiny_jobs import Memory, random_rows


@pytest.fixture(scope="module")
def model(tiny_llama: Path) -> Any:
    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    assert attend_by_segments(model)
    add_trained_positions_head(model)
    return model


CPU = torch.device("cpu")


def test_loss_does_not_depend_on_the_evaluation_batch_size(model: Any) -> None:
    rows = random_rows(13, fractional=True)
    found = [evaluate(model, rows, tokens_per_micro_batch=budget, device=CPU) for budget in (1, 100, 200, 10**6)]
    for other in found[1:]:
        assert other.loss == pytest.approx(found[0].loss, rel=1e-6)
        assert other.mean_token_accuracy == found[0].mean_token_accuracy


def test_loss_is_the_sum_over_tokens_divided_once(model: Any, tiny_llama: Path) -> None:
    rows = random_rows(5, fractional=True)
    plain = AutoModelForCausalLM.from_pretrained(tiny_llama)
    nll = weight = right = targets = 0.0
    for row in rows:
        with torch.no_grad():
            logits_TV = plain(input_ids=torch.tensor([row.input_ids])).logits[0].double()
        for t, w in enumerate(row.loss_weights):
            if w:
                nll -= w * logits_TV[t - 1].log_softmax(-1)[row.input_ids[t]].item()
                weight += w
                right += int(logits_TV[t - 1].argmax() == row.input_ids[t])
                targets += 1
    found = evaluate(model, rows, tokens_per_micro_batch=100, device=CPU)
    assert found.loss == pytest.approx(nll / weight, rel=1e-6)
    assert found.mean_token_accuracy == pytest.approx(right / targets)


def test_evaluation_leaves_random_state_and_mode_as_found(model: Any) -> None:
    model.train()
    before = torch.random.get_rng_state()
    evaluate(model, random_rows(3), tokens_per_micro_batch=100, device=CPU)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert model.training


def test_validation_comes_at_the_steps_of_the_service() -> None:
    assert [step for step in range(1, 34) if validates_at(step, 33)] == [1, 10, 20, 30, 33]


def test_validation_batch_is_drawn_by_seed_and_step_without_repeats() -> None:
    rows = validation_rows(7, 10, n=50, batch_size=8)
    assert rows == validation_rows(7, 10, n=50, batch_size=8)
    assert rows != validation_rows(7, 20, n=50, batch_size=8)
    assert rows != validation_rows(8, 10, n=50, batch_size=8)
    assert len(set(rows)) == 8
    assert validation_rows(7, 10, n=3, batch_size=8) == [0, 1, 2]


def test_running_out_of_memory_measures_the_same_and_counts_no_row_twice(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = random_rows(13, fractional=True)
    calm = evaluate(model, rows, tokens_per_micro_batch=200, device=CPU)
    shrunk: list[int] = []
    for memory in (Memory(100), Memory(0, only_in_call=2)):
        monkeypatch.setattr(metrics, "score", memory)
        found = evaluate(model, rows, tokens_per_micro_batch=200, device=CPU, shrunk=shrunk.append)
        assert found.loss == pytest.approx(calm.loss, rel=1e-6)
        assert found.mean_token_accuracy == calm.mean_token_accuracy
    assert len(shrunk) == 2
    assert max(shrunk) <= 100


def test_a_budget_that_suffices_is_not_shrunk(model: Any) -> None:
    shrunk: list[int] = []
    evaluate(model, random_rows(5), tokens_per_micro_batch=100, device=CPU, shrunk=shrunk.append)
    assert shrunk == []


def test_a_row_that_is_too_large_to_be_measured_fails_by_its_line(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_rows(5)
    longest = max(rows, key=lambda row: len(row.input_ids))
    monkeypatch.setattr(metrics, "score", Memory(len(longest.input_ids) - 1))
    expected = rf"Validation: .* a single row of {len(longest.input_ids)} tokens \(line {longest.line}\)"
    with pytest.raises(TrainingFailed, match=expected) as caught:
        evaluate(model, rows, tokens_per_micro_batch=200, device=CPU)
    assert (caught.value.code, caught.value.on_every_process) == ("out_of_memory", True)
