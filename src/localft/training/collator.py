"""Pads examples into one micro-batch of tensors.

Shapes: B rows, T tokens of the longest row. The labels of -100 that libraries expect are derived here and nowhere else;
`loss_weights` is what counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from localft.training.batching import Example

IGNORED = -100
"""The label of a position that carries no loss, by convention of PyTorch and transformers."""


@dataclass(frozen=True)
class MicroBatch:
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

    def to(self, device: torch.device) -> MicroBatch:
        return MicroBatch(
            self.input_ids_BT.to(device, non_blocking=True),
            self.attention_mask_BT.to(device, non_blocking=True),
            self.labels_BT.to(device, non_blocking=True),
            self.loss_weights_BT.to(device, non_blocking=True),
            self.lines,
        )


def collate(examples: Sequence[Example]) -> MicroBatch:
    """Pads the examples to the longest of them. Padding is token 0, which is never attended to and carries no loss."""
    assert examples, "a micro-batch has rows"
    longest = max(len(example.input_ids) for example in examples)
    shape = (len(examples), longest)
    input_ids_BT = torch.zeros(shape, dtype=torch.long)
    attention_mask_BT = torch.zeros(shape, dtype=torch.long)
    loss_weights_BT = torch.zeros(shape, dtype=torch.float32)
    for row, example in enumerate(examples):
        length = len(example.input_ids)
        assert length > 0, f"line {example.line}: an example has tokens"
        assert len(example.loss_weights) == length, f"line {example.line}: one weight a token"
        assert example.loss_weights[0] == 0, f"line {example.line}: nothing predicts the first token"
        assert all(math.isfinite(w) and w >= 0 for w in example.loss_weights), f"line {example.line}: weights >= 0"
        input_ids_BT[row, :length] = torch.tensor(example.input_ids, dtype=torch.long)
        attention_mask_BT[row, :length] = 1
        loss_weights_BT[row, :length] = torch.tensor(example.loss_weights, dtype=torch.float32)
    labels_BT = input_ids_BT.masked_fill(loss_weights_BT == 0, IGNORED)
    return MicroBatch(
        input_ids_BT, attention_mask_BT, labels_BT, loss_weights_BT, tuple(example.line for example in examples)
    )


def idle_micro_batch() -> MicroBatch:
    """One row without weight, for a rank without examples: it has to take part in the step's exchange of gradients."""
    return MicroBatch(
        input_ids_BT=torch.zeros((1, 2), dtype=torch.long),
        attention_mask_BT=torch.ones((1, 2), dtype=torch.long),
        labels_BT=torch.full((1, 2), IGNORED),
        loss_weights_BT=torch.zeros((1, 2)),
        lines=(),
    )
