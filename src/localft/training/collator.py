"""Makes micro-batches of tensors: one flattened row of several examples, or padded rows.

Flattened rows (`pack_rows`) are how training runs, with or without shared prefixes. Padded rows (`pad_rows`) are the
reference that equality is tested against, and what remains for models that cannot keep the examples of one row apart
(`attention.attend_by_segments`). What counts in all of them is `loss_weights`, which is aligned to the target: the weight
of token t is that of predicting it.

Shapes: B rows, T tokens of the longest or the only row, N predictions that are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias

import numpy as np
import torch

from localft.modeling.attention import Segments, positions
from localft.modeling.head import TrainedPositions
from localft.training.batching import Example, cut, pack
from localft.training.prefixes import Forest, forest, separate

Layout = Literal["padded", "packed", "shared"]
"""How rows lie in a micro-batch: padded to the longest; one behind the other; and what they begin with in common once."""
IGNORED = -100
"""The label of a position that carries no loss, by convention of PyTorch and transformers."""


@dataclass(frozen=True)
class PackedRows:
    """Examples one behind the other in a single row, without padding."""

    input_ids_1T: torch.Tensor
    position_ids_1T: torch.Tensor
    """Those that each token has in its own example."""
    segments: Segments
    trained: TrainedPositions
    lines: tuple[int, ...]
    """Line of each example in the data file, for messages."""

    def to(self, device: torch.device) -> PackedRows:
        return PackedRows(
            self.input_ids_1T.to(device, non_blocking=True),
            self.position_ids_1T.to(device, non_blocking=True),
            self.segments.to(device),
            self.trained.to(device),
            self.lines,
        )

    @property
    def positions(self) -> int:
        """What the model computes: tokens and padding."""
        return self.input_ids_1T.numel()


@dataclass(frozen=True)
class PaddedRows:
    """Rows padded on the right. Everything is aligned to the target: position t is about predicting token t."""

    input_ids_BT: torch.Tensor
    attention_mask_BT: torch.Tensor
    """1 on tokens, 0 on padding."""
    labels_BT: torch.Tensor
    """The token where its weight is above 0, else -100."""
    loss_weights_BT: torch.Tensor
    """float32; 0 on padding and at position 0, which nothing predicts."""
    lines: tuple[int, ...]
    """Line of each row in the data file, for messages."""

    def to(self, device: torch.device) -> PaddedRows:
        return PaddedRows(
            self.input_ids_BT.to(device, non_blocking=True),
            self.attention_mask_BT.to(device, non_blocking=True),
            self.labels_BT.to(device, non_blocking=True),
            self.loss_weights_BT.to(device, non_blocking=True),
            self.lines,
        )

    @property
    def positions(self) -> int:
        """What the model computes: tokens and padding."""
        return self.input_ids_BT.numel()


MicroBatch: TypeAlias = PackedRows | PaddedRows


def micro_batches(
    examples: Sequence[Example],
    tokens_per_micro_batch: int,
    *,
    layout: Layout = "packed",
    apart_above: int | None = None,
) -> list[MicroBatch]:
    """Cuts examples, longest first, into micro-batches of at most that many tokens, padding counted; a longer row alone.

    Rows of more than `apart_above` tokens share no micro-batch with others (see `rotary_switch`).
    """
    if apart_above is not None:
        long = [example for example in examples if len(example.input_ids) > apart_above]
        short = [example for example in examples if len(example.input_ids) <= apart_above]
        return [batch for part in (long, short) for batch in micro_batches(part, tokens_per_micro_batch, layout=layout)]
    rows = [example.input_ids for example in examples]
    if layout == "padded":
        parts = cut([len(row) for row in rows], tokens_per_micro_batch)
        return [pad_rows([examples[position] for position in part]) for part in parts]
    share = layout == "shared"
    parts = pack(rows, tokens_per_micro_batch, share=share)
    return [pack_rows([examples[position] for position in part], share=share) for part in parts]


def pack_rows(examples: Sequence[Example], *, share: bool = False) -> PackedRows:
    """Puts the examples one behind the other; each keeps its own positions, and sees itself alone.

    With `share`, what several begin with in common stands there once. A prediction that they have in common is scored
    once, with the sum of their weights.
    """
    assert examples, "a micro-batch has rows"
    for example in examples:
        _assert_sound(example)
    rows = [example.input_ids for example in examples]
    grown = forest(rows) if share else separate([len(row) for row in rows])
    ids = torch.cat([torch.tensor(rows[run.row][run.begin : run.end], dtype=torch.long) for run in grown.segments])
    segments = Segments.of([run.end - run.begin for run in grown.segments], [run.parent for run in grown.segments])
    return PackedRows(
        input_ids_1T=ids[None],
        position_ids_1T=positions(segments),
        segments=segments,
        trained=_trained_positions(examples, grown),
        lines=tuple(example.line for example in examples),
    )


def _trained_positions(examples: Sequence[Example], grown: Forest) -> TrainedPositions:
    """What is predicted where in the flattened row, each prediction once."""
    begins = list(accumulate((run.end - run.begin for run in grown.segments), initial=0))
    at, targets, weights = [], [], []
    for example, path in zip(examples, grown.paths, strict=True):
        places = np.concatenate([np.arange(begins[run], begins[run + 1]) for run in path])
        weight = np.asarray(example.loss_weights, dtype=np.float32)
        (trained,) = weight.nonzero()  # never an example's first token, which has weight 0
        at.append(places[trained - 1])
        targets.append(np.asarray(example.input_ids, dtype=np.int64)[trained])
        weights.append(weight[trained])
    at_N, targets_N, weights_N = np.concatenate(at), np.concatenate(targets), np.concatenate(weights)
    examples_N = np.ones(len(at_N), dtype=np.int64)
    if grown.tokens < sum(len(example.input_ids) for example in examples):
        _, first, same = np.unique(np.stack([at_N, targets_N]), axis=1, return_index=True, return_inverse=True)
        at_N, targets_N = at_N[first], targets_N[first]
        weights_N, examples_N = np.bincount(same, weights_N).astype(np.float32), np.bincount(same)
    return TrainedPositions(*(torch.from_numpy(array) for array in (at_N, targets_N, weights_N, examples_N)))


def pad_rows(examples: Sequence[Example]) -> PaddedRows:
    """Pads the examples to the longest of them. Padding is token 0, which is never attended to and carries no loss."""
    assert examples, "a micro-batch has rows"
    longest = max(len(example.input_ids) for example in examples)
    shape = (len(examples), longest)
    input_ids_BT = torch.zeros(shape, dtype=torch.long)
    attention_mask_BT = torch.zeros(shape, dtype=torch.long)
    loss_weights_BT = torch.zeros(shape, dtype=torch.float32)
    for row, example in enumerate(examples):
        _assert_sound(example)
        length = len(example.input_ids)
        input_ids_BT[row, :length] = torch.tensor(example.input_ids, dtype=torch.long)
        attention_mask_BT[row, :length] = 1
        loss_weights_BT[row, :length] = torch.tensor(example.loss_weights, dtype=torch.float32)
    labels_BT = input_ids_BT.masked_fill(loss_weights_BT == 0, IGNORED)
    return PaddedRows(
        input_ids_BT, attention_mask_BT, labels_BT, loss_weights_BT, tuple(example.line for example in examples)
    )


def idle_micro_batch(layout: Layout) -> MicroBatch:
    """Two tokens without weight: they carry nothing but this rank's part in the exchange of gradients."""
    return pad_rows([_IDLE]) if layout == "padded" else pack_rows([_IDLE])


def _assert_sound(example: Example) -> None:
    length = len(example.input_ids)
    assert length > 0, f"line {example.line}: an example has tokens"
    assert len(example.loss_weights) == length, f"line {example.line}: one weight a token"
    assert example.loss_weights[0] == 0, f"line {example.line}: nothing predicts the first token"
    weights = np.asarray(example.loss_weights)
    assert np.isfinite(weights).all() and (weights >= 0).all(), f"line {example.line}: weights >= 0"


@dataclass(frozen=True)
class _Idle:
    line: int
    input_ids: list[int]
    loss_weights: list[float]


_IDLE = _Idle(0, [0, 0], [0.0, 0.0])
