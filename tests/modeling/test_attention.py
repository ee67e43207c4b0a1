"""Attention by segments: each example sees itself alone, as if it stood alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from localft.modeling import attention
from localft.modeling.attention import SEGMENTED, Segments, attend_by_segments, positions, segmented_attention
from localft.modeling.head import TrainedPositions, add_trained_positions_head

LENGTHS = [5, 1, 12, 7]
H, K, D = 4, 2, 8
SMALL = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": H,
    "num_key_value_heads": K,
    "head_dim": D,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def test_positions_begin_anew_with_each_example() -> None:
    segments = Segments.of([3, 2, 1])
    assert positions(segments).tolist() == [[0, 1, 2, 0, 1, 0]]
    assert segments.cumulative_lengths.tolist() == [0, 3, 5, 6]
    assert segments.cumulative_lengths.dtype is torch.int32
    assert list(segments.ranges()) == [(0, 3), (3, 5), (5, 6)]
    assert segments.longest == 3


@pytest.mark.parametrize("window", [None, 1, 3, 5, 100])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_each_example_attends_to_itself_alone(window: int | None, scaling: float | None) -> None:
    """Against one attention with a block mask over the whole row, forward and backward."""
    torch.manual_seed(0)
    total = sum(LENGTHS)
    query, key, value = (torch.randn(1, heads, total, D, requires_grad=True) for heads in (H, K, K))
    found, _ = segmented_attention(
        torch.nn.Module(),
        query,
        key,
        value,
        None,
        segments=Segments.of(LENGTHS),
        scaling=scaling,
        sliding_window=window,
    )
    owner = torch.repeat_interleave(torch.arange(len(LENGTHS)), torch.tensor(LENGTHS))
    distance = torch.arange(total)[:, None] - torch.arange(total)[None]
    mask = (owner[:, None] == owner[None]) & (distance >= 0) & (distance < (window or total))
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling, enable_gqa=True)
    expected = expected.transpose(1, 2)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(found)
    for a, b in zip(
        torch.autograd.grad(found, (query, key, value), upstream),
        torch.autograd.grad(expected, (query, key, value), upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_no_mask_is_as_large_as_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, torch.Tensor | None]] = []
    plain = F.scaled_dot_product_attention

    def recorded(query: torch.Tensor, key: torch.Tensor, *args: Any, attn_mask: Any = None, **kwargs: Any) -> Any:
        asked.append((query.shape[2], key.shape[2], attn_mask))
        return plain(query, key, *args, attn_mask=attn_mask, **kwargs)

    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", recorded)
    model = MistralForCausalLM(MistralConfig(**SMALL, sliding_window=4))
    assert attend_by_segments(model)
    asked.clear()
    segments = Segments.of([20, 3, 30])
    ids = torch.arange(53)[None]
    model.model(input_ids=ids, position_ids=positions(segments), segments=segments, use_cache=False)
    assert asked
    for queries, keys, mask in asked:
        assert queries <= 4
        assert keys <= 7
        assert mask is None or mask.numel() <= 4 * 7


def test_a_mask_is_refused() -> None:
    tensors = [torch.randn(1, 2, 3, D) for _ in range(3)]
    with pytest.raises(AssertionError, match="place of a mask"):
        segmented_attention(torch.nn.Module(), *tensors, torch.ones(3, 3), segments=Segments.of([3]))


def tiny(name: str) -> PreTrainedModel:
    torch.manual_seed(0)
    models: dict[str, Any] = {
        "mistral": lambda: MistralForCausalLM(MistralConfig(**SMALL, sliding_window=4)),
        "granite": lambda: GraniteForCausalLM(GraniteConfig(**SMALL, logits_scaling=4.0, attention_multiplier=0.2)),
        "gemma2 without capped scores": lambda: Gemma2ForCausalLM(
            Gemma2Config(**SMALL, attn_logit_softcapping=None, final_logit_softcapping=2.0, sliding_window=4)
        ),
        "mamba": lambda: MambaForCausalLM(
            MambaConfig(vocab_size=97, hidden_size=32, num_hidden_layers=2, state_size=4)
        ),
        "bloom": lambda: BloomForCausalLM(BloomConfig(vocab_size=97, hidden_size=32, n_layer=2, n_head=4)),
    }
    return models[name]().eval()


@pytest.mark.parametrize("name", ["mistral", "granite", "gemma2 without capped scores"])
def test_a_packed_row_scores_as_its_examples_do_alone(name: str) -> None:
    """Windows, scaled and capped logits and own scalings of the scores come from the model's configuration."""
    model, plain = tiny(name), tiny(name)
    plain.set_attn_implementation("eager")
    assert attend_by_segments(model)
    add_trained_positions_head(model)
    ids = torch.randint(97, (sum(LENGTHS),), generator=torch.Generator().manual_seed(3))
    segments = Segments.of(LENGTHS)
    at = torch.tensor([at for begin, end in segments.ranges() for at in range(begin, end - 1)])
    trained = TrainedPositions(at, ids[at + 1], torch.full((len(at),), 0.5))
    found = model(input_ids=ids[None], position_ids=positions(segments), segments=segments, trained=trained)
    expected = sum(
        0.5 * F.cross_entropy(plain(ids[None, begin:end]).logits[0, :-1], ids[begin + 1 : end], reduction="sum")
        for begin, end in segments.ranges()
        if end > begin + 1
    )
    torch.testing.assert_close(found.weighted_nll, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["mamba", "bloom"])
def test_a_model_that_does_not_keep_examples_apart_is_left_as_it_was(name: str) -> None:
    model = tiny(name)
    before = model.config._attn_implementation
    assert not attend_by_segments(model)
    assert model.config._attn_implementation == before
    assert model(torch.tensor([[1, 2, 3]])).logits.isfinite().all()


@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_trying_a_model_leaves_its_mode_and_the_random_state(request: pytest.FixtureRequest, fixture: str) -> None:
    directory: Path = request.getfixturevalue(fixture)
    model = AutoModelForCausalLM.from_pretrained(directory).train()
    state = torch.get_rng_state()
    assert attend_by_segments(model)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert model.config._attn_implementation == SEGMENTED
