"""Metrics pooled over tokens: sums are gathered, divided once. Nothing here depends on how rows are batched or spread.

A mean of batch means, the usual evaluation loss, moves with the evaluation batch size; these do not.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
import torch.distributed as dist

from localft.training.batching import Example, deal
from localft.training.collator import Layout, MicroBatch, idle_micro_batch, micro_batches
from localft.training.loss import score
from localft.training.retreat import too_large
from localft.training.sharding import in_step, no_second_try


@dataclass(frozen=True)
class Pooled:
    """Loss and token accuracy over a set of rows."""

    loss: float
    """sum(weight * nll) / sum(weight); nats per token."""
    mean_token_accuracy: float
    """Share of targets (positions with a weight above 0) whose top-1 prediction is right."""


def sum_over_ranks(sums: torch.Tensor) -> torch.Tensor:
    """Adds a vector up over all ranks."""
    if dist.is_initialized() and dist.get_world_size() > 1:
        sums = sums.clone()
        dist.all_reduce(sums)
    return sums


def side_by_side(value: float, device: torch.device) -> torch.Tensor:
    """This rank's value at its own place among zeros, (ranks,): summed over ranks, the values of all."""
    joined = dist.is_initialized()
    values_R = torch.zeros(dist.get_world_size() if joined else 1, dtype=torch.float64, device=device)
    values_R[dist.get_rank() if joined else 0] = value
    return values_R


def least_over_ranks(values: list[int], device: torch.device) -> list[int]:
    """The smallest of each number over all ranks; the same answer on all of them."""
    if not (dist.is_initialized() and dist.get_world_size() > 1):
        return values
    least = torch.tensor(values, device=device)
    dist.all_reduce(least, op=dist.ReduceOp.MIN)
    return [int(value) for value in least.tolist()]


def agreed(flag: bool, device: torch.device) -> bool:
    """Whether the flag is up on any rank; the same answer on all of them."""
    return agreed_each([flag], device)[0]


def agreed_each(flags: Sequence[bool], device: torch.device) -> list[bool]:
    """The same of several flags at once."""
    return [count > 0 for count in sum_over_ranks(torch.tensor(flags, dtype=torch.float32, device=device)).tolist()]


def validates_at(step: int, total_steps: int) -> bool:
    """Whether `valid_*` are measured behind this step (1-based): 1, 10, 20, ... and the last."""
    return step == 1 or step % 10 == 0 or step == total_steps


def validation_rows(seed: int, step: int, n: int, batch_size: int) -> list[int]:
    """Draws the validation batch of a step: a pure function, so a resumed run draws the same rows."""
    rows = random.Random(f"localft validation batch, seed {seed}, step {step}").sample(range(n), min(batch_size, n))
    return sorted(rows)


def evaluate(
    model: Any,
    examples: Sequence[Example],
    *,
    tokens_per_micro_batch: int,
    device: torch.device,
    layout: Layout = "packed",
    apart_above: int | None = None,
    rank: int = 0,
    ranks: int = 1,
    sharded: bool = False,
    autocast: AbstractContextManager[Any] | None = None,
    shrunk: Callable[[int], None] = lambda tokens: None,
) -> Pooled:
    """Measures the model on the examples, this rank its share of them. Draws no random number; leaves the mode as found.

    The model is given bare, not wrapped for data parallelism: ranks may run different numbers of micro-batches. Where
    memory did not suffice for `tokens_per_micro_batch`, `shrunk` is called on every rank with the budget that did. A
    sharded model has no second try, and every rank runs equally many micro-batches.
    """
    assert examples
    lengths = [len(example.input_ids) for example in examples]
    share = [examples[position] for position in deal(lengths, ranks)[rank]]
    was_training = model.training
    model.eval()
    cut = partial(micro_batches, layout=layout, apart_above=apart_above)
    try:
        with torch.no_grad(), autocast or nullcontext():
            if sharded:
                batches = in_step(cut(share, tokens_per_micro_batch), idle_micro_batch(layout), device)
                found = _sharded_sums(model, batches, tokens_per_micro_batch, device)
            else:
                found = _sums(model, share, tokens_per_micro_batch, cut, device)
    finally:
        model.train(was_training)
    (budget,) = least_over_ranks([0 if found.too_large else found.budget], device)
    if budget == 0:
        raise too_large("Validation", found.too_large)
    if budget < tokens_per_micro_batch:
        shrunk(budget)
    weight = math.fsum(w for example in examples for w in example.loss_weights)
    return pooled(sum_over_ranks(found.sums), weight)


Cut: TypeAlias = Callable[[Sequence[Example], int], list[MicroBatch]]
"""Cuts rows into micro-batches of at most so many tokens."""


@dataclass(frozen=True)
class _Evaluated:
    """What one rank measured."""

    sums: torch.Tensor
    """See `HeadScores.sums`."""
    budget: int
    """Tokens of a micro-batch with which memory sufficed."""
    too_large: MicroBatch | None
    """A micro-batch of a single row for which it did not."""


def _sums(model: Any, share: list[Example], budget: int, cut: Cut, device: torch.device) -> _Evaluated:
    """Adds up over the share; where memory does not suffice, cuts what is not counted yet into smaller micro-batches."""
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    failed_alone: set[int] = set()  # lines of rows; once they may, with memory that others left
    while True:
        batches = cut(share, budget)
        counted: set[int] = set()
        try:
            for batch in batches:
                sums += score(model, batch.to(device)).sums
                counted.update(batch.lines)
            return _Evaluated(sums, budget, too_large=None)
        except torch.OutOfMemoryError:
            pass  # what follows must be outside, where the error no longer holds on to the tensors
        if device.type == "cuda":
            torch.cuda.empty_cache()
        failed = next(batch for batch in batches if batch.lines[0] not in counted)
        if len(failed.lines) == 1:
            if failed.lines[0] in failed_alone:
                return _Evaluated(sums, budget, failed)
            failed_alone.add(failed.lines[0])
        share = [example for example in share if example.line not in counted]
        budget = max(1, min(budget, failed.positions) // 2)


def _sharded_sums(model: Any, batches: list[MicroBatch], budget: int, device: torch.device) -> _Evaluated:
    """Adds up over micro-batches, of which every rank has equally many."""
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    with no_second_try("Validation", budget):
        for batch in batches:
            sums += score(model, batch.to(device)).sums
    return _Evaluated(sums, budget, too_large=None)


def pooled(sums: torch.Tensor, total_weight: float) -> Pooled:
    """Divides sums over all ranks, as `HeadScores.sums` has them, once."""
    nll, right, targets = sums.tolist()
    return Pooled(loss=nll / total_weight, mean_token_accuracy=right / targets if targets else 0.0)
