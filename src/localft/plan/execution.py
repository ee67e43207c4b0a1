"""How the steps of a plan are carried out on this machine: device, precision, micro-batches. Nothing here changes the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from localft import settings
from localft.catalog import ModelShape
from localft.plan import memory
from localft.plan.forecast import ExecutionForecast
from localft.plan.memory import GIB, GpuMemory, MemoryEstimate
from localft.plan.request import Checkpointing, ExecutionRequest
from localft.plan.sharding import require_shardable, sharding_wanted
from localft.plan.strict import Strict

MOST_CPU_TOKENS, LEAST_CPU_TOKENS = 8192, 2048
"""Token budgets of a micro-batch under "auto" on a CPU: as many as keep activations below `CPU_ACTIVATIONS_BYTES`."""
CPU_ACTIVATIONS_BYTES = GIB
GPU_TOKENS = 8192
"""On a GPU of unknown memory."""
MOST_GPU_TOKENS, GOOD_GPU_TOKENS, LEAST_GPU_TOKENS = 16384, 4096, 1024
"""Where a GPU's memory is known: the most that is useful, since beyond it unpacking NF4 and launching kernels take about
a hundredth of a step; what gradient checkpointing is avoided for; and the least, below which they cost more than it does."""

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]
Quantization = Literal["none", "nf4"]


class PlannedExecution(Strict):
    """How the steps are carried out. Nothing here changes the result."""

    tokens_per_micro_batch: int
    """Most tokens of one forward and backward pass; rows are packed without padding, and a longer row goes alone."""
    gradient_checkpointing: Checkpointing
    """What the backward pass computes again. A training that runs out of memory goes from off to selective to full."""
    share_prefixes: bool
    """Whether rows of a micro-batch that begin alike have that part computed once."""
    compile: bool
    """Whether the model's layers go through torch.compile."""
    device: Device
    precision: Precision
    """Storage and compute precision of the base model; adapters are float32 always."""
    processes: int
    rules: dict[str, str]
    """Why each of the above is what it is."""
    requested: ExecutionRequest = ExecutionRequest()
    """What was asked for, so that another machine can resolve it anew."""
    requested_precision: Literal["auto", "float32", "bfloat16"] = "auto"
    forecast: ExecutionForecast | None = None
    """What the first steps will compute so; None where their tokens were not looked at."""


def plan_execution(
    requested: ExecutionRequest,
    requested_precision: Literal["auto", "float32", "bfloat16"],
    shape: ModelShape,
    *,
    batch_size: int,
    rank: int | None,
    dropout: float,
    quantization: Quantization,
    longest: int | None,
    device: Device | None,
    processes: int | None,
) -> tuple[PlannedExecution, MemoryEstimate]:
    """Device, processes, precision, token budget and checkpointing, each with its reason, and the memory they take."""
    require_shardable(quantization)
    rules: dict[str, str] = {}
    device, rules["device"] = _device(device)
    processes, rules["processes"] = _processes(processes, device, batch_size)
    precision, rules["precision"] = _precision(requested_precision, device)
    gpu = memory.gpu_memory() if device == "cuda" else None
    shards = processes if sharding_wanted() else 1

    def estimated(tokens: int, gradient_checkpointing: Checkpointing) -> MemoryEstimate:
        if longest is not None:
            tokens = max(longest, min(tokens, batch_size * longest))  # a longer row goes alone; a step has no more
        return memory.estimate(
            shape,
            rank=rank,
            quantization=quantization,
            precision=precision,
            tokens=tokens,
            gradient_checkpointing=gradient_checkpointing,
            gpu=gpu,
            shards=shards,
        )

    tokens, checkpointing = _first_that_fits(_candidates(requested, device, gpu), estimated)
    chosen = estimated(tokens, checkpointing)
    asked = requested.tokens_per_micro_batch != "auto"
    rules["tokens_per_micro_batch"] = "as asked" if asked else _tokens_rule(tokens, device, chosen)
    asked = requested.gradient_checkpointing != "auto"
    rules["gradient_checkpointing"] = (
        "as asked" if asked else _checkpointing_rule(checkpointing, device, estimated(tokens, "off"), chosen)
    )
    sharing, rules["share_prefixes"] = _sharing(requested, dropout)
    rules["compile"] = "as asked" if requested.compile else "off: compiling takes minutes, and pays in long runs only"
    execution = PlannedExecution(
        tokens_per_micro_batch=tokens,
        gradient_checkpointing=checkpointing,
        share_prefixes=sharing,
        compile=requested.compile,
        device=device,
        precision=precision,
        processes=processes,
        rules=rules,
        requested=requested,
        requested_precision=requested_precision,
    )
    return execution, chosen


def _sharing(requested: ExecutionRequest, dropout: float) -> tuple[bool, str]:
    if requested.share_prefixes is False:
        return False, "as asked"
    if dropout > 0:
        return False, f"off, since with dropout {dropout:g} each row draws zeros of its own"
    return True, "as asked" if requested.share_prefixes is True else "auto: on, since dropout is 0"


def _device(device: Device | None) -> tuple[Device, str]:
    if device is not None:
        return device, "as asked"
    gpus = settings.visible_gpus()
    return ("cuda", f"{gpus} GPU{'s' * (gpus > 1)} visible") if gpus else ("cpu", "no GPU visible")


def _processes(processes: int | None, device: Device, batch_size: int) -> tuple[int, str]:
    group = settings.process_group()
    if group.launched and processes in (None, group.world_size):
        return group.world_size, "as many as the launcher started"
    if processes is not None:
        return processes, "as asked"
    gpus = settings.visible_gpus() if device == "cuda" else 1
    if gpus > batch_size:
        return batch_size, f"one for each example of a step; {gpus} GPUs are visible"
    return (gpus, "one for each visible GPU") if gpus > 1 else (1, "one process")


def _precision(requested: Literal["auto", "float32", "bfloat16"], device: Device) -> tuple[Precision, str]:
    if requested != "auto":
        return requested, "as asked"
    return ("float32", "auto: float32 on the CPU") if device == "cpu" else ("bfloat16", "auto: bfloat16 on a GPU")


def _candidates(requested: ExecutionRequest, device: Device, gpu: GpuMemory | None) -> list[tuple[int, Checkpointing]]:
    """(tokens per micro-batch, gradient checkpointing) in the order to try them.

    Full checkpointing makes a step about half as slow again, selective somewhat less, and smaller micro-batches cost less than
    that down to `GOOD_GPU_TOKENS`. So these come first without checkpointing, then with selective, then with full; only
    then still smaller ones.
    """
    tokens, checkpointing = requested.tokens_per_micro_batch, requested.gradient_checkpointing
    if device == "cpu":
        budgets = _powers_of_two(LEAST_CPU_TOKENS, MOST_CPU_TOKENS) if tokens == "auto" else [tokens]
        return [(budget, "off" if checkpointing == "auto" else checkpointing) for budget in budgets]
    if gpu is None:
        return [(GPU_TOKENS if tokens == "auto" else tokens, "full" if checkpointing == "auto" else checkpointing)]
    budgets = _powers_of_two(LEAST_GPU_TOKENS, MOST_GPU_TOKENS) if tokens == "auto" else [tokens]
    good = [budget for budget in budgets if budget >= GOOD_GPU_TOKENS] if tokens == "auto" else budgets
    modes = get_args(Checkpointing) if checkpointing == "auto" else (checkpointing,)
    return [(budget, mode) for mode in modes for budget in good] + [(budget, modes[-1]) for budget in budgets]


def _powers_of_two(least: int, most: int) -> list[int]:
    """Falling; both ends, which are such powers, among them."""
    return [2**exponent for exponent in range(most.bit_length() - 1, least.bit_length() - 2, -1)]


def _first_that_fits(
    candidates: list[tuple[int, Checkpointing]], estimated: Callable[[int, Checkpointing], MemoryEstimate]
) -> tuple[int, Checkpointing]:
    return next((candidate for candidate in candidates if _fits(estimated(*candidate))), candidates[-1])


def _fits(estimate: MemoryEstimate) -> bool:
    """Whether it is to be taken: on a GPU what is free decides, on a CPU a modest share of any main memory."""
    if estimate.free_bytes is None:
        return estimate.activations_bytes <= CPU_ACTIVATIONS_BYTES
    return bool(estimate.fits_what_is_free)


def _tokens_rule(tokens: int, device: Device, chosen: MemoryEstimate) -> str:
    if device == "cpu":
        least = ", the least" if tokens == LEAST_CPU_TOKENS else ""
        return f"auto: {tokens}{least}; activations take {chosen.activations_bytes / GIB:.1f} GiB of main memory"
    if chosen.free_bytes is None:
        return f"auto: {tokens}, since the GPU's memory is not known"
    free = f"{chosen.free_bytes / GIB:.1f} GiB free"
    if not chosen.fits_what_is_free:
        return f"auto: {tokens}, the least, though {chosen.total_gib:.1f} GiB do not fit 90% of {free}"
    which = "the most that is useful" if tokens == MOST_GPU_TOKENS else "the most that fits"
    return f"auto: {tokens}, {which}; activations take {chosen.activations_bytes / GIB:.1f} of {free}"


def _checkpointing_rule(
    checkpointing: Checkpointing, device: Device, without: MemoryEstimate, chosen: MemoryEstimate
) -> str:
    if device == "cpu":
        return "auto: off on the CPU, where memory is not what runs out"
    if chosen.free_bytes is None:
        return "auto: full, since the GPU's memory is not known"
    free = f"90% of {chosen.free_bytes / GIB:.1f} GiB free"
    if checkpointing == "off":
        return f"auto: off, since {without.total_gib:.1f} GiB without it fit {free}"
    return f"auto: {checkpointing}, {chosen.total_gib:.1f} GiB; {without.total_gib:.1f} without it do not fit {free}"
