"""Looks ahead at the first steps of a plan: how they will be cut into micro-batches, and what that saves."""

from __future__ import annotations

from collections.abc import Sequence

from localft.plan import ExecutionForecast, TrainingPlan
from localft.training.batching import Example, Steps, cut, deal, pack
from localft.training.prefixes import forest

LOOKAHEAD_TOKENS = 200_000
"""Steps are looked at until they hold so many tokens: enough for an estimate, and read in under a second."""

Rows = Sequence[Sequence[int]]


def forecast(plan: TrainingPlan, examples: Sequence[Example]) -> ExecutionForecast:
    """Cuts the first steps as the training will, without computing anything of them."""
    execution, knobs = plan.execution, plan.hyperparameters
    budget = execution.tokens_per_micro_batch
    steps = Steps(examples, batch_size=int(knobs.batch_size.value), seed=int(knobs.seed.value))
    tokens = padded = 0
    busiest: list[int] = []
    computed: list[int] = []
    for step in range(len(steps)):
        rows = [example.input_ids for example in steps[step].share]
        micro_batches = []
        for share in deal([len(row) for row in rows], execution.processes):
            dealt = [rows[position] for position in share]
            micro_batches.append(_computed_tokens(dealt, budget, share=execution.share_prefixes))
            padded += _padded_tokens(dealt, budget)
        busiest.append(max(len(of_process) for of_process in micro_batches))
        computed += [count for of_process in micro_batches for count in of_process]
        tokens += sum(len(row) for row in rows)
        if tokens >= LOOKAHEAD_TOKENS:
            break
    return ExecutionForecast(
        steps=len(busiest),
        micro_batches=round(sum(busiest) / len(busiest), 2),
        fullest_micro_batch=max(computed),
        tokens=tokens,
        computed_tokens=sum(computed),
        padded_tokens=padded,
    )


def _computed_tokens(rows: Rows, budget: int, *, share: bool) -> list[int]:
    """Tokens that each micro-batch of the rows computes."""
    parts = [[rows[position] for position in part] for part in pack(rows, budget, share=share)]
    return [forest(part).tokens if share else sum(len(row) for row in part) for part in parts]


def _padded_tokens(rows: Rows, budget: int) -> int:
    """Tokens and padding, were the rows padded. They come longest first."""
    lengths = [len(row) for row in rows]
    return sum(len(part) * lengths[part[0]] for part in cut(lengths, budget))
