"""The output head and the loss, on trained positions alone.

Of a chat row a third of the positions may carry loss; the others never need logits. For those that do, the gradient is
made in the forward pass, chunk by chunk: a chunk's logits turn into its probabilities in place, these into its part of
the gradient, and are gone. So no logits are kept, nothing is computed twice, and memory is bounded by one chunk.

Shapes: N trained positions, C width of the hidden states, V vocabulary.
"""

from __future__ import annotations

import functools
import types
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers import PreTrainedConfig, PreTrainedModel

CHUNK_NUMBERS = {"cpu": 2**23, "cuda": 2**27}
"""Logits made at a time: 32 MiB of float32 on a CPU, 512 MiB on a GPU, which wants large matrix products."""
LEAST_CHUNK = 16
"""Positions in a chunk, at the least."""


@dataclass(frozen=True)
class HeadScores:
    """What the head says of the trained positions."""

    weighted_nll: torch.Tensor
    """sum(weight * nll), float32, with gradient where asked for; nats."""
    sums: torch.Tensor
    """float64, no gradient: [sum(weight * nll), targets whose top-1 prediction is right, targets]."""


@dataclass(frozen=True)
class LogitTransform:
    """What a model does to its logits behind the head: `cap * tanh(factor * logits / cap)`."""

    factor: float = 1.0
    cap: float | None = None


def logit_transform(config: PreTrainedConfig) -> LogitTransform:
    """Reads the factor and the soft cap of the logits from a model's configuration, under the names that models use.

    Cohere multiplies by `logit_scale`, Falcon-H1 by `lm_head_multiplier`, some by `output_multiplier`; Granite divides
    by `logits_scaling`, while HyperCLOVA X multiplies by it. Gemma caps by `final_logit_softcapping`.
    """
    text = config.get_text_config()
    factor = 1.0
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        if getattr(text, name, None) is not None:
            factor = float(getattr(text, name))
            break
    else:
        scaling = getattr(text, "logits_scaling", None)
        if scaling is not None:
            factor = float(scaling) if text.model_type == "hyperclovax" else 1 / float(scaling)
    cap = getattr(text, "final_logit_softcapping", None)
    return LogitTransform(factor, None if cap is None else float(cap))


@dataclass(frozen=True)
class TrainedPositions:
    """Which positions of a flattened row are scored, and against what."""

    at_N: torch.Tensor
    """Position that predicts: one before the target."""
    targets_N: torch.Tensor
    weights_N: torch.Tensor
    """float32, above 0: the sum over the examples that have this prediction in common."""
    examples_N: torch.Tensor
    """How many examples these are, where they share a prefix; else 1."""

    def to(self, device: torch.device) -> TrainedPositions:
        tensors = (self.at_N, self.targets_N, self.weights_N, self.examples_N)
        return TrainedPositions(*(tensor.to(device, non_blocking=True) for tensor in tensors))


def add_trained_positions_head(model: PreTrainedModel) -> None:
    """Teaches `model(..., trained=TrainedPositions)` to return `HeadScores`; without `trained` nothing changes.

    It goes through the model's own forward, since wrappers (peft, data parallelism, mixed precision) know that alone.
    """
    plain_forward = model.forward

    @functools.wraps(type(model).forward)
    def forward(self: PreTrainedModel, *args: Any, trained: TrainedPositions | None = None, **kwargs: Any) -> Any:
        if trained is None:
            return plain_forward(*args, **kwargs)
        for name in ("labels", "inputs_embeds", "output_attentions", "output_hidden_states", "return_dict"):
            if kwargs.get(name) is None:
                kwargs.pop(name, None)  # peft names them all
        hidden_TC = self.base_model(*args, use_cache=False, **kwargs).last_hidden_state[0]
        return head_scores(self, hidden_TC[trained.at_N], trained.targets_N, trained.weights_N, trained.examples_N)

    model.forward = types.MethodType(forward, model)


def head_scores(
    model: PreTrainedModel,
    hidden_NC: torch.Tensor,
    targets_N: torch.Tensor,
    weights_N: torch.Tensor,
    examples_N: torch.Tensor | None = None,
) -> HeadScores:
    """Scores hidden states by the model's own head; row n predicts `targets_N[n]`, and counts `weights_N[n]`.

    `examples_N` says for how many examples each row stands, for the accuracy; one where it is not given.
    """
    if examples_N is None:
        examples_N = torch.ones_like(targets_N)
    head = model.get_output_embeddings()
    transform = logit_transform(model.config)
    weighted_nll, sums = _WeightedNll.apply(
        hidden_NC, head.weight, getattr(head, "bias", None), targets_N, weights_N, examples_N, transform
    )
    return HeadScores(weighted_nll, sums)


class _WeightedNll(torch.autograd.Function):
    """sum(weight * nll) with its gradients by the hidden states and, where they are trained, the head's parameters.

    Softmax and sums are float32; matrix products are in the precision of the surrounding autocast, else of the states.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden_NC: torch.Tensor,
        weight_VC: torch.Tensor,
        bias_V: torch.Tensor | None,
        targets_N: torch.Tensor,
        weights_N: torch.Tensor,
        examples_N: torch.Tensor,
        transform: LogitTransform,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        device = hidden_NC.device
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        autocast = torch.is_autocast_enabled(device.type)
        compute = torch.get_autocast_dtype(device.type) if autocast else hidden_NC.dtype
        head_VC = weight_VC.detach().to(compute)
        hidden_grad_NC = torch.empty_like(hidden_NC) if wants_hidden else None
        weight_grad_VC = torch.zeros_like(weight_VC, dtype=torch.float32) if wants_weight else None
        bias_grad_V = torch.zeros_like(bias_V, dtype=torch.float32) if bias_V is not None and wants_bias else None
        sums = torch.zeros(3, dtype=torch.float64, device=device)
        sums[2] = examples_N.sum()
        with torch.autocast(device.type, enabled=False):
            step = _chunk(head_VC.shape[0], device)
            for begin in range(0, len(targets_N), step):
                rows = slice(begin, begin + step)
                hidden_nC, targets_n1, weights_n = hidden_NC[rows].to(compute), targets_N[rows, None], weights_N[rows]
                logits_nV, slope_nV = _transformed(_products(hidden_nC, head_VC, bias_V), transform)
                top_n, guess_n = logits_nV.max(dim=-1)
                target_n = logits_nV.gather(1, targets_n1)[:, 0]
                exponentials_nV = logits_nV.sub_(top_n[:, None]).exp_()
                total_n = exponentials_nV.sum(dim=-1)
                nll_n = top_n + total_n.log() - target_n
                sums[0] += (nll_n * weights_n).sum(dtype=torch.float64)
                sums[1] += examples_N[rows][guess_n == targets_n1[:, 0]].sum()
                if not any(ctx.needs_input_grad[:3]):
                    continue
                gradient_nV = exponentials_nV.mul_((weights_n / total_n)[:, None])
                gradient_nV.scatter_add_(1, targets_n1, -weights_n[:, None])
                if slope_nV is not None:
                    gradient_nV.mul_(slope_nV)
                if transform.factor != 1.0:
                    gradient_nV.mul_(transform.factor)
                if bias_grad_V is not None:
                    bias_grad_V += gradient_nV.sum(dim=0)
                gradient_nV = gradient_nV.to(compute)
                if hidden_grad_NC is not None:
                    hidden_grad_NC[rows] = gradient_nV @ head_VC
                if weight_grad_VC is not None:
                    weight_grad_VC += gradient_nV.T @ hidden_nC
        ctx.save_for_backward(hidden_grad_NC, weight_grad_VC, bias_grad_V)
        ctx.dtypes = (hidden_NC.dtype, weight_VC.dtype, None if bias_V is None else bias_V.dtype)
        ctx.mark_non_differentiable(sums)
        return sums[0].to(torch.float32), sums

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, upstream: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradients = [
            None if gradient is None else (gradient * upstream).to(dtype)
            for gradient, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        ]
        return (*gradients, None, None, None, None)


def _products(hidden_nC: torch.Tensor, head_VC: torch.Tensor, bias_V: torch.Tensor | None) -> torch.Tensor:
    """Logits in float32, in memory of their own."""
    logits_nV = (hidden_nC @ head_VC.T).float()
    return logits_nV if bias_V is None else logits_nV.add_(bias_V)


def _transformed(logits_nV: torch.Tensor, transform: LogitTransform) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Scales and caps in place; returns the slope of the cap too, where there is one."""
    if transform.factor != 1.0:
        logits_nV.mul_(transform.factor)
    if transform.cap is None:
        return logits_nV, None
    tanh_nV = logits_nV.div_(transform.cap).tanh_()
    slope_nV = 1 - tanh_nV.square()
    return tanh_nV.mul_(transform.cap), slope_nV


def _chunk(vocabulary: int, device: torch.device) -> int:
    return max(LEAST_CHUNK, CHUNK_NUMBERS.get(device.type, CHUNK_NUMBERS["cpu"]) // vocabulary)
