"""Gradient checkpointing: what a layer keeps for its backward pass, and what it computes again there.

    off         keeps all
    selective   keeps the layer's input and what takes most work for each number kept: the outcome of attention, and
                matrix products wider inside than outside, such as the MLP's last one
    full        keeps the layer's input alone

The numbers are the same in all three. TRL has a selective mode too; it does not know torch's variable-length kernel,
and so would compute our attention twice on a GPU.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.attention.varlen
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

from localft.modeling.adapters import Trainable
from localft.plan.request import Checkpointing

ATTENTION = frozenset(
    {
        torch.ops.torch_attn._varlen_attn.default,
        torch.ops.aten._scaled_dot_product_flash_attention.default,
        torch.ops.aten._scaled_dot_product_efficient_attention.default,
        torch.ops.aten._scaled_dot_product_cudnn_attention.default,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
    }
)
PRODUCTS = frozenset({torch.ops.aten.mm.default, torch.ops.aten.addmm.default})


def set_checkpointing(model: Trainable, mode: Checkpointing) -> None:
    """Switches between the modes; from the next forward pass in training mode on."""
    if mode == "off":
        model.activation_checkpointing_disable()
        return
    arguments: dict[str, Any] = {"use_reentrant": False}
    if mode == "selective":
        arguments["context_fn"] = partial(create_selective_checkpoint_contexts, _policy)
    model.activation_checkpointing_enable(activation_checkpointing_kwargs=arguments)
    model.disable_input_require_grads()  # for reentrant checkpointing only; it costs gradients that nobody reads


def _policy(context: Any, operator: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    if operator in ATTENTION or (operator in PRODUCTS and _narrows(*args[-2:])):
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE


def _narrows(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether a product's inner width, which is the work for each number of the outcome, is at least twice the outer."""
    return left.shape[-1] >= 2 * right.shape[-1]
