"""Training with nothing around it: rows of a step in one flattened row, a shared beginning once, a head on trained positions.

It is held against localft: what a step costs more there is the price of a framework. No checkpoints, no metrics, no
limits: it knows LoRA on a Llama, and takes a whole step at once.

Shapes: T positions of the row, N trained ones, C width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from .measuring import common_prefix

ATTENTION = "benchmark_bare"
LEAST_SHARED = 32
"""Tokens that rows must begin with in common to be worth a prefix."""
CHUNK = 512


@dataclass(frozen=True)
class FlatStep:
    """A step as one row: the shared prefix, where there is one, then what is each row's own."""

    ids_T: torch.Tensor
    positions_T: torch.Tensor
    prefix: int
    lengths: list[int]
    at_N: torch.Tensor
    targets_N: torch.Tensor

    @classmethod
    def of(cls, rows: Sequence[tuple[list[int], list[float]]]) -> FlatStep:
        common = common_prefix(min(rows)[0], max(rows)[0]) if len(rows) > 1 else 0
        prefix = common - 1 if common > LEAST_SHARED else 0  # its last token predicts another target in each row
        ids, positions, at, targets = rows[0][0][:prefix], [*range(prefix)], [], []
        for row, weights in rows:
            offset = len(ids) - prefix
            trained = [t for t in range(prefix + 1, len(row)) if weights[t]]
            at += [offset + t - 1 for t in trained]
            targets += [row[t] for t in trained]
            ids = ids + row[prefix:]
            positions += range(prefix, len(row))
        lengths = [len(row) - prefix for row, _ in rows]
        return cls(*map(torch.tensor, (ids, positions)), prefix, lengths, *map(torch.tensor, (at, targets)))


def attend(
    module: Any, query: Any, key: Any, value: Any, mask: None, *, step: FlatStep, scaling: float, **_: Any
) -> Any:
    """The prefix to itself, each row's own part to the prefix and to itself."""
    sizes, grouped = [step.prefix, *step.lengths], query.shape[1] != key.shape[1]
    (prefix_q, *queries), (prefix_k, *keys), (prefix_v, *values) = (x.split(sizes, dim=2) for x in (query, key, value))

    def causal(q: Any, k: Any, v: Any) -> Any:
        seen = q.shape[2] - k.shape[2]  # 0, or minus the prefix's length
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril(-seen) if seen else None
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=grouped
        )

    parts = [causal(prefix_q, prefix_k, prefix_v)] if step.prefix else []
    for q, k, v in zip(queries, keys, values, strict=True):
        joined = (torch.cat([prefix_k, k], 2), torch.cat([prefix_v, v], 2)) if step.prefix else (k, v)
        parts.append(causal(q, *joined))
    return torch.cat(parts, 2).transpose(1, 2), None


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, lambda *_, **__: None)


class FrozenHead(torch.autograd.Function):
    """Sum of the negative log-likelihoods; the gradient by the states is made at once, a chunk at a time."""

    @staticmethod
    def forward(ctx: Any, states_NC: torch.Tensor, head_VC: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
        total, gradients = states_NC.new_zeros((), dtype=torch.float32), []
        for states_nC, targets_n in zip(states_NC.split(CHUNK), targets_N.split(CHUNK), strict=True):
            log_probs_nV = (states_nC @ head_VC.T).float().log_softmax(-1)
            total -= log_probs_nV.gather(1, targets_n[:, None]).sum()
            gradient_nV = log_probs_nV.exp_()
            gradient_nV[torch.arange(len(targets_n), device=targets_n.device), targets_n] -= 1
            gradients.append(gradient_nV.to(head_VC.dtype) @ head_VC)
        ctx.save_for_backward(torch.cat(gradients))
        return total

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        return ctx.saved_tensors[0] * upstream, None, None


def mean_loss(model: Any, step: FlatStep) -> torch.Tensor:
    """Mean over the trained tokens of a step; `model` is a PEFT model that attends by `ATTENTION`."""
    device = model.device
    backbone, head = model.base_model.model.model, model.get_output_embeddings().weight
    states_TC = backbone(
        input_ids=step.ids_T[None].to(device),
        position_ids=step.positions_T[None].to(device),
        use_cache=False,
        step=step,
    ).last_hidden_state[0]
    total: torch.Tensor = FrozenHead.apply(states_TC[step.at_N.to(device)], head.detach(), step.targets_N.to(device))
    return total / len(step.targets_N)
