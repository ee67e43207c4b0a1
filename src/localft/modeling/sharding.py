"""A model spread over all processes: each keeps a slice of every weight, gradient and optimizer state.

`Sharding` is what a trainer asks of it. Here it is done by torch's FSDP 2; `modeling.zero` does it by DeepSpeed's ZeRO-3.

A block's weights are gathered when its forward or backward pass begins and let go when it ends; behind its backward pass
the gradients are reduced in float32, each slice to the process that keeps it. So every forward and every backward pass
is an appointment: all processes run equally many, or they wait for ever.

accelerate can shard too, but on GPUs alone, with casts and a loading of its own, and its checkpoints are another format.
This is torch's `fully_shard` with nothing around it, the same on CPUs (gloo) and GPUs (NCCL). Whole tensors go into it
and come out of it, so that what is on disk is what an unsharded training reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers.modeling_layers import GradientCheckpointingLayer

from localft.modeling.adapters import Trainable
from localft.modeling.nf4 import pack


class Sharding(Protocol):
    """What a trainer asks for. Whole tensors go in and come out; every process has to ask for those that come out."""

    name: str

    def shard(self, model: Trainable, device: torch.device) -> None:
        """Leaves on this process its slice of each weight, on the device; a large model may lie on the CPU."""

    def fill(self, parameter: torch.Tensor, value: torch.Tensor) -> None:
        """Puts a whole tensor into a weight in place, before the optimizer is made. ValueError where it does not fit."""

    def drive(self, model: Trainable, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> torch.optim.Optimizer:
        """What a trainer and a schedule have to use in place of the optimizer that was made for the slices."""

    def backward(self, loss: torch.Tensor) -> None:
        """Adds to the step's gradients this micro-batch's, averaged over all processes."""

    def grad_norm(self, found: Any) -> float:
        """Of a finished step, before clipping; `found` is what the trainer's own clipping came to."""

    def whole_weights(
        self, model: Trainable, *, keep: bool, trained_only: bool, dtype: torch.dtype | None = None
    ) -> dict[str, torch.Tensor]:
        """Gathers the weights into main memory, one after the other; empty where they are not kept."""

    def whole_optimizer_state(self, optimizer: torch.optim.Optimizer, *, keep: bool) -> dict[str, Any]:
        """The optimizer's state as an unsharded training has it, in main memory."""

    def load_optimizer_state(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Takes this process's slices of a whole state, saved by any number of processes."""


class Fsdp2:
    """By torch's `fully_shard`."""

    name = "FSDP 2"

    def shard(self, model: Trainable, device: torch.device) -> None:
        """Leaves on this process its slice of each weight, on the device; one block after the other.

        Blocks are units of their own. What remains (embeddings, last norm, head) is the root's, tied weights together.
        Adapters and the frozen weights beside them share a unit: a precision has to be one among the trained weights only.
        Trained weights become float32, and NF4 is packed, block by block too.
        """
        mesh = init_device_mesh(device.type, (dist.get_world_size(),))
        policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
        for module in [*reversed(units(model)), model]:  # inner ones first
            pack(module, device)
            for parameter in module.parameters():
                if parameter.requires_grad and parameter.dtype != torch.float32:
                    parameter.data = parameter.data.to(device, torch.float32)
            fully_shard(module, mesh=mesh, mp_policy=policy)

    def fill(self, parameter: torch.Tensor, value: torch.Tensor) -> None:
        fill(parameter, value)

    def drive(self, model: Trainable, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> torch.optim.Optimizer:
        return optimizer

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def grad_norm(self, found: Any) -> float:
        return float(_whole(torch.as_tensor(found)))

    def whole_weights(
        self, model: Trainable, *, keep: bool, trained_only: bool, dtype: torch.dtype | None = None
    ) -> dict[str, torch.Tensor]:
        """Gathers the weights into main memory, one after the other; empty where they are not kept. Every process calls this."""
        root: Any = model  # by now an FSDPModule too
        root.reshard()  # a forward pass without a backward one leaves the root gathered
        return gathered_weights(
            model, lambda tensor: _whole(tensor.detach()), keep=keep, trained_only=trained_only, dtype=dtype
        )

    def whole_optimizer_state(self, optimizer: torch.optim.Optimizer, *, keep: bool) -> dict[str, Any]:
        """The optimizer's state as an unsharded training has it, in main memory; every process calls this."""
        state = optimizer.state_dict()
        whole_states: dict[int, dict[str, torch.Tensor]] = {}
        for index, moments in state["state"].items():
            for name, value in moments.items():
                full = _whole(value)
                if keep:
                    whole_states.setdefault(index, {})[name] = full.cpu()
        return {**state, "state": whole_states}

    def load_optimizer_state(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Takes this process's slices of a whole state, saved by any number of processes."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        sliced = {
            index: {name: _slice_like(value, parameters[index]) for name, value in moments.items()}
            for index, moments in state["state"].items()
        }
        optimizer.load_state_dict({**state, "state": sliced})


def units(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The modules whose weights are gathered together, besides what remains: the model's blocks, in its order."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def gathered_weights(
    model: Trainable,
    whole: Callable[[torch.Tensor], torch.Tensor],
    *,
    keep: bool,
    trained_only: bool,
    dtype: torch.dtype | None,
) -> dict[str, torch.Tensor]:
    """`Sharding.whole_weights`, with `whole` making a full tensor of a slice."""
    gathered: dict[int, torch.Tensor] = {}  # by identity, so that tied weights stay one tensor
    found: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if trained_only and not tensor.requires_grad:
            continue
        if id(tensor) not in gathered:
            full = whole(tensor).detach()
            gathered[id(tensor)] = full.to("cpu", dtype or full.dtype) if keep else torch.empty(0)
        if keep:
            found[name] = gathered[id(tensor)]
    return found


def fill(parameter: torch.Tensor, value: torch.Tensor) -> None:
    """Puts a whole tensor into a weight in place, whether that is whole or a slice. ValueError where it does not fit."""
    if value.shape != parameter.shape:
        raise ValueError(f"expected a weight of the shape {tuple(parameter.shape)}, found {tuple(value.shape)}")
    parameter.copy_(_slice_like(value, parameter))


def _whole(value: torch.Tensor) -> torch.Tensor:
    """The full tensor of a slice, on every process; all of them have to ask. Anything else is whole as it is."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def _slice_like(value: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """This process's slice of a tensor that every process has whole, cut as the parameter is."""
    if not isinstance(parameter, DTensor) or value.shape != parameter.shape:
        return value
    return distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)
