"""How the next token is chosen, and what is told of how likely it was."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from localft.generation.sampling import Chooser, choose, likelihoods
from localft.wire.engine import Sampling

LOGITS = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()


def drawn(count: int, **settings: object) -> Counter[int]:
    chooser = Chooser(Sampling(seed=5, **settings), 0)  # type: ignore[arg-type]
    return Counter(choose(LOGITS[None], [chooser])[0] for _ in range(count))


def test_temperature_zero_takes_the_likeliest() -> None:
    assert drawn(20, temperature=0.0) == {0: 20}
    assert drawn(20, temperature=5e-324) == {0: 20}


def test_tokens_are_drawn_as_often_as_the_model_finds_them_likely() -> None:
    found = drawn(4000)
    assert [round(found[id] / 4000, 1) for id in range(4)] == [0.4, 0.3, 0.2, 0.1]


def test_a_lower_temperature_sharpens() -> None:
    assert drawn(1000, temperature=0.3)[0] > drawn(1000)[0] > drawn(1000, temperature=2.0)[0]


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.0, {0}), (0.4, {0}), (0.5, {0, 1}), (0.75, {0, 1, 2}), (1.0, {0, 1, 2, 3})]
)
def test_top_p_keeps_the_fewest_tokens_that_reach_it(top_p: float, kept: set[int]) -> None:
    assert set(drawn(500, top_p=top_p)) == kept


def test_a_bias_of_100_decides_and_one_of_minus_100_bans() -> None:
    assert drawn(50, logit_bias={3: 100.0}) == {3: 50}
    assert 0 not in drawn(500, logit_bias={0: -100.0})


def test_penalties_count_what_was_written() -> None:
    presence = Chooser(Sampling(temperature=0.0, presence_penalty=2.0), 0)
    assert [choose(LOGITS[None], [presence])[0] for _ in range(4)] == [0, 1, 2, 3]
    frequency = Chooser(Sampling(temperature=0.0, frequency_penalty=0.2), 0)
    assert [choose(LOGITS[None], [frequency])[0] for _ in range(4)] == [0, 0, 1, 0]


def test_a_seed_repeats_itself_and_choices_differ() -> None:
    def sequence(seed: int, choice: int) -> list[int]:
        chooser = Chooser(Sampling(seed=seed), choice)
        return [choose(LOGITS[None], [chooser])[0] for _ in range(30)]

    assert sequence(1, 0) == sequence(1, 0)
    assert len({tuple(sequence(seed, choice)) for seed in (1, 2) for choice in (0, 1)}) == 4


def test_a_row_draws_the_same_whatever_the_other_rows_do() -> None:
    alone = Chooser(Sampling(seed=9, top_p=0.9), 0)
    beside = Chooser(Sampling(seed=9, top_p=0.9), 0)
    others = [Chooser(Sampling(seed=n, temperature=1.5), 0) for n in range(3)]
    batch = torch.stack([LOGITS.flip(0), LOGITS, LOGITS.roll(1), LOGITS.roll(2)])
    for _ in range(50):
        expected = choose(LOGITS[None], [alone])[0]
        assert choose(batch, [others[0], beside, others[1], others[2]])[1] == expected


def test_logprobs_are_the_models_own() -> None:
    told = likelihoods(LOGITS[None].repeat(2, 1) + 7, [2, 0], [3, None])
    assert told[1] is None
    assert told[0] is not None
    assert told[0].logprob == pytest.approx(float(torch.tensor(0.2).log()), abs=1e-5)
    assert [id for id, _ in told[0].top] == [0, 1, 2]
