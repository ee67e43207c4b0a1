"""The head on trained positions against plain logits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import Cohere2Config, FalconH1Config, Gemma2Config, GraniteConfig, LlamaConfig
from transformers.models.hyperclovax import HyperCLOVAXConfig

from localft.modeling import head
from localft.modeling.head import LogitTransform, head_scores, logit_transform

N, C, V = 37, 24, 101
SCALED_AND_CAPPED = {"final_logit_softcapping": 3.0, "logit_scale": 0.7}


class Model:
    """A head, and a configuration beside it."""

    def __init__(self, *, bias: bool = False, dtype: torch.dtype = torch.float32, **config: Any) -> None:
        torch.manual_seed(1)
        self.config = LlamaConfig(**config)
        self.head = torch.nn.Linear(C, V, bias=bias, dtype=dtype)

    def get_output_embeddings(self) -> torch.nn.Linear:
        return self.head


@pytest.fixture
def rows() -> SimpleNamespace:
    """Random ones, of which the first ten are predicted right."""
    torch.manual_seed(2)
    weights_N = torch.tensor([0.25, 0.5, 1.0])[torch.randint(3, (N,))]
    hidden_NC = torch.randn(N, C) * 3
    targets_N = torch.randint(V, (N,))
    targets_N[:10] = Model().head(hidden_NC[:10]).argmax(-1)
    return SimpleNamespace(hidden_NC=hidden_NC.requires_grad_(), targets_N=targets_N, weights_N=weights_N)


def plain(model: Model, rows: SimpleNamespace) -> tuple[torch.Tensor, int]:
    """sum(weight * nll) from all logits at once in float64, and how many top-1 predictions are right."""
    bias = None if model.head.bias is None else model.head.bias.double()
    logits_NV = F.linear(rows.hidden_NC.double(), model.head.weight.double(), bias)
    logits_NV = logits_NV * getattr(model.config, "logit_scale", 1.0)
    cap = getattr(model.config, "final_logit_softcapping", None)
    logits_NV = logits_NV if cap is None else cap * torch.tanh(logits_NV / cap)
    nll_N = F.cross_entropy(logits_NV, rows.targets_N, reduction="none")
    return (nll_N * rows.weights_N).sum(), int((logits_NV.argmax(-1) == rows.targets_N).sum())


def gradients(loss: torch.Tensor, model: Model, rows: SimpleNamespace) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, [rows.hidden_NC, *model.head.parameters()]))


@pytest.mark.parametrize("config", [{}, SCALED_AND_CAPPED], ids=["plain", "scaled and capped"])
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("chunk_numbers", [1, 20 * V, 10**6], ids=["16 a chunk", "20 a chunk", "one chunk"])
def test_loss_accuracy_and_gradients_equal_the_plain_logits_with_fractional_weights(
    rows: SimpleNamespace, config: dict[str, Any], bias: bool, chunk_numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(head.CHUNK_NUMBERS, "cpu", chunk_numbers)
    model = Model(bias=bias, **config)
    expected, right = plain(model, rows)
    found = head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N)
    assert found.weighted_nll.item() == pytest.approx(expected.item(), rel=1e-6)
    assert found.sums.tolist() == [pytest.approx(expected.item(), rel=1e-6), right, N]
    assert right > 0, "some are right, as the rows are made"
    for a, b in zip(gradients(3 * found.weighted_nll, model, rows), gradients(3 * expected, model, rows), strict=True):
        torch.testing.assert_close(a, b.to(a.dtype), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [{}, SCALED_AND_CAPPED], ids=["plain", "scaled and capped"])
@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("tile", [(1, 1), (7, 13), (16, V - 1), (10**6, 10**6)], ids=str)
def test_a_frozen_head_is_the_same_in_tiles_of_any_size(
    rows: SimpleNamespace, config: dict[str, Any], bias: bool, tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "CPU_TILE", tile)
    model = Model(bias=bias, **config)
    model.head.requires_grad_(False)
    expected, right = plain(model, rows)
    found = head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N)
    assert found.sums.tolist() == [pytest.approx(expected.item(), rel=1e-6), right, N]
    gradient, wanted = (torch.autograd.grad(loss, rows.hidden_NC)[0] for loss in (found.weighted_nll, expected))
    torch.testing.assert_close(gradient, wanted.to(gradient.dtype), rtol=1e-4, atol=1e-5)


def test_a_prediction_that_stands_for_several_examples_counts_as_many_times(rows: SimpleNamespace) -> None:
    model = Model()
    times_N = torch.arange(N) % 3 + 1
    found = head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N, times_N)
    once = [
        head_scores(model, rows.hidden_NC[n : n + 1], rows.targets_N[n : n + 1], rows.weights_N[n : n + 1]).sums[1]
        for n in range(N)
    ]
    assert found.sums[1] == sum(right * times for right, times in zip(once, times_N, strict=True))
    assert found.sums[2] == times_N.sum()


def test_a_frozen_head_gets_no_gradient_and_the_states_get_theirs(rows: SimpleNamespace) -> None:
    model = Model()
    model.head.requires_grad_(False)
    expected = torch.autograd.grad(plain(model, rows)[0], rows.hidden_NC)[0]
    head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N).weighted_nll.backward()
    torch.testing.assert_close(rows.hidden_NC.grad, expected.float(), rtol=1e-4, atol=1e-5)
    assert model.head.weight.grad is None


def test_a_bfloat16_head_is_summed_in_float32(rows: SimpleNamespace) -> None:
    model = Model(dtype=torch.bfloat16)
    rows.hidden_NC = rows.hidden_NC.detach().bfloat16().requires_grad_()
    found = head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N)
    assert found.weighted_nll.dtype is torch.float32
    assert found.weighted_nll.item() == pytest.approx(plain(model, rows)[0].item(), rel=1e-2)
    assert [g.dtype for g in gradients(found.weighted_nll, model, rows)] == [torch.bfloat16] * 2


def test_autocast_decides_the_precision_of_the_products_but_not_of_the_gradients(rows: SimpleNamespace) -> None:
    model = Model()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N)
    exact = plain(model, rows)[0]
    assert found.weighted_nll.item() == pytest.approx(exact.item(), rel=1e-2)
    assert found.weighted_nll.item() != pytest.approx(exact.item(), rel=1e-7)
    assert [g.dtype for g in gradients(found.weighted_nll, model, rows)] == [torch.float32] * 2


def test_without_trained_positions_the_loss_is_zero_and_so_are_its_gradients(rows: SimpleNamespace) -> None:
    model = Model()
    hidden_0C = rows.hidden_NC[:0]
    found = head_scores(model, hidden_0C, rows.targets_N[:0], rows.weights_N[:0])
    assert found.sums.tolist() == [0.0, 0.0, 0.0]
    assert all(g.count_nonzero() == 0 for g in gradients(found.weighted_nll, model, rows))


def test_no_more_logits_are_made_at_a_time_than_a_chunk_holds(
    rows: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    products = head._products

    def counted(*args: Any) -> torch.Tensor:
        logits_nV = products(*args)
        made.append(logits_nV.numel())
        return logits_nV

    monkeypatch.setattr(head, "_products", counted)
    monkeypatch.setitem(head.CHUNK_NUMBERS, "cpu", 20 * V)
    head_scores(Model(), rows.hidden_NC, rows.targets_N, rows.weights_N).weighted_nll.backward()
    assert made == [20 * V, 17 * V], "each position once, in the forward alone"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LlamaConfig(), LogitTransform(1.0, None)),
        (Gemma2Config(final_logit_softcapping=30.0), LogitTransform(1.0, 30.0)),
        (GraniteConfig(logits_scaling=8.0), LogitTransform(1 / 8, None)),
        (HyperCLOVAXConfig(logits_scaling=8.0), LogitTransform(8.0, None)),
        (Cohere2Config(logit_scale=0.0625), LogitTransform(0.0625, None)),
        (FalconH1Config(lm_head_multiplier=0.5), LogitTransform(0.5, None)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scale_and_cap_are_read_under_the_names_that_models_use(config: Any, expected: LogitTransform) -> None:
    assert logit_transform(config) == expected


def test_confident_predictions_keep_their_gradient_in_bfloat16() -> None:
    """The target's share is taken off before the product; behind it, rounding would swamp what is left."""
    torch.manual_seed(0)
    hidden_NC, weight_VC = torch.randn(64, C), torch.randn(V, C)
    targets_N = torch.randint(V, (64,))
    weight_VC = torch.nn.functional.normalize(weight_VC)
    hidden_NC = 9 * weight_VC[targets_N] + 0.05 * hidden_NC  # the target is all but certain
    exact_NC = hidden_NC.clone().requires_grad_()
    torch.nn.functional.cross_entropy(exact_NC @ weight_VC.T, targets_N, reduction="sum").backward()
    model = Model(dtype=torch.bfloat16)
    model.head.weight.data = weight_VC.bfloat16()
    model.head.requires_grad_(False)
    found_NC = hidden_NC.bfloat16().requires_grad_()
    head_scores(model, found_NC, targets_N, torch.ones(64)).weighted_nll.backward()
    usual_NC = hidden_NC.bfloat16().requires_grad_()
    logits_NV = (usual_NC @ weight_VC.bfloat16().T).float()
    torch.nn.functional.cross_entropy(logits_NV, targets_N, reduction="sum").backward()
    ours, usual = ((gradient.grad.float() - exact_NC.grad).norm() for gradient in (found_NC, usual_NC))
    assert ours <= 1.2 * usual


def test_measuring_makes_no_gradient_of_a_trained_head(rows: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked = Model(), []
    plain = head._WeightedNll.forward
    monkeypatch.setattr(
        head._WeightedNll,
        "forward",
        staticmethod(lambda ctx, *arguments: (asked.append(ctx.needs_input_grad[:3]), plain(ctx, *arguments))[1]),
    )
    with torch.no_grad():
        head_scores(model, rows.hidden_NC, rows.targets_N, rows.weights_N)
    assert asked == [(False, False, False)]
