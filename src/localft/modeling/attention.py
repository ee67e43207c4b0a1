"""Attention over one flattened row of several examples, each of which sees itself alone.

transformers knows packed rows too, but without flash-attn it builds a mask of T x T for them, over the whole row. Here
an attention function of our own is registered under `SEGMENTED`: it is given the rows' boundaries, and works on one
example after the other, so no mask spans two of them. On a CUDA device in half precision all go into one call of
torch's own variable-length kernel. That branch is small and guarded by `_kernel_takes`, since most machines that run
the tests cannot run it.

A model is switched to it by `attend_by_segments`, which proves on the spot that the model keeps examples apart: one
whose layers carry a state over positions (Mamba, short convolutions), or whose attention does not come through
transformers' interface, stays with padded rows.

Shapes: T tokens of the row, H query heads, K heads of keys and values, D width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from localft.modeling.head import HeadScores, head_scores

SEGMENTED = "localft_segmented"
"""The name under which transformers knows the attention function."""
PROOF_TOKENS = 12
"""Length of the rows that a model is tried on."""


@dataclass(frozen=True)
class Segments:
    """Where the examples of a flattened row begin and end."""

    ends: tuple[int, ...]
    """Rising; the first example begins at 0, each other one where the one before it ends."""
    cumulative_lengths: torch.Tensor
    """int32: 0 and the ends, on the device of the row, as kernels want them."""

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Segments:
        assert lengths, "a row has examples"
        assert min(lengths) > 0, "an example has tokens"
        ends = tuple(accumulate(lengths))
        return cls(ends, torch.tensor((0, *ends), dtype=torch.int32))

    def to(self, device: torch.device) -> Segments:
        return Segments(self.ends, self.cumulative_lengths.to(device, non_blocking=True))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """(begin, end) of each example."""
        return pairwise((0, *self.ends))

    @property
    def longest(self) -> int:
        return max(end - begin for begin, end in self.ranges())


def positions(segments: Segments) -> torch.Tensor:
    """Positions that begin anew with each example: lengths 3, 2 -> [[0, 1, 2, 0, 1]]."""
    return torch.cat([torch.arange(end - begin) for begin, end in segments.ranges()])[None]


def segmented_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Segments,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of each example to itself; (1, H, T, D), (1, K, T, D) -> (1, T, H, D).

    `sliding_window` counts the token itself, as everywhere in transformers.
    """
    assert attention_mask is None, "boundaries take the place of a mask"
    assert query.shape[0] == 1, "one flattened row"
    assert query.shape[2] == key.shape[2] == segments.ends[-1], "boundaries are those of this row"
    if softcap is not None or s_aux is not None or position_bias is not None:
        raise NotImplementedError("capped scores, sinks and position biases")  # the proof fails: padded rows
    if query.is_cuda and torch.is_autocast_enabled("cuda"):
        half = torch.get_autocast_dtype("cuda")
        query, key, value = query.to(half), key.to(half), value.to(half)
    if _kernel_takes(query, value, dropout):
        return _by_kernel(query, key, value, segments, scaling, sliding_window)[None], None
    parts = [
        _one_example(
            query[:, :, begin:end], key[:, :, begin:end], value[:, :, begin:end], scaling, dropout, sliding_window
        )
        for begin, end in segments.ranges()
    ]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _kernel_takes(query: torch.Tensor, value: torch.Tensor, dropout: float) -> bool:
    """Whether torch's variable-length kernel does this: CUDA from Ampere on, half precision, no dropout of scores."""
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and dropout == 0.0
        and query.shape[-1] == value.shape[-1] <= 256
        and query.shape[-1] % 8 == 0
        and torch.version.cuda is not None
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
    )


def _by_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Segments,
    scaling: float | None,
    sliding_window: int | None,
) -> torch.Tensor:
    """All examples in one call; returns (T, H, D). The kernel's window counts the tokens to the left alone."""
    bounds, longest = segments.cumulative_lengths, segments.longest
    left = -1 if sliding_window is None else sliding_window - 1
    query_THD, key_TKD, value_TKD = (tensor[0].transpose(0, 1).contiguous() for tensor in (query, key, value))
    out = varlen_attn(
        query_THD,
        key_TKD,
        value_TKD,
        bounds,
        bounds,
        longest,
        longest,
        scale=scaling,
        window_size=(left, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, torch.Tensor)
    return out


def _one_example(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    dropout: float,
    sliding_window: int | None,
) -> torch.Tensor:
    """Causal attention of one example; with a window, block by block, so that no mask is wider than two windows."""
    grouped = query.shape[1] != key.shape[1]
    length = query.shape[2]
    if sliding_window is None or sliding_window >= length:
        return F.scaled_dot_product_attention(
            query, key, value, is_causal=True, dropout_p=dropout, scale=scaling, enable_gqa=grouped
        )
    blocks = []
    for begin in range(0, length, sliding_window):
        end, first = min(begin + sliding_window, length), max(0, begin - sliding_window + 1)
        distance = (
            torch.arange(begin, end, device=query.device)[:, None] - torch.arange(first, end, device=query.device)[None]
        )
        blocks.append(
            F.scaled_dot_product_attention(
                query[:, :, begin:end],
                key[:, :, first:end],
                value[:, :, first:end],
                attn_mask=(distance >= 0) & (distance < sliding_window),
                dropout_p=dropout,
                scale=scaling,
                enable_gqa=grouped,
            )
        )
    return torch.cat(blocks, dim=2)


def _no_mask(*args: Any, **kwargs: Any) -> None:
    return None


AttentionInterface.register(SEGMENTED, segmented_attention)
AttentionMaskInterface.register(SEGMENTED, _no_mask)


def attend_by_segments(model: PreTrainedModel) -> bool:
    """Switches the model to attention by segments where it is proven exact; else leaves it as it was, and returns False.

    The proof: of two examples in one row, the second one's hidden states and losses are those it has alone.
    """
    before = model.config._attn_implementation
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(2 * PROOF_TOKENS) * 7 + 3).remainder(vocabulary).to(model.device)[None]
    alone = ids[:, PROOF_TOKENS:]
    segments = Segments.of([PROOF_TOKENS, PROOF_TOKENS]).to(model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            logits_TV = model(input_ids=alone, use_cache=False).logits[0]
            expected_TC = model.base_model(input_ids=alone, use_cache=False).last_hidden_state[0]
            model.set_attn_implementation(SEGMENTED)
            found_TC = model.base_model(
                input_ids=ids, position_ids=positions(segments).to(model.device), segments=segments, use_cache=False
            ).last_hidden_state[0, PROOF_TOKENS:]
            scores = _proof_scores(model, found_TC, alone[0])
        nll = F.cross_entropy(logits_TV[:-1].float(), alone[0, 1:], reduction="sum")
        proven = _close(found_TC, expected_TC) and _close(scores.weighted_nll[None, None], nll[None, None])
    except (AttributeError, TypeError, ValueError, RuntimeError, AssertionError):
        proven = False  # another architecture than the interface was made for
    finally:
        model.train(was_training)
    if not proven:
        model.set_attn_implementation(before)
    return proven


def _proof_scores(model: PreTrainedModel, hidden_TC: torch.Tensor, ids_T: torch.Tensor) -> HeadScores:
    weights = torch.ones(len(ids_T) - 1, device=hidden_TC.device)
    return head_scores(model, hidden_TC[:-1], ids_T[1:], weights)


def _close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether every row differs by less than rounding explains; one that saw its neighbour differs by far more."""
    tolerance = 1e-3 if expected.dtype == torch.float32 else 5e-2
    error = (found.float() - expected.float()).norm(dim=-1)
    return bool((error <= tolerance * expected.float().norm(dim=-1)).all())
