"""How the steps of a plan are carried out on this machine: device, precision, micro-batches. Nothing here changes the result."""

from __future__ import annotations

from typing import Literal

from localft import settings
from localft.catalog import ModelShape
from localft.plan import memory
from localft.plan.memory import MemoryEstimate
from localft.plan.request import ExecutionRequest, Strict

CPU_TOKENS, GPU_TOKENS, LEAST_GPU_TOKENS = 2048, 8192, 1024
"""Token budgets of a micro-batch under "auto"."""

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bfloat16"]
Quantization = Literal["none", "nf4"]


class PlannedExecution(Strict):
    """How the steps are carried out. Nothing here changes the result."""

    tokens_per_micro_batch: int
    """Upper bound of rows x longest row in a padded micro-batch; one row may exceed it alone."""
    gradient_checkpointing: bool
    device: Device
    precision: Precision
    """Storage and compute precision of the base model; adapters are float32 always."""
    processes: int
    rules: dict[str, str]
    """Why each of the above is what it is."""
    requested: ExecutionRequest = ExecutionRequest()
    """What was asked for, so that another machine can resolve it anew."""
    requested_precision: Literal["auto", "float32", "bfloat16"] = "auto"


def plan_execution(
    requested: ExecutionRequest,
    requested_precision: Literal["auto", "float32", "bfloat16"],
    shape: ModelShape,
    *,
    rank: int | None,
    quantization: Quantization,
    longest: int | None,
    device: Device | None,
    processes: int | None,
) -> tuple[PlannedExecution, MemoryEstimate]:
    """Device, processes, precision, token budget and checkpointing, each with its reason, and the memory they take."""
    rules: dict[str, str] = {}
    device, rules["device"] = _device(device)
    processes, rules["processes"] = _processes(processes, device)
    precision, rules["precision"] = _precision(requested_precision, device)
    available = memory.gpu_memory_bytes() if device == "cuda" else None

    def estimated(tokens: int, gradient_checkpointing: bool) -> MemoryEstimate:
        return memory.estimate(
            shape,
            rank=rank,
            quantization=quantization,
            precision=precision,
            tokens=max(tokens, longest or 0),
            gradient_checkpointing=gradient_checkpointing,
            available_bytes=available,
        )

    tokens, checkpointing = requested.tokens_per_micro_batch, requested.gradient_checkpointing
    if tokens == "auto":
        tokens = CPU_TOKENS if device == "cpu" else GPU_TOKENS
        rules["tokens_per_micro_batch"] = (
            f"auto: {tokens}, small enough for main memory"
            if device == "cpu"
            else f"auto: {tokens}, enough to keep a GPU busy and to make NF4's unpacking cheap"
        )
        while tokens > LEAST_GPU_TOKENS and estimated(tokens, checkpointing is not False).fits is False:
            tokens //= 2
            rules["tokens_per_micro_batch"] = f"auto: {tokens}, the most of {GPU_TOKENS}, /2, /4, ... that fits the GPU"
    else:
        rules["tokens_per_micro_batch"] = "as asked"
    if checkpointing == "auto":
        checkpointing, rules["gradient_checkpointing"] = _checkpointing(device, estimated(tokens, False))
    else:
        rules["gradient_checkpointing"] = "as asked"
    execution = PlannedExecution(
        tokens_per_micro_batch=tokens,
        gradient_checkpointing=checkpointing,
        device=device,
        precision=precision,
        processes=processes,
        rules=rules,
        requested=requested,
        requested_precision=requested_precision,
    )
    return execution, estimated(tokens, checkpointing)


def _device(device: Device | None) -> tuple[Device, str]:
    if device is not None:
        return device, "as asked"
    gpus = settings.visible_gpus()
    return ("cuda", f"{gpus} GPU{'s' * (gpus > 1)} visible") if gpus else ("cpu", "no GPU visible")


def _processes(processes: int | None, device: Device) -> tuple[int, str]:
    if processes is not None:
        return processes, "as asked"
    group = settings.process_group()
    if group.launched:
        return group.world_size, "as the launcher started"
    gpus = settings.visible_gpus() if device == "cuda" else 0
    return (gpus, "one for each visible GPU") if gpus > 1 else (1, "one process")


def _precision(requested: Literal["auto", "float32", "bfloat16"], device: Device) -> tuple[Precision, str]:
    if requested != "auto":
        return requested, "as asked"
    return ("float32", "auto: float32 on the CPU") if device == "cpu" else ("bfloat16", "auto: bfloat16 on a GPU")


def _checkpointing(device: Device, without: MemoryEstimate) -> tuple[bool, str]:
    if device == "cpu":
        return False, "auto: off on the CPU, where memory is not what runs out"
    if without.fits is None:
        return True, "auto: on, since the GPU's memory is not known"
    if without.fits:
        return False, f"auto: off, since {without.total_gib:g} GiB without it fit the GPU"
    return True, f"auto: on, since {without.total_gib:g} GiB without it do not fit the GPU"
