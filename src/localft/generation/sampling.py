"""Chooses the next token of each row, and tells how likely the model found it.

A row draws from its own sequence of random numbers, in the order of token ids, so what it draws depends neither on the other
rows of the batch nor on how near-equal probabilities happen to be sorted.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from localft.wire.engine import Sampling

_LEAST_TEMPERATURE = 1e-5
"""Below it the likeliest token is all that could be drawn, and scores divided by it might be no numbers."""


class Chooser:
    """One choice's sampling: its settings, its random numbers, the tokens it has written."""

    def __init__(self, sampling: Sampling, choice: int) -> None:
        self.sampling = sampling
        seed = None if sampling.seed is None else f"{sampling.seed}/{choice}"
        self._random = random.Random(seed)
        self._written: Counter[int] = Counter()
        self._penalised = bool(sampling.presence_penalty or sampling.frequency_penalty)

    @property
    def draws(self) -> bool:
        return self.sampling.temperature >= _LEAST_TEMPERATURE

    @property
    def alters(self) -> bool:
        """Whether the model's scores are changed before a token is chosen."""
        return bool(self.sampling.logit_bias) or (self._penalised and bool(self._written))

    def altered(self, logits_V: torch.Tensor) -> torch.Tensor:
        """The scores with bias and penalties, as OpenAI documents them."""
        changes = dict(self.sampling.logit_bias)
        if self._penalised:
            for id, times in self._written.items():
                penalty = self.sampling.presence_penalty + times * self.sampling.frequency_penalty
                changes[id] = changes.get(id, 0.0) - penalty
        ids = torch.tensor(list(changes), device=logits_V.device)
        amounts = torch.tensor(list(changes.values()), dtype=logits_V.dtype, device=logits_V.device)
        return logits_V.index_add(0, ids, amounts)

    def next_number(self) -> float:
        """From [0, 1)."""
        return self._random.random()

    def wrote(self, id: int) -> None:
        if self._penalised:
            self._written[id] += 1


@dataclass(frozen=True)
class Likelihood:
    """A token, the logarithm of its probability, and the likeliest tokens of its place."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...]


def choose(logits_BV: torch.Tensor, choosers: Sequence[Chooser]) -> list[int]:
    """The next token of each row."""
    if any(chooser.alters for chooser in choosers):
        logits_BV = logits_BV.clone()
        for row, chooser in enumerate(choosers):
            if chooser.alters:
                logits_BV[row] = chooser.altered(logits_BV[row])
    ids: list[int] = logits_BV.argmax(dim=-1).tolist()
    drawing = [row for row, chooser in enumerate(choosers) if chooser.draws]
    if drawing:
        drawn = _draw(logits_BV[drawing], [choosers[row] for row in drawing])
        for row, id in zip(drawing, drawn, strict=True):
            ids[row] = id
    for chooser, id in zip(choosers, ids, strict=True):
        chooser.wrote(id)
    return ids


def _draw(logits_BV: torch.Tensor, choosers: Sequence[Chooser]) -> list[int]:
    def column(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64, device=logits_BV.device)[:, None]

    temperatures = column([chooser.sampling.temperature for chooser in choosers])
    probabilities_BV = torch.softmax(logits_BV.double() / temperatures, dim=-1)
    if any(chooser.sampling.top_p < 1 for chooser in choosers):
        limits = column([chooser.sampling.top_p for chooser in choosers])
        falling_BV = probabilities_BV.sort(dim=-1, descending=True).values
        before_BV = falling_BV.cumsum(dim=-1) - falling_BV
        kept_B = (before_BV < limits).sum(dim=-1).clamp(min=1)
        least_B = falling_BV.gather(1, kept_B[:, None] - 1)
        probabilities_BV = probabilities_BV.where(probabilities_BV >= least_B, 0.0)
    sums_BV = probabilities_BV.cumsum(dim=-1)
    aims_B = column([chooser.next_number() for chooser in choosers]) * sums_BV[:, -1:]
    drawn = torch.searchsorted(sums_BV, aims_B, right=True)[:, 0]
    return [int(id) for id in drawn.clamp(max=logits_BV.shape[-1] - 1).tolist()]


def likelihoods(logits_BV: torch.Tensor, ids: Sequence[int], counts: Sequence[int | None]) -> list[Likelihood | None]:
    """What the model itself gave the chosen tokens, before temperature, bias and penalties; None where it is not asked."""
    asked = [row for row, count in enumerate(counts) if count is not None]
    found: list[Likelihood | None] = [None] * len(ids)
    if not asked:
        return found
    logprobs_BV = torch.log_softmax(logits_BV[asked].float(), dim=-1)
    most = max(counts[row] or 0 for row in asked)
    top = logprobs_BV.topk(most, dim=-1) if most else None
    for place, row in enumerate(asked):
        count = counts[row] or 0
        best = (
            ()
            if top is None
            else zip(top.indices[place, :count].tolist(), top.values[place, :count].tolist(), strict=True)
        )
        found[row] = Likelihood(ids[row], float(logprobs_BV[place, ids[row]]), tuple(best))
    return found
