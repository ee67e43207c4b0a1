"""Makes micro-batches of tensors: one flattened row of several examples, or padded rows.

Flattened rows (`pack_rows`) are how training runs. Padded rows (`pad_rows`) are the reference that equality is tested
against, and what remains for models that cannot keep the examples of one row apart (`attention.attend_by_segments`).
What counts in both is `loss_weights`, which is aligned to the target: the weight of token t is that of predicting it.

Shapes: B rows, T tokens of the longest or the only row, N trained positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

from localft.modeling.attention import Segments, positions
from localft.modeling.head import TrainedPositions
from localft.training.batching import Example, cut, pack

IGNORED = -100
"""The label of a position that carries no loss, by convention of PyTorch and transformers."""


@dataclass(frozen=True)
class PackedRows:
    """Examples one behind the other in a single row, without padding."""

    input_ids_1T: torch.Tensor
    position_ids_1T: torch.Tensor
    """Beginning at 0 with each example."""
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


def micro_batches(examples: Sequence[Example], tokens_per_micro_batch: int, *, packed: bool) -> list[MicroBatch]:
    """Cuts examples, longest first, into micro-batches of at most that many tokens, padding counted; a longer row alone."""
    lengths = [len(example.input_ids) for example in examples]
    parts = (pack if packed else cut)(lengths, tokens_per_micro_batch)
    collate = pack_rows if packed else pad_rows
    return [collate([examples[position] for position in part]) for part in parts]


def pack_rows(examples: Sequence[Example]) -> PackedRows:
    """Puts the examples one behind the other; each keeps its own positions, and sees itself alone."""
    assert examples, "a micro-batch has rows"
    for example in examples:
        _assert_sound(example)
    ids = torch.cat([torch.tensor(example.input_ids, dtype=torch.long) for example in examples])
    weights = torch.cat([torch.tensor(example.loss_weights, dtype=torch.float32) for example in examples])
    segments = Segments.of([len(example.input_ids) for example in examples])
    (targets,) = weights.nonzero(as_tuple=True)  # never an example's first token, which has weight 0
    return PackedRows(
        input_ids_1T=ids[None],
        position_ids_1T=positions(segments),
        segments=segments,
        trained=TrainedPositions(at_N=targets - 1, targets_N=ids[targets], weights_N=weights[targets]),
        lines=tuple(example.line for example in examples),
    )


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


def idle_micro_batch(*, packed: bool) -> MicroBatch:
    """Two tokens without weight: they carry nothing but this rank's part in the exchange of gradients."""
    return (pack_rows if packed else pad_rows)([_IDLE])


def _assert_sound(example: Example) -> None:
    length = len(example.input_ids)
    assert length > 0, f"line {example.line}: an example has tokens"
    assert len(example.loss_weights) == length, f"line {example.line}: one weight a token"
    assert example.loss_weights[0] == 0, f"line {example.line}: nothing predicts the first token"
    assert all(math.isfinite(w) and w >= 0 for w in example.loss_weights), f"line {example.line}: weights >= 0"


@dataclass(frozen=True)
class _Idle:
    line: int
    input_ids: list[int]
    loss_weights: list[float]


_IDLE = _Idle(0, [0, 0], [0.0, 0.0])
