"""The weighted loss and its gradient against the model's plain logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM
from trl.trainer.utils import add_fused_lm_head

from localft.modeling.attention import attend_by_segments
from localft.modeling.head import add_trained_positions_head
from localft.tokenization.examples import TokenizedExample
from localft.training.collator import MicroBatch, pack_rows, pad_rows
from localft.training.loss import score
from tiny_jobs import rows_that_begin_alike


@dataclass(frozen=True)
class Scored:
    """A model that is trained, and the same one as transformers has it."""

    model: Any
    plain: Any
    collate: Callable[[Sequence[TokenizedExample]], MicroBatch]


@pytest.fixture(
    scope="module",
    params=[(model, rows) for model in ("tiny_llama", "tiny_phi3") for rows in ("shared", "packed", "padded")],
    ids="-".join,
)
def scored(request: pytest.FixtureRequest) -> Scored:
    fixture, rows = request.param
    directory: Path = request.getfixturevalue(fixture)
    model, plain = (AutoModelForCausalLM.from_pretrained(directory) for _ in range(2))
    if rows == "padded":
        add_fused_lm_head(model, outputs=("log_probs", "is_top1"))
        return Scored(model, plain, pad_rows)
    assert attend_by_segments(model)
    add_trained_positions_head(model)
    return Scored(model, plain, partial(pack_rows, share=rows == "shared"))


def hand_computed(model: Any, rows: list[TokenizedExample]) -> tuple[torch.Tensor, float, int, int]:
    """Row by row from plain logits: sum(weight * nll), sum(weight), right top-1 predictions, targets."""
    nll, weight, right, targets = torch.zeros((), dtype=torch.float64), 0.0, 0, 0
    for row in rows:
        logits_TV = model(input_ids=torch.tensor([row.input_ids])).logits[0].double()
        for t in range(1, len(row.input_ids)):
            if row.loss_weights[t] > 0:
                target = row.input_ids[t]
                nll = nll - row.loss_weights[t] * logits_TV[t - 1].log_softmax(-1)[target]
                weight += row.loss_weights[t]
                right += int(logits_TV[t - 1].argmax() == target)
                targets += 1
    return nll, weight, right, targets


def gradient(scored: Scored, rows: list[TokenizedExample]) -> dict[str, torch.Tensor]:
    scored.model.zero_grad()
    score(scored.model, scored.collate(rows)).weighted_nll.backward()
    return {name: p.grad.clone() for name, p in scored.model.named_parameters() if p.grad is not None}


def test_loss_and_accuracy_equal_the_plain_logits_with_fractional_weights(scored: Scored) -> None:
    rows = rows_that_begin_alike(6)
    with torch.no_grad():
        nll, _, right, targets = hand_computed(scored.plain, rows)
        sums = score(scored.model, scored.collate(rows)).sums
    assert sums[0].item() == pytest.approx(nll.item(), rel=1e-6)
    assert sums[1:].tolist() == [right, targets]


def test_gradient_equals_that_of_the_plain_logits(scored: Scored) -> None:
    rows = rows_that_begin_alike(6)
    scored.plain.zero_grad()
    hand_computed(scored.plain, rows)[0].backward()
    expected = {name: p.grad.clone() for name, p in scored.plain.named_parameters()}
    found = gradient(scored, rows)
    assert found.keys() == expected.keys()
    for name, grad in found.items():
        assert (grad - expected[name]).norm() <= 1e-5 * expected[name].norm(), name


def test_what_stands_behind_the_last_trained_token_has_exactly_zero_gradient(scored: Scored) -> None:
    head, weights = [5, 6, 7, 8, 9], [0.0, 0.0, 1.0, 0.5, 1.0]
    one = gradient(scored, [TokenizedExample(1, [*head, 11, 12, 13], [*weights, 0.0, 0.0, 0.0])])
    other = gradient(scored, [TokenizedExample(1, [*head, 400, 3, 250], [*weights, 0.0, 0.0, 0.0])])
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_a_weight_zero_token_is_context_only(scored: Scored) -> None:
    """Training on [a, B, c] with weight 0 on B is training on c alone: B adds no term, also where it stands between."""
    ids = [5, 6, 7, 8, 9, 10, 11, 12]
    both = gradient(scored, [TokenizedExample(1, ids, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0])])
    first = gradient(scored, [TokenizedExample(1, ids, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])])
    last = gradient(scored, [TokenizedExample(1, ids, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0])])
    for name in both:
        assert (both[name] - first[name] - last[name]).norm() <= 1e-5 * both[name].norm(), name


def test_a_row_without_weight_has_exactly_zero_gradient(scored: Scored) -> None:
    found = gradient(scored, [TokenizedExample(1, [5, 6, 7], [0.0, 0.0, 0.0])])
    assert found
    assert all(grad.count_nonzero() == 0 for grad in found.values())
