"""The output head and the loss, on trained positions alone.

Of a chat row a third of the positions may carry loss; the others never need logits. For those that do, the gradient is
made in the forward pass, chunk by chunk: a chunk's logits turn into its exponentials in place, these into its part of
the gradient, and are gone. So no logits are kept, nothing is computed twice, and memory is bounded by one chunk.

Shapes: N trained positions, n of them in a chunk, C width of the hidden states, V vocabulary, v words of it.
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
CPU_TILE = (512, 2048)
"""Positions and words made at a time on a CPU with a frozen head: what its caches hold, a seventh faster (measured)."""
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
    weight_VC, bias_V = head.weight, getattr(head, "bias", None)
    if not torch.is_grad_enabled():  # a function of our own is not told, and would make gradients of a trained head
        hidden_NC, weight_VC = hidden_NC.detach(), weight_VC.detach()
        bias_V = None if bias_V is None else bias_V.detach()
    transform = logit_transform(model.config)
    weighted_nll, sums = _WeightedNll.apply(hidden_NC, weight_VC, bias_V, targets_N, weights_N, examples_N, transform)
    return HeadScores(weighted_nll, sums)


class Reread(torch.autograd.Function):
    """Rows of a tensor, some of them many times; gradients of a row add up in float32, not in half precision."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(index)
        ctx.shape = tensor.shape
        return tensor.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
        (index,) = ctx.saved_tensors
        total = torch.zeros(ctx.shape, dtype=torch.float32, device=upstream.device)
        return total.index_add_(0, index, upstream.float()).to(upstream.dtype), None


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
            # In half precision the target's share has to be taken off before the product, whose rounding would swamp it.
            whole_rows = wants_weight or wants_bias or device.type != "cpu" or compute != torch.float32
            rows_at_a_time, words_at_a_time = _chunk(head_VC.shape[0], device, whole_rows=whole_rows)
            for begin in range(0, len(targets_N), rows_at_a_time):
                rows = slice(begin, begin + rows_at_a_time)
                hidden_nC, targets_n, weights_n = hidden_NC[rows].to(compute), targets_N[rows], weights_N[rows]
                seen = _Softmax(hidden_nC, targets_n)
                for first in range(0, head_VC.shape[0], words_at_a_time):
                    words = slice(first, first + words_at_a_time)
                    part_vC = head_VC[words]
                    logits_nv = _products(hidden_nC, part_vC, None if bias_V is None else bias_V[words])
                    slope_nv = _transform(logits_nv, transform)
                    exponentials_nv = seen.add(logits_nv, slope_nv, first)
                    if wants_hidden and not whole_rows:
                        seen.add_heads(exponentials_nv.to(compute) @ part_vC)
                sums[0] += (seen.nll() * weights_n).sum(dtype=torch.float64)
                sums[1] += examples_N[rows][seen.guess_n == targets_n].sum()
                share_n = weights_n / seen.total_n * transform.factor
                taught_n = -weights_n * seen.slope_n * transform.factor
                if not (wants_hidden or wants_weight or wants_bias):
                    continue
                if not whole_rows:
                    assert hidden_grad_NC is not None
                    hidden_grad_NC[rows] = seen.heads_nC * share_n[:, None] + head_VC[targets_n] * taught_n[:, None]
                    continue
                gradient_nV = exponentials_nv.mul_(share_n[:, None])
                gradient_nV.scatter_add_(1, targets_n[:, None], taught_n[:, None])
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


class _Softmax:
    """Log-sum, best guess and target of some rows, gathered part of the vocabulary by part of the vocabulary.

    A later part may hold a row's highest logit; what was added up before it is then scaled down (Milakov and Gimelshein,
    arXiv 1805.02867), and so is the sum of output embeddings that becomes the gradient.
    """

    def __init__(self, hidden_nC: torch.Tensor, targets_n: torch.Tensor) -> None:
        n = len(targets_n)
        self._targets_n = targets_n
        self._top_n = hidden_nC.new_full((n,), -torch.inf, dtype=torch.float32)
        self._target_n = hidden_nC.new_zeros(n, dtype=torch.float32)
        self._scale_n = self._target_n
        self.total_n = hidden_nC.new_zeros(n, dtype=torch.float32)
        """sum(exp(logit - highest logit))"""
        self.guess_n = torch.zeros_like(targets_n)
        self.slope_n = hidden_nC.new_ones(n, dtype=torch.float32)
        """Of the logits' cap, at the target."""
        self.heads_nC = hidden_nC.new_zeros(hidden_nC.shape, dtype=torch.float32)
        """sum(exp(logit - highest logit) * slope * output embedding)"""

    def add(self, logits_nv: torch.Tensor, slope_nv: torch.Tensor | None, first: int) -> torch.Tensor:
        """Takes in the logits of the words from `first` on; returns their exponentials times slope, in their memory."""
        top_n, guess_n = logits_nv.max(dim=-1)
        self.guess_n = torch.where(top_n > self._top_n, guess_n + first, self.guess_n)
        at_n = self._targets_n - first
        is_here_n = (at_n >= 0) & (at_n < logits_nv.shape[1])
        at_n1 = at_n.clamp(0, logits_nv.shape[1] - 1)[:, None]
        self._target_n = torch.where(is_here_n, logits_nv.gather(1, at_n1)[:, 0], self._target_n)
        top_n = torch.maximum(self._top_n, top_n)
        self._scale_n = (self._top_n - top_n).exp_()
        self._top_n = top_n
        exponentials_nv = logits_nv.sub_(top_n[:, None]).exp_()
        self.total_n = self.total_n * self._scale_n + exponentials_nv.sum(dim=-1)
        if slope_nv is None:
            return exponentials_nv
        self.slope_n = torch.where(is_here_n, slope_nv.gather(1, at_n1)[:, 0], self.slope_n)
        return exponentials_nv.mul_(slope_nv)

    def add_heads(self, heads_nC: torch.Tensor) -> None:
        """Takes in the sum of the output embeddings of the words added last."""
        self.heads_nC.mul_(self._scale_n[:, None]).add_(heads_nC)

    def nll(self) -> torch.Tensor:
        return self._top_n + self.total_n.log() - self._target_n


def _products(hidden_nC: torch.Tensor, head_vC: torch.Tensor, bias_v: torch.Tensor | None) -> torch.Tensor:
    """Logits in float32, in memory of their own."""
    logits_nv = (hidden_nC @ head_vC.T).float()
    return logits_nv if bias_v is None else logits_nv.add_(bias_v)


def _transform(logits_nv: torch.Tensor, transform: LogitTransform) -> torch.Tensor | None:
    """Scales and caps in place; returns the slope of the cap, where there is one."""
    if transform.factor != 1.0:
        logits_nv.mul_(transform.factor)
    if transform.cap is None:
        return None
    logits_nv.div_(transform.cap).tanh_()
    slope_nv = 1 - logits_nv.square()
    logits_nv.mul_(transform.cap)
    return slope_nv


def _chunk(vocabulary: int, device: torch.device, *, whole_rows: bool) -> tuple[int, int]:
    """(positions, words) of the logits that are made at a time."""
    if not whole_rows:
        return CPU_TILE
    return max(LEAST_CHUNK, CHUNK_NUMBERS.get(device.type, CHUNK_NUMBERS["cpu"]) // vocabulary), vocabulary
