"""Whether a training is sharded, and what that asks of its micro-batches; `modeling.sharding` does the sharding itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist

from localft import settings
from localft.errors import TrainingFailed, UsageError
from localft.plan import TrainingPlan
from localft.training.collator import MicroBatch

LAUNCH = "`accelerate launch --use_fsdp --fsdp_version 2 -m localft ...`"


def is_sharded(plan: TrainingPlan) -> bool:
    """Whether the launcher wants the model spread over several processes; a UsageError says what it may not want."""
    asked = settings.launched_sharding()
    if asked is None:
        return False
    if asked.framework != "FSDP":
        raise _refused(
            f"accelerate is configured for {asked.framework}. To spread the model over the GPUs launch with {LAUNCH}; where "
            "it fits into one, with `accelerate launch --multi_gpu -m localft ...`, or change `accelerate config`."
        )
    if asked.version != 2:
        raise _refused(
            f"accelerate is configured for FSDP {asked.version}; localft shards by FSDP 2. Launch with {LAUNCH}, or change "
            "`accelerate config`."
        )
    if asked.others:
        raise _refused(
            f"accelerate is configured with {', '.join(asked.others)}, which localft does not follow under FSDP. Leave it "
            "away; execution.gradient_checkpointing is what saves activations."
        )
    if plan.quantization != "none":
        raise _refused(
            f"quantization is {plan.quantization}, whose packed weights cannot be sharded by FSDP. Set `quantization: none`, "
            "or launch with `accelerate launch --multi_gpu -m localft ...`, which keeps the whole model on each GPU."
        )
    return settings.process_group().world_size > 1


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
            f"{tokens_per_micro_batch}; it does not change the result) or set execution.gradient_checkpointing, and give the "
            "same command again: it continues from the last checkpoint.",
            code="out_of_memory",
        ) from error


def _refused(message: str) -> UsageError:
    error = UsageError(message)
    error.on_every_process = True
    return error
