"""The pretraining of the embedded base models can be repeated, and computes what it says."""

from __future__ import annotations

import json
from itertools import islice

import pytest
import torch
from tokenizers import Tokenizer

from localft.tiny_base.model import DIRECTORIES
from tiny_base import __main__ as command
from tiny_base.__main__ import RECORD_FILE, REPRODUCED_STEPS, TOLERANCE, first_losses, text_fingerprint
from tiny_base.measure import IDS
from tiny_base.model import CONTEXT_LENGTH, Family, new_model
from tiny_base.pretraining import Batch, Recipe, batches, loss_of
from tiny_base.text import World

FAMILIES = list(IDS)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_steps_have_the_stored_losses(
    family: Family, world: World, made_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "make_tokenizer", lambda world, seed: {Recipe().seed: made_tokenizer}[seed])
    pairs = first_losses(family, DIRECTORIES[IDS[family]], world)
    assert len(pairs) == REPRODUCED_STEPS
    assert [repeated for _, repeated in pairs] == pytest.approx([stored for stored, _ in pairs], rel=TOLERANCE)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_is_still_the_one_that_the_model_was_trained_on(family: Family, world: World) -> None:
    """Whoever changes the text on purpose makes the models anew: scripts/make_tiny_base."""
    record = json.loads((DIRECTORIES[IDS[family]] / RECORD_FILE).read_bytes())
    assert text_fingerprint(world, record["recipe"]["seed"]) == record["text_sha256"]
    assert Recipe(**record["recipe"]) == Recipe(betas=list(Recipe().betas))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_is_the_mean_over_the_trained_tokens_of_each_row_alone(
    family: Family, world: World, made_tokenizer: Tokenizer
) -> None:
    """Rows of one batch do not see each other nor the padding: one by one, transformers' own loss is the same."""
    model = new_model(family, seed=1)
    batch = next(
        batch for batch in batches(world, made_tokenizer, Recipe(tokens_per_step=1024)) if len(batch.input_ids_BT) > 3
    )
    total = count = 0.0
    for input_ids_T, trained_T in zip(batch.input_ids_BT, batch.trained_BT, strict=True):
        length = int(trained_T.nonzero().max()) + 1
        labels_T = torch.where(trained_T, input_ids_T, -100)[:length]
        trained = int(trained_T[1:].sum())
        loss = model(input_ids=input_ids_T[None, :length], labels=labels_T[None]).loss
        total, count = total + loss.item() * trained, count + trained
    assert loss_of(model, batch).item() == pytest.approx(total / count, rel=1e-5)


def test_batches_fit_their_budget_with_little_padding_and_are_repeatable(
    world: World, made_tokenizer: Tokenizer
) -> None:
    recipe = Recipe()
    found = list(islice(batches(world, made_tokenizer, recipe), 120))
    again = list(islice(batches(world, made_tokenizer, recipe), 120))
    assert all(_equal(one, other) for one, other in zip(found, again, strict=True))
    assert all(batch.input_ids_BT.numel() <= recipe.tokens_per_step for batch in found)
    assert max(batch.input_ids_BT.shape[1] for batch in found) <= CONTEXT_LENGTH
    padding = sum(int((batch.input_ids_BT == 6).sum()) for batch in found)
    assert padding < 0.05 * sum(batch.input_ids_BT.numel() for batch in found)
    assert not _equal(found[0], next(batches(world, made_tokenizer, Recipe(seed=8))))


def _equal(one: Batch, other: Batch) -> bool:
    return torch.equal(one.input_ids_BT, other.input_ids_BT) and torch.equal(one.trained_BT, other.trained_BT)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_almost_zero() -> None:
    recipe = Recipe(steps=1000, warmup_steps=100, learning_rate=1e-3)
    assert recipe.learning_rate_at(1) == pytest.approx(1e-5)
    assert recipe.learning_rate_at(100) == 1e-3
    assert recipe.learning_rate_at(550) == pytest.approx(1e-3 * 451 / 901)
    assert recipe.learning_rate_at(1000) == pytest.approx(1e-3 / 901)
