"""Padding, labels and the invariants of a micro-batch."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from localft.tokenization.examples import TokenizedExample
from localft.training.collator import collate, idle_micro_batch


@dataclass
class Unchecked:
    """A row that a broken tokenizer might make."""

    line: int
    input_ids: list[int]
    loss_weights: list[float]


def test_rows_are_padded_on_the_right_and_labels_follow_the_weights() -> None:
    batch = collate(
        [
            TokenizedExample(4, [5, 6, 7, 8], [0.0, 0.0, 0.5, 1.0]),
            TokenizedExample(9, [3, 2], [0.0, 1.0]),
        ]
    )
    assert batch.input_ids_BT.tolist() == [[5, 6, 7, 8], [3, 2, 0, 0]]
    assert batch.attention_mask_BT.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch.labels_BT.tolist() == [[-100, -100, 7, 8], [-100, 2, -100, -100]]
    assert batch.loss_weights_BT.tolist() == [[0.0, 0.0, 0.5, 1.0], [0.0, 1.0, 0.0, 0.0]]
    assert batch.lines == (4, 9)


@pytest.mark.parametrize(
    "row",
    [
        Unchecked(1, [1, 2], [0.0]),
        Unchecked(1, [1, 2], [1.0, 0.0]),
        Unchecked(1, [1, 2], [0.0, -1.0]),
        Unchecked(1, [1, 2], [0.0, float("nan")]),
        Unchecked(1, [], []),
    ],
    ids=["lengths differ", "first token trained", "negative", "not a number", "empty"],
)
def test_a_row_that_breaks_an_invariant_never_reaches_the_model(row: Unchecked) -> None:
    with pytest.raises(AssertionError, match="line 1"):
        collate([row])


def test_the_idle_row_carries_no_weight_and_no_label() -> None:
    batch = idle_micro_batch()
    assert batch.loss_weights_BT.sum() == 0
    assert (batch.labels_BT == -100).all()
