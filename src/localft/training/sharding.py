"""Whether a training is sharded, and what that asks of its micro-batches; `modeling.sharding` does the sharding itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist

from localft import settings
from localft.errors import TrainingFailed
from localft.modeling.sharding import Fsdp2, Sharding, units
from localft.modeling.zero import Zero3
from localft.plan.sharding import refused, sharding_wanted
from localft.training.collator import MicroBatch


def chosen_sharding() -> Sharding | None:
    """How the model is spread over several processes, if it is; a UsageError as `sharding_wanted` has it."""
    asked = sharding_wanted()
    if asked is None:
        return None
    if settings.process_group().world_size == 1:
        if asked.offloads_weights or asked.offloads_optimizer:
            raise refused(
                "accelerate is configured to offload to main memory, which localft leaves to ZeRO-3, over several processes, and "
                "one was started. Start more of them, or set offload_param_device and offload_optimizer_device to none."
            )
        return None
    if asked.framework == "FSDP":
        return Fsdp2()
    return Zero3(offload_weights=asked.offloads_weights, offload_optimizer=asked.offloads_optimizer)


def require_units(model: torch.nn.Module) -> None:
    """Refuses a launcher's choice of what is gathered at a time where it is not the model's blocks."""
    asked = settings.launched_sharding()
    found = {type(block).__name__ for block in units(model)}
    if asked is not None and asked.units and set(asked.units) != found:
        raise refused(
            f"accelerate is configured with `fsdp_transformer_layer_cls_to_wrap: {','.join(asked.units)}`; localft gathers the "
            f"weights of this model block by block ({', '.join(sorted(found))}). Leave the option away, or name the block."
        )


def in_step(batches: Sequence[MicroBatch], idle: MicroBatch, device: torch.device) -> list[MicroBatch]:
    """Fills up with idle micro-batches to as many as the busiest rank has: passes of a sharded model are appointments."""
    most = torch.tensor([len(batches)], device=device)
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return [*batches, *[idle] * (int(most.item()) - len(batches))]


@contextmanager
def no_second_try(where: str, tokens_per_micro_batch: int) -> Iterator[None]:
    """Ends the training where memory does not suffice: the other ranks wait for this one in the middle of the model."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingFailed(
            f"{where}: the memory of rank {dist.get_rank()} did not suffice for a micro-batch, and in a sharded training one "
            "rank cannot compute its part again alone. Lower execution.tokens_per_micro_batch (now "
            f"{tokens_per_micro_batch}; it does not change the result) or set execution.gradient_checkpointing, and "
            f"{settings.to_go_on()}: it continues from the last checkpoint.",
            code="out_of_memory",
        ) from error
