"""How the steps of a plan are carried out on this machine: device, precision, micro-batches. Nothing here changes the result."""

from __future__ import annotations

from collections.abc import Callable
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
    """Most tokens of one forward and backward pass; rows are packed without padding, and a longer row goes alone."""
    gradient_checkpointing: bool
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
    rules: dict[str, str] = {}
    device, rules["device"] = _device(device)
    processes, rules["processes"] = _processes(processes, device, batch_size)
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

    tokens, checkpointing = _first_that_fits(_candidates(requested, device, available is not None), estimated)
    asked = requested.tokens_per_micro_batch != "auto"
    rules["tokens_per_micro_batch"] = "as asked" if asked else _tokens_rule(tokens, device)
    asked = requested.gradient_checkpointing != "auto"
    rules["gradient_checkpointing"] = (
        "as asked" if asked else _checkpointing_rule(checkpointing, device, estimated(tokens, False))
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
    return execution, estimated(tokens, checkpointing)


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


def _candidates(requested: ExecutionRequest, device: Device, memory_is_known: bool) -> list[tuple[int, bool]]:
    """(tokens per micro-batch, gradient checkpointing) in the order to try them.

    Checkpointing makes a step about half as slow again, so half the tokens without it come before all tokens with it; below
    that, launching kernels and unpacking NF4 begin to cost more than checkpointing does.
    """
    tokens, checkpointing = requested.tokens_per_micro_batch, requested.gradient_checkpointing
    if device == "cpu" or not memory_is_known:
        budget = CPU_TOKENS if device == "cpu" else GPU_TOKENS
        default = device != "cpu"
        return [(budget if tokens == "auto" else tokens, default if checkpointing == "auto" else checkpointing)]
    budgets = [GPU_TOKENS, GPU_TOKENS // 2, GPU_TOKENS // 4, LEAST_GPU_TOKENS] if tokens == "auto" else [tokens]
    if checkpointing != "auto":
        return [(budget, checkpointing) for budget in budgets]
    return [(budget, False) for budget in budgets[:2]] + [(budget, True) for budget in budgets]


def _first_that_fits(
    candidates: list[tuple[int, bool]], estimated: Callable[[int, bool], MemoryEstimate]
) -> tuple[int, bool]:
    return next((candidate for candidate in candidates if estimated(*candidate).fits is not False), candidates[-1])


def _tokens_rule(tokens: int, device: Device) -> str:
    if device == "cpu":
        return f"auto: {tokens}, small enough for main memory"
    if tokens == GPU_TOKENS:
        return f"auto: {tokens}, enough to keep a GPU busy and to make NF4's unpacking cheap"
    return f"auto: {tokens}, less than {GPU_TOKENS} so that it fits the GPU"


def _checkpointing_rule(checkpointing: bool, device: Device, without: MemoryEstimate) -> str:
    if device == "cpu":
        return "auto: off on the CPU, where memory is not what runs out"
    if without.fits is None:
        return "auto: on, since the GPU's memory is not known"
    fit = "do not fit" if checkpointing else "fit"
    return f"auto: {'on' if checkpointing else 'off'}, since {without.total_gib:g} GiB without it {fit} the GPU"
