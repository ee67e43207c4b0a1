"""Attention by segments: each example sees itself alone, as if it stood alone."""

from __future__ import annotations

from itertools import pairwise
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
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
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


FORESTS: dict[str, tuple[list[int], list[int]]] = {
    "nothing shared": (LENGTHS, [-1, -1, -1, -1]),
    "one beginning": ([6, 5, 1, 9], [-1, 0, 0, 0]),
    "beginnings of beginnings, and an example apart": ([4, 3, 2, 6, 8, 5, 1], [-1, 0, 1, 1, 0, -1, 5]),
}


def test_positions_begin_anew_with_each_example() -> None:
    segments = Segments.of([3, 2, 1])
    assert positions(segments).tolist() == [[0, 1, 2, 0, 1, 0]]
    assert segments.query_bounds.tolist() == segments.key_bounds.tolist() == [0, 3, 5, 6]
    assert segments.query_bounds.dtype is segments.key_bounds.dtype is torch.int32
    assert segments.keys_K is None


def test_positions_and_keys_go_on_from_what_a_segment_continues() -> None:
    segments = Segments.of([3, 2, 1, 2], [-1, 0, 1, 0])
    assert positions(segments).tolist() == [[0, 1, 2, 3, 4, 5, 3, 4]]
    assert segments.query_bounds.tolist() == [0, 3, 5, 6, 8]
    assert segments.key_bounds.tolist() == [0, 3, 8, 14, 19]
    assert segments.keys_K is not None
    assert segments.keys_K.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 0, 1, 2, 6, 7]
    assert (segments.tokens, segments.most_keys) == (8, 6)


@pytest.mark.parametrize("parents", [[0, -1], [-1, 2], [-2, -1], [-1]])
def test_a_segment_continues_an_earlier_one(parents: list[int]) -> None:
    with pytest.raises(AssertionError, match="parent"):
        Segments.of([1, 1], parents)


def sees(segments: Segments) -> tuple[torch.Tensor, torch.Tensor]:
    """For each token and each other one of the row: whether it is in its past, and how far back."""
    owner = torch.repeat_interleave(torch.arange(len(segments.lengths)), torch.tensor(segments.lengths)).tolist()
    lines: list[set[int]] = []
    for index, parent in enumerate(segments.parents):
        lines.append({index} | (lines[parent] if parent >= 0 else set()))
    mine = torch.tensor([[other in lines[one] for other in owner] for one in owner])
    distance = positions(segments)[0][:, None] - positions(segments)[0][None]
    return mine & (distance >= 0), distance


@pytest.mark.parametrize("rows", [2, 512])
@pytest.mark.parametrize("forest", FORESTS)
@pytest.mark.parametrize("window", [None, 1, 3, 5, 100])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_each_example_attends_to_itself_alone(
    monkeypatch: pytest.MonkeyPatch, window: int | None, scaling: float | None, forest: str, rows: int
) -> None:
    """Against one attention with a block mask over the whole row, forward and backward."""
    monkeypatch.setattr(attention, "MASK_ROWS", rows)
    torch.manual_seed(0)
    segments = Segments.of(*FORESTS[forest])
    query, key, value = (torch.randn(1, heads, segments.tokens, D, requires_grad=True) for heads in (H, K, K))
    found, _ = segmented_attention(
        torch.nn.Module(), query, key, value, None, segments=segments, scaling=scaling, sliding_window=window
    )
    past, distance = sees(segments)
    mask = past & (distance < (window or segments.tokens))
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


@pytest.mark.parametrize("forest", FORESTS)
@pytest.mark.parametrize("window", [None, 3])
def test_the_call_for_a_kernel_means_the_same(monkeypatch: pytest.MonkeyPatch, forest: str, window: int | None) -> None:
    """The kernel runs on CUDA alone; here its documented meaning stands in for it: bounds, lower right causality, window."""

    def varlen(
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        cu_q: Any,
        cu_k: Any,
        max_q: int,
        max_k: int,
        **options: Any,
    ) -> torch.Tensor:
        left, right = options["window_size"]
        assert right == 0
        parts = []
        for (a, b), (c, d) in zip(pairwise(cu_q.tolist()), pairwise(cu_k.tolist()), strict=True):
            assert b - a <= max_q
            assert d - c <= max_k
            distance = torch.arange(d - c - (b - a), d - c)[:, None] - torch.arange(d - c)[None]
            mask = (distance >= 0) & (distance <= (left if left >= 0 else d))
            q, k, v = (t.transpose(0, 1)[None] for t in (query[a:b], key[c:d], value[c:d]))
            part = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, scale=options["scale"], enable_gqa=options["enable_gqa"]
            )
            parts.append(part[0].transpose(0, 1))
        return torch.cat(parts)

    segments = Segments.of(*FORESTS[forest])
    tensors = [torch.randn(1, heads, segments.tokens, D, requires_grad=True) for heads in (H, K, K)]
    expected, _ = segmented_attention(torch.nn.Module(), *tensors, None, segments=segments, sliding_window=window)
    monkeypatch.setattr(attention, "varlen_attn", varlen)
    monkeypatch.setattr(attention, "_kernel_takes", lambda *_: True)
    found, _ = segmented_attention(torch.nn.Module(), *tensors, None, segments=segments, sliding_window=window)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(found)
    gradients, wanted = (torch.autograd.grad(out, tensors, upstream) for out in (found, expected))
    for a, b in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_no_mask_is_as_large_as_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, torch.Tensor | None]] = []
    plain = F.scaled_dot_product_attention

    def recorded(query: torch.Tensor, key: torch.Tensor, *args: Any, attn_mask: Any = None, **kwargs: Any) -> Any:
        asked.append((query.shape[2], key.shape[2], attn_mask))
        return plain(query, key, *args, attn_mask=attn_mask, **kwargs)

    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", recorded)
    monkeypatch.setattr(attention, "MASK_ROWS", 4)
    model = MistralForCausalLM(MistralConfig(**SMALL, sliding_window=4))
    assert attend_by_segments(model)
    asked.clear()
    segments = Segments.of([20, 3, 30, 5], [-1, -1, -1, 2])
    ids = torch.arange(58)[None]
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


@pytest.mark.parametrize("forest", FORESTS)
@pytest.mark.parametrize("name", ["mistral", "granite", "gemma2 without capped scores"])
def test_a_packed_row_scores_as_its_examples_do_alone(name: str, forest: str) -> None:
    """Windows, scaled and capped logits and own scalings of the scores come from the model's configuration."""
    model, plain = tiny(name), tiny(name)
    plain.set_attn_implementation("eager")
    assert attend_by_segments(model)
    add_trained_positions_head(model)
    segments = Segments.of(*FORESTS[forest])
    ids = torch.randint(97, (segments.tokens,), generator=torch.Generator().manual_seed(3))
    places: list[torch.Tensor] = []
    for own, parent in zip(torch.arange(segments.tokens).split(segments.lengths), segments.parents, strict=True):
        places.append(own if parent < 0 else torch.cat([places[parent], own]))
    examples = [place for index, place in enumerate(places) if index not in segments.parents and len(place) > 1]
    at, targets = (torch.cat(parts) for parts in ([p[:-1] for p in examples], [ids[p[1:]] for p in examples]))
    trained = TrainedPositions(at, targets, torch.full((len(at),), 0.5), torch.ones(len(at), dtype=torch.int64))
    found = model(input_ids=ids[None], position_ids=positions(segments), segments=segments, trained=trained)
    expected = sum(
        0.5 * F.cross_entropy(plain(ids[None, place]).logits[0, :-1], ids[place[1:]], reduction="sum")
        for place in examples
    )
    torch.testing.assert_close(found.weighted_nll, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("window", [24, None])
def test_a_window_that_only_masks_know_of_leaves_rows_padded(window: int | None) -> None:
    """Qwen2-MoE does not hand its window to the attention function; rows shorter than it would not show that."""
    config = Qwen2MoeConfig(
        **{key: value for key, value in SMALL.items() if key != "head_dim"},
        moe_intermediate_size=16,
        shared_expert_intermediate_size=16,
        num_experts=2,
        num_experts_per_tok=1,
        use_sliding_window=window is not None,
        sliding_window=window,
        max_window_layers=2,
    )
    assert attend_by_segments(Qwen2MoeForCausalLM(config).eval()) is (window is None)


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
