"""Seconds of steps, peak memory, the rate of matrix products, and the work that a training cannot avoid."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from localft.catalog import ModelShape

GEMM_ROWS = {"cpu": 2048, "cuda": 8192}
"""Positions of the matrix products that the rate is taken from: a micro-batch's."""
GEMM_REPEATS = 7


@dataclass
class MeasuredStep:
    seconds: float
    """From the end of the step before: data, framework and logging included, loading and importing not."""
    cpu_seconds: float
    """The same in time of this process on all cores, which other processes do not prolong; waiting threads count."""
    loss: float
    """Mean over the trained tokens, before the step."""
    tokens: int
    """Of the rows, padding not counted."""
    trained_tokens: int
    positions: int
    """What the model computed: with padding more than tokens, with shared prefixes fewer."""


class Meter:
    """Takes the steps' times and the peak of memory over all of them. Make it before the model is loaded."""

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        self._before = 0 if self._cuda else _memory("VmRSS")
        self._last = self._last_cpu = 0.0
        self.steps: list[MeasuredStep] = []

    def start(self) -> None:
        """The first step begins; what loading took at its peak is forgotten."""
        if self._cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        else:
            Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
        self._last, self._last_cpu = time.perf_counter(), time.process_time()

    def step(self, *, loss: float, tokens: int, trained_tokens: int, positions: int) -> None:
        if self._cuda:
            torch.cuda.synchronize()
        now, cpu = time.perf_counter(), time.process_time()
        self.steps.append(MeasuredStep(now - self._last, cpu - self._last_cpu, loss, tokens, trained_tokens, positions))
        self._last, self._last_cpu = now, cpu

    def peak_bytes(self) -> int:
        """Of the training alone, weights included; on the CPU without the imported libraries."""
        return torch.cuda.max_memory_allocated() if self._cuda else _memory("VmHWM") - self._before


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, f"Linux tells {name} of a process"
    return 1024 * int(found[1])


@dataclass(frozen=True)
class Work:
    """Positions that have to be computed, and how many positions each of them attends to, in sum."""

    positions: int
    attended: int
    trained: int

    @classmethod
    def of(cls, steps: Iterable[Sequence[tuple[Sequence[int], Sequence[float]]]], *, shared: bool) -> Work:
        """The work of steps of rows (ids, weights); with `shared`, what rows of a step begin with counts once."""
        positions = attended = trained = 0
        for step in steps:
            previous: Sequence[int] = ()
            for ids, weights in sorted(step) if shared else step:
                begin = common_prefix(previous, ids) if shared else 0
                positions += len(ids) - begin
                attended += (len(ids) * (len(ids) + 1) - begin * (begin + 1)) // 2
                trained += sum(weight > 0 for weight in weights)
                previous = ids
        return cls(positions, attended, trained)

    def flops(self, shape: ModelShape, rank: int) -> float:
        """Of LoRA without checkpointing: no gradient of frozen weights; attention's scores are computed again in the backward.

        A linear layer of n weights is 2n forward and 2n backward a position, an adapter 6 x rank x (inputs + outputs).
        Attention is 2 products forward and 5 backward of 2 x head width for each query and key.
        """
        linears = 4 * shape.linear_parameters + 6 * shape.adapter_parameters(rank)
        attention = 14 * shape.layers * shape.attention_heads * shape.head_dim
        head = 4 * shape.vocab_size * shape.hidden_size
        return float(self.positions * linears + self.attended * attention + self.trained * head)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids both begin with."""
    return next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def gemm_rate(shape: ModelShape, device: str, dtype: torch.dtype) -> float:
    """FLOP/s of the model's own matrix products, as often as each occurs; the median of a few goes."""
    rows = GEMM_ROWS[device]
    products = [*shape.linears() * shape.layers, (shape.hidden_size, shape.vocab_size)]
    seconds = sum(products.count(product) * _gemm_seconds(rows, *product, device, dtype) for product in set(products))
    return sum(2.0 * rows * inputs * outputs for inputs, outputs in products) / seconds


def _gemm_seconds(rows: int, inputs: int, outputs: int, device: str, dtype: torch.dtype) -> float:
    states = torch.randn(rows, inputs, device=device, dtype=dtype)
    weight = torch.randn(outputs, inputs, device=device, dtype=dtype)
    out = torch.empty(rows, outputs, device=device, dtype=dtype)
    seconds = []
    for _ in range(GEMM_REPEATS):
        started = time.perf_counter()
        torch.mm(states, weight.T, out=out)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])
