"""Trains the embedded base model in one pass over documents that are drawn as they are needed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from tiny_base.model import CONTEXT_LENGTH
from tiny_base.text import World
from tiny_base.tokenizer import PAD, SPECIAL_TOKENS, TokenRow, token_row

PAD_ID = SPECIAL_TOKENS.index(PAD)


@dataclass(frozen=True)
class Recipe:
    """How the model is trained. The text follows `seed` and `tokens_per_step` alone, whatever the number of steps."""

    steps: int = 5000
    tokens_per_step: int = 3072
    """At most, padding counted."""
    learning_rate: float = 2e-3
    """At the end of the warm-up; linear to 0 from there."""
    warmup_steps: int = 100
    weight_decay: float = 0.1
    betas: Sequence[float] = (0.9, 0.98)
    max_grad_norm: float = 1.0
    seed: int = 7

    def learning_rate_at(self, step: int) -> float:
        """Of step 1, 2, ..."""
        if step <= self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        return self.learning_rate * (self.steps - step + 1) / (self.steps - self.warmup_steps + 1)


@dataclass(frozen=True)
class Batch:
    input_ids_BT: torch.Tensor
    """Padded at the end, where a causal model's earlier positions do not look."""
    trained_BT: torch.Tensor


@dataclass(frozen=True)
class Step:
    number: int
    loss: float
    """Mean over the trained tokens, in nats."""
    trained_tokens: int
    tokens: int


ROWS_SORTED_AT_ONCE = 2048
"""Rows of about one length share a batch, so that little is padding; so many are drawn at a time for it."""


def batches(world: World, tokenizer: Tokenizer, recipe: Recipe) -> Iterator[Batch]:
    """Endless; the same recipe gives the same batches."""
    rng = random.Random(recipe.seed)
    documents = world.documents(rng)
    order = random.Random(recipe.seed + 1)
    while True:
        rows = [token_row(next(documents), tokenizer) for _ in range(ROWS_SORTED_AT_ONCE)]
        rows = sorted((row for row in rows if len(row.input_ids) <= CONTEXT_LENGTH), key=lambda row: len(row.input_ids))
        grouped = list(_grouped(rows, recipe.tokens_per_step))
        order.shuffle(grouped)
        yield from map(_batch, grouped)


def _grouped(rows: list[TokenRow], tokens_per_step: int) -> Iterator[list[TokenRow]]:
    """Neighbours of rows sorted by length, as many as fit with their padding. The rest that fills no batch is left out."""
    group: list[TokenRow] = []
    for row in rows:
        if (len(group) + 1) * len(row.input_ids) > tokens_per_step:
            yield group
            group = []
        group.append(row)


def _batch(rows: list[TokenRow]) -> Batch:
    width = max(len(row.input_ids) for row in rows)
    input_ids_BT = torch.full((len(rows), width), PAD_ID)
    trained_BT = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, row in enumerate(rows):
        input_ids_BT[index, : len(row.input_ids)] = torch.tensor(row.input_ids)
        trained_BT[index, : len(row.input_ids)] = torch.tensor(row.trained)
    return Batch(input_ids_BT, trained_BT)


def loss_of(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy over the trained tokens; the head computes no other position."""
    hidden_BTD = model.base_model(input_ids=batch.input_ids_BT, use_cache=False).last_hidden_state
    targets_BT = batch.trained_BT[:, 1:]
    logits_NV = model.get_output_embeddings()(hidden_BTD[:, :-1][targets_BT])
    return cross_entropy(logits_NV.float(), batch.input_ids_BT[:, 1:][targets_BT])


def pretrain(model: PreTrainedModel, world: World, tokenizer: Tokenizer, recipe: Recipe) -> Iterator[Step]:
    """Trains `model` in place, a step an item."""
    optimizer = _optimizer(model, recipe)
    model.train()
    for number, batch in zip(range(1, recipe.steps + 1), batches(world, tokenizer, recipe), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(number)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        yield Step(number, loss.item(), int(batch.trained_BT[:, 1:].sum()), batch.input_ids_BT.numel())


def _optimizer(model: PreTrainedModel, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; the norms' vectors do not decay."""
    parameters = list(model.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=tuple(recipe.betas),
        fused=True,
    )
