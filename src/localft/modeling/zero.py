"""A model spread over all processes by DeepSpeed's ZeRO-3, behind the same interface as FSDP 2 (`modeling.sharding`).

DeepSpeed's engine is used without accelerate and transformers, which would let it own the step. Here it cuts weights, gathers
them for each layer, adds up the slices of the gradients behind each of a step's backward passes, clips and updates. Its own
precisions are off: trained weights are float32, a frozen base stays as it is stored, and autocast computes. As under FSDP 2
every pass is an appointment of all processes.
"""

from __future__ import annotations

import logging
import math
import os
from typing import Any

import torch
import torch.distributed as dist

from localft.modeling.adapters import Trainable
from localft.modeling.sharding import fill, gathered_weights, units

MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's, which ZeRO-3 cuts as it cuts the weights; the number of steps beside them is whole."""
LARGEST_BUCKET = 500_000_000
"""Numbers of gradients that are reduced at a time, at the most."""
LARGEST_GRAD_NORM = torch.finfo(torch.float32).max ** 0.5
"""Where a sum of squares in float32, by which other trainings make the norm, is no longer a finite number."""
SHARED_MEMORY = "deepspeed_shm_comm"
"""An operator that DeepSpeed compiles where it runs on CPUs, for exchanges that gloo does as well."""


class Zero3:
    """One training's model and optimizer under ZeRO-3."""

    name = "ZeRO-3"

    def __init__(self, *, offload_weights: bool = False, offload_optimizer: bool = False) -> None:
        self._offload = {"offload_param": offload_weights, "offload_optimizer": offload_optimizer}
        self._engine: Any = None
        self._trained_head: list[torch.nn.Parameter] = []

    def shard(self, model: Trainable, device: torch.device) -> None:
        """Leaves on this process its slice of each weight; one weight at a time, so a large model may lie on the CPU."""
        os.environ.setdefault("DS_ACCELERATOR", device.type)
        import deepspeed
        from deepspeed.runtime.zero.utils import is_zero_param
        from deepspeed.utils import logger

        logger.addFilter(_is_news)
        if device.type == "cpu":
            deepspeed.ops.__compatible_ops__[SHARED_MEMORY] = False
        configuration = self._configuration(model, max_grad_norm=0.0)
        for module in [*reversed(units(model)), model]:  # inner ones first
            for parameter in module.parameters():
                if parameter.requires_grad and not is_zero_param(parameter):
                    parameter.data = parameter.data.to(device, torch.float32)
            deepspeed.zero.Init(module=module, config_dict_or_path=configuration)
        for module in model.modules():
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, buffer.to(device))

    def drive(self, model: Trainable, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> torch.optim.Optimizer:
        """Gives the optimizer to ZeRO-3; returns what a trainer and a schedule see of it."""
        import deepspeed

        groups = [{**group} for group in optimizer.param_groups]
        head = model.get_output_embeddings()
        self._trained_head = [parameter for parameter in head.parameters() if parameter.requires_grad]
        self._engine, *_ = deepspeed.initialize(
            model=model, optimizer=optimizer, config=self._configuration(model, max_grad_norm=max_grad_norm)
        )
        return _Driven(groups, optimizer.defaults, self._engine)

    def _configuration(self, model: Trainable, *, max_grad_norm: float) -> dict[str, Any]:
        trained = sum(_numel(parameter) for parameter in model.parameters() if parameter.requires_grad)
        return {
            "train_micro_batch_size_per_gpu": 1,  # wanted, and used for its logs alone
            "gradient_clipping": max_grad_norm,
            "zero_force_ds_cpu_optimizer": False,
            "zero_optimization": {
                "stage": 3,
                "stage3_param_persistence_threshold": 0,
                "reduce_bucket_size": min(trained, LARGEST_BUCKET),
                **{name: {"device": "cpu"} for name, wanted in self._offload.items() if wanted},
            },
        }

    def backward(self, loss: torch.Tensor) -> None:
        """Adds this process's slice of the gradients, averaged over all processes, to those of the step.

        A gradient can be put beside a whole weight only, and the head, which is read outside of its layer, nobody gathers.
        """
        import deepspeed

        with deepspeed.zero.GatheredParameters(self._trained_head):
            self._engine.backward(loss, scale_wrt_gas=False)
        self._engine.optimizer.clear_backward_seen_flag()  # counts the pass; the engine's own forward would do it

    def grad_norm(self, found: Any) -> float:
        """Of the last step, before clipping; what the trainer found in gradients that it does not see does not count."""
        norm = float(self._engine.get_global_grad_norm())
        return norm if norm <= LARGEST_GRAD_NORM else math.inf

    def fill(self, parameter: torch.Tensor, value: torch.Tensor) -> None:
        import deepspeed

        with deepspeed.zero.GatheredParameters([parameter], modifier_rank=0):  # what is no parameter it leaves as it is
            fill(parameter.data, value)

    def whole_weights(
        self, model: Trainable, *, keep: bool, trained_only: bool, dtype: torch.dtype | None = None
    ) -> dict[str, torch.Tensor]:
        """Gathers the weights into main memory, one after the other; empty where they are not kept. Every process calls this."""
        from deepspeed.utils import safe_get_full_fp32_param

        def whole(tensor: torch.Tensor) -> torch.Tensor:
            return safe_get_full_fp32_param(tensor) if tensor.requires_grad else tensor

        return gathered_weights(model, whole, keep=keep, trained_only=trained_only, dtype=dtype)

    def whole_optimizer_state(self, optimizer: torch.optim.Optimizer, *, keep: bool) -> dict[str, Any]:
        """The optimizer's state as an unsharded training has it, in main memory; every process calls this."""
        from deepspeed.utils import safe_get_full_optimizer_state

        driven = self._engine.optimizer.optimizer
        steps = next(iter(driven.state.values()))["step"].cpu()
        states: dict[int, dict[str, torch.Tensor]] = {}
        for index, parameter in enumerate(_parameters(optimizer)):
            for name in MOMENTS:
                full = safe_get_full_optimizer_state(parameter, name)
                if keep:
                    states.setdefault(index, {"step": steps.clone()})[name] = full.cpu()
        return {**optimizer.state_dict(), "state": states}

    def load_optimizer_state(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Takes this process's slices of a whole state, saved by any number of processes."""
        from deepspeed.utils import safe_set_local_optimizer_state

        optimizer.load_state_dict({**state, "state": {}})
        zero = self._engine.optimizer
        for flat in zero.fp32_partitioned_groups_flat:  # slices of many weights in one tensor, as AdamW sees them
            steps = state["state"][0]["step"].clone()
            zero.optimizer.state[flat] = {"step": steps, **{name: torch.zeros_like(flat) for name in MOMENTS}}
        for index, parameter in enumerate(_parameters(optimizer)):
            for name in MOMENTS:
                safe_set_local_optimizer_state(parameter, own_slice(state["state"][index][name], parameter), name)


class _Driven(torch.optim.Optimizer):
    """The groups with the learning rates that a schedule sets, and the step; what is done in it is the engine's."""

    def __init__(self, groups: list[dict[str, Any]], defaults: dict[str, Any], engine: Any) -> None:
        super().__init__(groups, dict(defaults))
        self._engine = engine

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self._engine.optimizer.set_lr(self.param_groups[0]["lr"])
        self._engine.step()


def _is_news(record: logging.LogRecord) -> bool:
    """Not the warning that gradients cannot be seen to enter the model: `Zero3.backward` gathers what it reads itself."""
    return "HeadScores" not in record.getMessage()


def _parameters(optimizer: torch.optim.Optimizer) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _numel(parameter: Any) -> int:
    return parameter.ds_numel if hasattr(parameter, "ds_id") else parameter.numel()


def own_slice(value: torch.Tensor, parameter: Any) -> torch.Tensor:
    """This process's slice of a whole tensor as ZeRO cuts it: flat, of one length on all, the last filled up with zeros."""
    length = parameter.ds_tensor.numel()
    piece = value.flatten()[dist.get_rank() * length :][:length]
    return torch.nn.functional.pad(piece, (0, length - piece.numel()))
