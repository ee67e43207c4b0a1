"""What the execution of a plan will compute, as far as the rows themselves tell it."""

from __future__ import annotations

from localft.plan.strict import Strict


class ExecutionForecast(Strict):
    """What the first steps compute with the plan's processes, micro-batches and sharing, counted on their very rows."""

    steps: int
    """Optimizer steps that were looked at, from the first."""
    micro_batches: float
    """Micro-batches of a step on its busiest process, on average."""
    fullest_micro_batch: int
    """Tokens computed in the fullest one."""
    tokens: int
    """Tokens of the examples."""
    computed_tokens: int
    """Tokens computed for them: below `tokens` where what examples begin with in common is computed once."""
    padded_tokens: int
    """What would be computed if the rows of a micro-batch were padded to its longest."""

    @property
    def padding_avoided(self) -> float:
        """padded_tokens / tokens: 1.6 means that padding would compute 1.6 times as much as the rows have."""
        return self.padded_tokens / self.tokens

    @property
    def shared(self) -> float:
        """Share of the tokens that need not be computed."""
        return 1 - self.computed_tokens / self.tokens
