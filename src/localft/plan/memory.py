"""How much memory a training takes, estimated from the model's widths before anything is loaded.

Weights, adapter, gradients and optimizer are exact counts of numbers. Activations are an estimate: what a Llama block
keeps for its backward pass at the least, times 2.4 for what transformers and peft keep beyond it when nothing is fused.
Plan on being right within a third. Where a GPU's memory does not suffice all the same, the trainer cuts the step's
micro-batches smaller and computes the same step again.

All figures are for one process, which holds the whole model unless it is sharded.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from localft import settings
from localft.catalog import ModelShape
from localft.plan.request import Checkpointing

GIB = 2**30

NF4_BYTES = 4 / 8
NF4_SCALE_BYTES = 0.127 / 8
"""Bytes of one weight in NF4: four bits, and 0.127 bits of doubly quantised scales (arXiv 2305.14314, section 3)."""
OPTIMIZER_BYTES = 8
"""Bytes of AdamW's two float32 moments of one trained weight."""
EAGER_OVERHEAD = 2.4
"""What an unfused block keeps for the backward pass, over the least that it has to."""
HEAD_TILE_TOKENS, HEAD_TILE_VOCAB = 4096, 32768
"""The head makes at most tokens x vocabulary = 2^27 logits at a time on a GPU, never the whole table."""
USABLE_SHARE = 0.9
"""Share of a GPU that a plan may fill; the rest is CUDA's own, and fragmentation."""


@dataclass(frozen=True)
class GpuMemory:
    """Bytes of the smallest visible GPU, and of the one with the least left."""

    total: int
    free: int


class MemoryEstimate(BaseModel):
    """Bytes that one process needs, by what they are for."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    weights_bytes: int
    """The base model as it is stored; of a sharded one this process's part, and what is gathered at a time."""
    adapter_bytes: int
    """The adapter's weights, float32; 0 for full fine-tuning."""
    gradients_bytes: int
    """One float32 number for each trained weight; of a sharded model this process's part, and what is whole at a time."""
    optimizer_bytes: int
    """AdamW's two float32 moments for each trained weight."""
    activations_bytes: int
    """What one micro-batch keeps for its backward pass."""
    head_bytes: int
    """Logits and their gradients, of as many positions as the head computes at a time."""
    total_bytes: int
    total_gib: float
    """total_bytes / 2^30, two decimals."""
    available_bytes: int | None
    """Memory of the smallest visible GPU; None on the CPU and where it is not known."""
    free_bytes: int | None = None
    """What other programs left of it when the plan was made."""
    fits: bool | None
    """Whether the total stays under nine tenths of what is available; None where that is not known."""

    @property
    def fits_what_is_free(self) -> bool:
        """Whether the total stays under nine tenths of what is free; True where that is not known."""
        return self.free_bytes is None or self.total_bytes <= USABLE_SHARE * self.free_bytes


def estimate(
    shape: ModelShape,
    *,
    rank: int | None,
    quantization: Literal["none", "nf4"],
    precision: Literal["float32", "bfloat16"],
    tokens: int,
    gradient_checkpointing: Checkpointing,
    gpu: GpuMemory | None = None,
    shards: int = 1,
) -> MemoryEstimate:
    """Memory of a training with micro-batches of `tokens` tokens; `rank` is None for full fine-tuning.

    Of `shards` processes each keeps its part of all weights, gradients and moments, and gathers the weights of the block
    that it computes, of the next one, and of what is no block; in full fine-tuning gradients of a block and of what is no
    block too. NF4's scales are whole on each.

    Llama-3.1-8B in bfloat16 with rank 16: weights 14.96 GiB, adapter with gradients and moments 0.62 GiB.
    Full fine-tuning keeps its weights in float32 whatever the precision, since bfloat16 would round small updates away.
    """
    width = 2 if precision == "bfloat16" else 4
    blocks, rest = _weights_bytes(shape, quantization, 4 if rank is None else width)
    scales = int(NF4_SCALE_BYTES * shape.linear_parameters) if quantization == "nf4" else 0
    weights = blocks + rest + scales
    trained = shape.parameters if rank is None else shape.adapter_parameters(rank)
    adapter = 0 if rank is None else 4 * trained
    activations = tokens * _activation_bytes_per_token(shape, width, gradient_checkpointing)
    if quantization == "nf4":
        activations += width * max(inputs * outputs for inputs, outputs in shape.linears())
    head = min(tokens, HEAD_TILE_TOKENS) * min(shape.vocab_size, HEAD_TILE_VOCAB) * (width + 4 + 4)
    gradients, moments = 4 * trained, OPTIMIZER_BYTES * trained
    if shards > 1:
        weights = (blocks + rest) // shards + 2 * blocks // shape.layers + rest + scales
        adapter, gradients, moments = adapter // shards, gradients // shards, moments // shards
        gradients += blocks // shape.layers + rest if rank is None else 0
    total = weights + adapter + gradients + moments + activations + head
    return MemoryEstimate(
        weights_bytes=weights,
        adapter_bytes=adapter,
        gradients_bytes=gradients,
        optimizer_bytes=moments,
        activations_bytes=activations,
        head_bytes=head,
        total_bytes=total,
        total_gib=round(total / GIB, 2),
        available_bytes=gpu.total if gpu else None,
        free_bytes=gpu.free if gpu else None,
        fits=total <= USABLE_SHARE * gpu.total if gpu else None,
    )


def _weights_bytes(shape: ModelShape, quantization: Literal["none", "nf4"], width: int) -> tuple[int, int]:
    """Of the linear layers of all blocks, without NF4's scales; and of what is not quantised: embeddings, norms, head."""
    linear = NF4_BYTES if quantization == "nf4" else width
    return int(linear * shape.linear_parameters), width * (shape.parameters - shape.linear_parameters)


def _activation_bytes_per_token(shape: ModelShape, width: int, gradient_checkpointing: Checkpointing) -> int:
    """Kept for the backward pass: every block's tensors, or with checkpointing a few of each block and one block's tensors.

    At the least a block keeps the inputs of its norms and linears, query, key, value, attention output, and the MLP's gate
    and up: 111 kB a token and block for Llama-3.1-8B in bfloat16. Full checkpointing keeps 8 kB of it, the block's input;
    selective checkpointing 25 kB, with the outcomes of attention and of the MLP.
    """
    heads, kv = shape.attention_heads * shape.head_dim, shape.kv_heads * shape.head_dim
    numbers = 4 * shape.hidden_size + 2 * heads + 2 * kv + 2 * shape.intermediate_size
    block = int(EAGER_OVERHEAD * width * numbers)
    if gradient_checkpointing == "off":
        return shape.layers * block
    kept = shape.hidden_size if gradient_checkpointing == "full" else 2 * shape.hidden_size + heads
    return shape.layers * kept * width + block


def gpu_memory() -> GpuMemory | None:
    """Memory of the visible GPUs, asked of `nvidia-smi`; None where there is none, or it gives no figure for one."""
    if settings.visible_gpus() == 0:
        return None
    query = ["nvidia-smi", "--query-gpu=index,uuid,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, errors="replace", timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [row for line in answer.splitlines() if len(row := [field.strip() for field in line.split(",")]) == 4]
    rows = [row for row in rows if settings.is_visible_gpu(index=row[0], uuid=row[1])] or rows
    totals = [_mebibytes(row[2]) for row in rows]
    if not totals or 0 in totals:
        return None
    return GpuMemory(total=min(totals), free=min(_mebibytes(row[3]) for row in rows) or min(totals))


def _mebibytes(field: str) -> int:
    """Bytes; 0 where the field is no number, such as "[N/A]"."""
    return int(field) * 2**20 if field.isdecimal() else 0
