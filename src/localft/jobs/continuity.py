"""The losses on both sides of an interruption, in one sentence: whether a continued run goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localft.jobs.results import ResultRow, number
from localft.progress import Notice, StepMetrics


def continuity(before: Sequence[ResultRow], first: StepMetrics) -> Iterator[Notice]:
    """The sentence for the first step behind an interruption; none where nothing was trained before.

    `before` is results.csv as the interruption left it. A run that was killed behind its last checkpoint trains some steps
    a second time: such a step's first loss is told as well, and on the same machine the two are equal.
    """
    losses = {row.step: number(row.metrics["train_loss"]) for row in before if "train_loss" in row.metrics}
    last, again = losses.get(first.step - 1), losses.get(first.step)
    if last is None and again is None:
        return
    sides = [] if last is None else [f"step {first.step - 1}, before the interruption: training loss={last}"]
    sides.append(f"step {first.step}, behind it: training loss={number(first.train_loss)}")
    once = "" if again is None else f" ({again} when it was trained before)"
    yield Notice(f"Continuity: {'; '.join(sides)}{once}")
