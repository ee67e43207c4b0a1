"""Attention over one flattened row of several examples, each of which sees itself alone.

transformers knows packed rows too, but without flash-attn it builds a mask of T x T for them, over the whole row. Here
an attention function of our own is registered under `SEGMENTED`: it is given the row's segments, and works on one after
the other, so no mask spans two examples. Where examples begin alike, what they have in common is a segment of its own,
computed once; the segments behind it attend to its keys and values as to their own. On a CUDA device in half precision
all segments go into one call of torch's own variable-length kernel. That branch is small and guarded by `_kernel_takes`,
since most machines that run the tests cannot run it.

A model is switched to it by `attend_by_segments`, which proves on the spot that the model keeps examples apart: one
whose layers carry a state over positions (Mamba, short convolutions), or whose attention does not come through
transformers' interface, stays with padded rows.

Shapes: T tokens of the row, H query heads, K heads of keys and values, D width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

from localft.modeling.head import HeadScores, Reread, head_scores

SEGMENTED = "localft_segmented"
"""The name under which transformers knows the attention function."""
NO_PARENT = -1
MASK_ROWS = 512
"""Queries that share one mask, where a mask is needed: bounds its memory for long segments."""
PROOF_TOKENS = 12
"""Length of the rows that a model is tried on."""


@dataclass(frozen=True)
class Segments:
    """How a flattened row is made up: runs of tokens, each the beginning of examples or the continuation of another run.

    An example is the path from a segment without parent to the one where it ends. Examples that begin alike share the
    first part of their paths: lengths (5, 2, 3) with parents (-1, 0, 0) are examples of 7 and 8 tokens in a row of 10.
    """

    lengths: tuple[int, ...]
    parents: tuple[int, ...]
    """Index of the segment that each one continues, always an earlier one; -1 for none."""
    before: tuple[int, ...]
    """Tokens of its example that come before each segment."""
    query_bounds: torch.Tensor
    """int32: 0 and the end of each segment's tokens, as kernels want them."""
    key_bounds: torch.Tensor
    """int32: 0 and the end of each segment's keys, when the keys of what it continues are put before its own."""
    keys_K: torch.Tensor | None
    """Positions in the row of these keys; None where no segment continues another, and keys are the row as it stands."""

    @classmethod
    def of(cls, lengths: Sequence[int], parents: Sequence[int] | None = None) -> Segments:
        assert lengths, "a row has examples"
        assert min(lengths) > 0, "a segment has tokens"
        parents = tuple(parents) if parents is not None else (NO_PARENT,) * len(lengths)
        assert len(parents) == len(lengths), "one parent a segment"
        assert all(NO_PARENT <= parent < index for index, parent in enumerate(parents)), "parents come first"
        begins = list(accumulate(lengths, initial=0))
        before: list[int] = []
        keys: list[torch.Tensor] = []
        for index, (length, parent) in enumerate(zip(lengths, parents, strict=True)):
            own = torch.arange(begins[index], begins[index] + length)
            keys.append(own if parent == NO_PARENT else torch.cat([keys[parent], own]))
            before.append(len(keys[-1]) - length)
        return cls(
            lengths=tuple(lengths),
            parents=parents,
            before=tuple(before),
            query_bounds=_bounds(lengths),
            key_bounds=_bounds([len(positions) for positions in keys]),
            keys_K=torch.cat(keys) if any(before) else None,
        )

    def to(self, device: torch.device) -> Segments:
        return Segments(
            self.lengths,
            self.parents,
            self.before,
            self.query_bounds.to(device, non_blocking=True),
            self.key_bounds.to(device, non_blocking=True),
            None if self.keys_K is None else self.keys_K.to(device, non_blocking=True),
        )

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

    @property
    def most_keys(self) -> int:
        return max(before + length for before, length in zip(self.before, self.lengths, strict=True))


def positions(segments: Segments) -> torch.Tensor:
    """Positions that count on from what a segment continues: lengths 3, 2, both from the start -> [[0, 1, 2, 0, 1]]."""
    begins = zip(segments.before, segments.lengths, strict=True)
    return torch.cat([torch.arange(before, before + length) for before, length in begins])[None]


def _bounds(lengths: Sequence[int]) -> torch.Tensor:
    return torch.tensor(list(accumulate(lengths, initial=0)), dtype=torch.int32)


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
    """Causal attention of each segment to itself and what it continues; (1, H, T, D), (1, K, T, D) -> (1, T, H, D).

    `sliding_window` counts the token itself, as everywhere in transformers.
    """
    assert attention_mask is None, "segments take the place of a mask"
    assert query.shape[0] == 1, "one flattened row"
    assert query.shape[2] == key.shape[2] == segments.tokens, "segments are those of this row"
    if softcap is not None or s_aux is not None or position_bias is not None:
        raise NotImplementedError("capped scores, sinks and position biases")  # the proof fails: padded rows
    if query.is_cuda and torch.is_autocast_enabled("cuda"):
        half = torch.get_autocast_dtype("cuda")
        query, key, value = query.to(half), key.to(half), value.to(half)
    if _kernel_takes(query, value, dropout):
        return _by_kernel(query, key, value, segments, scaling, sliding_window)[None], None
    queries = query.split(segments.lengths, dim=2)  # one backward for all of them, which slices do not have
    keys = _with_continued(key, segments)
    values = _with_continued(value, segments)
    parts = [
        _one_segment(*tensors, scaling, dropout, sliding_window).transpose(1, 2)
        for tensors in zip(queries, keys, values, strict=True)
    ]
    return torch.cat(parts, dim=1), None


def _with_continued(tensor: torch.Tensor, segments: Segments) -> list[torch.Tensor]:
    """(1, K, T, D) -> for each segment (1, K, its own tokens behind all that it continues, D)."""
    whole: list[torch.Tensor] = []
    for own, parent in zip(tensor.split(segments.lengths, dim=2), segments.parents, strict=True):
        whole.append(own if parent == NO_PARENT else torch.cat([whole[parent], own], dim=2))
    return whole


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
    """All segments in one call; returns (T, H, D). The kernel's window counts the tokens to the left alone.

    Queries stand at the end of their keys: the kernel aligns causal masks at the lower right.
    """
    left = -1 if sliding_window is None else sliding_window - 1
    queries, keys, values = (tensor[0].transpose(0, 1).contiguous() for tensor in (query, key, value))
    if segments.keys_K is not None:
        keys, values = Reread.apply(keys, segments.keys_K), Reread.apply(values, segments.keys_K)
    out = varlen_attn(
        queries,
        keys,
        values,
        segments.query_bounds,
        segments.key_bounds,
        max(segments.lengths),
        segments.most_keys,
        scale=scaling,
        window_size=(left, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, torch.Tensor)
    return out


def _one_segment(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    dropout: float,
    sliding_window: int | None,
) -> torch.Tensor:
    """Causal attention of queries that stand at the end of the keys; no mask is wider than its block needs."""
    grouped = query.shape[1] != key.shape[1]
    length, keys = query.shape[2], key.shape[2]
    window = keys if sliding_window is None else sliding_window
    if length == keys <= window:
        return F.scaled_dot_product_attention(
            query, key, value, is_causal=True, dropout_p=dropout, scale=scaling, enable_gqa=grouped
        )
    blocks = []
    for begin in range(keys - length, keys, MASK_ROWS):
        end, first = min(begin + MASK_ROWS, keys), max(0, begin - window + 1)
        seen = torch.ones(end - begin, end - first, dtype=torch.bool, device=query.device)
        rows = slice(begin - (keys - length), end - (keys - length))
        blocks.append(
            F.scaled_dot_product_attention(
                query[:, :, rows],
                key[:, :, first:end],
                value[:, :, first:end],
                attn_mask=seen.tril(begin - first).triu(begin - first - window + 1),
                dropout_p=dropout,
                scale=scaling,
                enable_gqa=grouped,
            )
        )
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=2)


def _no_mask(*args: Any, **kwargs: Any) -> None:
    return None


AttentionInterface.register(SEGMENTED, segmented_attention)
AttentionMaskInterface.register(SEGMENTED, _no_mask)


def attend_by_segments(model: PreTrainedModel) -> bool:
    """Switches the model to attention by segments where it is proven exact; else leaves it as it was, and returns False.

    The proof: an example has the hidden states and losses that it has alone, in a row where another one comes before it
    and a third one shares its first half.
    """
    before = model.config._attn_implementation
    vocabulary = model.get_input_embeddings().weight.shape[0]
    half = PROOF_TOKENS // 2
    segments = Segments.of([PROOF_TOKENS, half, half, half], [NO_PARENT, NO_PARENT, 1, 1]).to(model.device)
    ids = (torch.arange(segments.tokens) * 7 + 3).remainder(vocabulary).to(model.device)[None]
    in_row = torch.cat(
        [torch.arange(PROOF_TOKENS, PROOF_TOKENS + half), torch.arange(PROOF_TOKENS + 2 * half, segments.tokens)]
    ).to(model.device)
    alone = ids[:, in_row]
    was_training = model.training
    model.eval()
    windows: set[int | None] = set()
    AttentionInterface.register(SEGMENTED, partial(_noting_windows, windows))
    try:
        with torch.no_grad():
            logits_TV = model(input_ids=alone, use_cache=False).logits[0]
            expected_TC = model.base_model(input_ids=alone, use_cache=False).last_hidden_state[0]
            model.set_attn_implementation(SEGMENTED)
            found_TC = model.base_model(
                input_ids=ids, position_ids=positions(segments).to(model.device), segments=segments, use_cache=False
            ).last_hidden_state[0, in_row]
            scores = _proof_scores(model, found_TC, alone[0])
        nll = F.cross_entropy(logits_TV[:-1].float(), alone[0, 1:], reduction="sum")
        proven = _close(found_TC, expected_TC) and _close(scores.weighted_nll[None, None], nll[None, None])
        proven = proven and _declared_window(model.config) in {None, *windows}
    except (AttributeError, TypeError, ValueError, RuntimeError, AssertionError):
        proven = False  # another architecture than the interface was made for
    finally:
        AttentionInterface.register(SEGMENTED, segmented_attention)
        model.train(was_training)
    if not proven:
        model.set_attn_implementation(before)
    return proven


def _noting_windows(
    windows: set[int | None], *args: Any, sliding_window: int | None = None, **kwargs: Any
) -> tuple[torch.Tensor, None]:
    windows.add(sliding_window)
    return segmented_attention(*args, sliding_window=sliding_window, **kwargs)


def _declared_window(config: PreTrainedConfig) -> int | None:
    """The window that a model has by its configuration: one that it puts into masks alone does not reach our function."""
    text = config.get_text_config()
    windowed = "sliding_attention" in (getattr(text, "layer_types", None) or ["sliding_attention"])
    if not windowed or getattr(text, "use_sliding_window", True) is False:
        return None
    return getattr(text, "sliding_window", None) or None


def has_dropout(model: torch.nn.Module) -> bool:
    """Whether training draws zeros anywhere in the model: then rows that begin alike do not go on being alike."""
    layers = any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in model.modules())
    return layers or any(getattr(module, "attention_dropout", 0.0) for module in model.modules())


def attention_in_use(model: PreTrainedModel, compute: torch.dtype) -> str:
    """What computes the model's attention, in words, when it computes in that precision."""
    if model.config._attn_implementation != SEGMENTED:
        return f"{model.config._attn_implementation} of transformers, with a mask"
    config = model.config.get_text_config()
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    probe = torch.empty(1, 1, 1, width, dtype=compute, device=model.device)
    if _kernel_takes(probe, probe, dropout=0.0):
        return "torch's variable-length kernel, all segments in one call"
    return "sdpa of torch, one segment after the other"


def _proof_scores(model: PreTrainedModel, hidden_TC: torch.Tensor, ids_T: torch.Tensor) -> HeadScores:
    weights = torch.ones(len(ids_T) - 1, device=hidden_TC.device)
    return head_scores(model, hidden_TC[:-1], ids_T[1:], weights)


def _close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether every row differs by less than rounding explains; one that saw its neighbour differs by far more."""
    tolerance = 1e-3 if expected.dtype == torch.float32 else 5e-2
    error = (found.float() - expected.float()).norm(dim=-1)
    return bool((error <= tolerance * expected.float().norm(dim=-1)).all())
