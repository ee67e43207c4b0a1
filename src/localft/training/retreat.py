"""What is done where a GPU's memory does not suffice for a step, and when more is dared again.

The ladder of retreat, from a footing to the next one below it:

    1. half the tokens a micro-batch, while that costs little: down to a quarter of the plan's, and not below 1024
    2. gradient checkpointing: off, selective, full
    3. half the tokens again, down to single rows

A step computed again on another footing has the same result. Gradient checkpointing stays for the rest of the run; the
tokens are doubled again after a calm stretch, which is twice as long each time that this goes wrong. Nothing here
touches a model, and every rank that is told the same numbers comes to the same footing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from localft.errors import TrainingFailed
from localft.plan.request import Checkpointing
from localft.progress import Notice
from localft.training.collator import MicroBatch

CALM_STEPS = 50
"""Steps without a shortage of memory before micro-batches grow again, the first time."""
LEAST_TOKENS = 1024
"""Below that, launching kernels and unpacking NF4 cost more than gradient checkpointing does."""
MODES: tuple[Checkpointing, ...] = get_args(Checkpointing)
"""From what takes the most memory to what takes the least."""


@dataclass(frozen=True)
class Footing:
    """How the micro-batches of a step are cut and computed."""

    tokens: int
    """Most tokens of a micro-batch."""
    checkpointing: Checkpointing

    def __str__(self) -> str:
        return f"{self.tokens} tokens in each micro-batch, gradient checkpointing {self.checkpointing}"


def retreat(failed: Footing, *, planned_tokens: int, largest: int, single_rows: bool) -> Footing | None:
    """The footing below one for which memory did not suffice; None where there is none.

    `largest` is the size of the share's largest micro-batch; `single_rows` whether none of them holds more than one row.
    """
    halved = max(1, min(failed.tokens, largest) // 2)
    if failed.checkpointing != MODES[-1] and (single_rows or halved < max(LEAST_TOKENS, planned_tokens // 4)):
        return replace(failed, checkpointing=MODES[MODES.index(failed.checkpointing) + 1])
    return None if single_rows else replace(failed, tokens=halved)


class CommonFooting:
    """The footing on which all ranks begin a step. Starts as planned, also in a resumed run."""

    def __init__(self, planned: Footing) -> None:
        self.planned = planned
        self.now = planned
        self._calm_steps = 0
        self._shortages = 0
        """Since gradient checkpointing last changed."""

    def settle(self, agreed: Footing, step: int) -> Notice | None:
        """Takes over what sufficed for a step on every rank; returns what is to be told of a change, if there is one."""
        if agreed != self.now:
            return self._retreated(agreed, step)
        self._calm_steps += 1
        if self.now.tokens < self.planned.tokens and self._calm_steps >= CALM_STEPS * 2 ** (self._shortages - 1):
            return self._grown(step)
        return None

    def _retreated(self, agreed: Footing, step: int) -> Notice:
        self._shortages = 1 if agreed.checkpointing != self.now.checkpointing else self._shortages + 1
        self._calm_steps = 0
        self.now = agreed
        return Notice(
            f"Step {step}: the memory did not suffice for a micro-batch. The step was computed again with {agreed}, and so "
            "are those behind it; the result is the same.",
            level="warn",
        )

    def _grown(self, step: int) -> Notice:
        calm, self._calm_steps = self._calm_steps, 0
        self.now = replace(self.now, tokens=min(2 * self.now.tokens, self.planned.tokens))
        return Notice(
            f"Step {step}: the memory sufficed for {calm} steps. Those behind it are computed with {self.now}."
        )


def too_large(where: str, row: MicroBatch | None) -> TrainingFailed:
    """The failure, on every rank, where a row does not fit on its own; None where it is another rank's."""
    named = "a single row" if row is None else f"a single row of {row.positions} tokens (line {row.lines[0]})"
    error = TrainingFailed(
        f"{where}: the GPU's memory did not suffice for {named}. Choose `quantization: nf4`, a lower max_length or a "
        "smaller model.",
        code="out_of_memory",
    )
    error.on_every_process = True
    return error
