"""Packing, padding, labels and the invariants of a micro-batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from localft.tokenization.examples import TokenizedExample
from localft.training.collator import PackedRows, PaddedRows, idle_micro_batch, micro_batches, pack_rows, pad_rows
from tiny_jobs import random_rows


@dataclass
class Unchecked:
    """A row that a broken tokenizer might make."""

    line: int
    input_ids: list[int]
    loss_weights: list[float]


def test_rows_are_padded_on_the_right_and_labels_follow_the_weights() -> None:
    batch = pad_rows(
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
@pytest.mark.parametrize("collate", [pack_rows, pad_rows])
def test_a_row_that_breaks_an_invariant_never_reaches_the_model(collate: Any, row: Unchecked) -> None:
    with pytest.raises(AssertionError, match="line 1"):
        collate([row])


def test_the_idle_row_carries_no_weight_and_no_label() -> None:
    padded, packed = idle_micro_batch("padded"), idle_micro_batch("shared")
    assert isinstance(padded, PaddedRows)
    assert isinstance(packed, PackedRows)
    assert padded.loss_weights_BT.sum() == 0
    assert (padded.labels_BT == -100).all()
    assert packed.trained.at_N.numel() == 0


def test_packed_rows_stand_one_behind_the_other_with_positions_of_their_own() -> None:
    batch = pack_rows(
        [
            TokenizedExample(4, [5, 6, 7, 8], [0.0, 0.0, 0.5, 1.0]),
            TokenizedExample(9, [3, 2], [0.0, 1.0]),
        ]
    )
    assert batch.input_ids_1T.tolist() == [[5, 6, 7, 8, 3, 2]]
    assert batch.position_ids_1T.tolist() == [[0, 1, 2, 3, 0, 1]]
    assert batch.segments.lengths == (4, 2)
    assert batch.trained.at_N.tolist() == [1, 2, 4]
    assert batch.trained.targets_N.tolist() == [7, 8, 2]
    assert batch.trained.weights_N.tolist() == [0.5, 1.0, 1.0]
    assert batch.lines == (4, 9)


def test_packed_micro_batches_hold_no_padding_and_padded_ones_do() -> None:
    rows = random_rows(20)
    tokens = sum(len(row.input_ids) for row in rows)
    for budget in (1, 100, 10**6):
        assert sum(batch.positions for batch in micro_batches(rows, budget, layout="packed")) == tokens
    assert sum(batch.positions for batch in micro_batches(rows, 10**6, layout="padded")) > tokens


def test_what_rows_begin_with_in_common_stands_once_and_predicts_for_all_of_them() -> None:
    head = list(range(20))
    batch = pack_rows(
        [
            TokenizedExample(4, [*head, 50, 51], [0.0] * 18 + [1.0, 0.5, 1.0, 1.0]),
            TokenizedExample(9, [*head, 60], [0.0] * 19 + [0.25, 1.0]),
            TokenizedExample(11, [*head, 50, 51], [0.0] * 21 + [1.0]),
        ],
        share=True,
    )
    assert batch.input_ids_1T.tolist() == [[*head, 50, 51, 50, 51, 60]]
    assert batch.position_ids_1T.tolist() == [[*range(22), 20, 21, 20]]
    assert (batch.segments.lengths, batch.segments.parents) == ((20, 2, 2, 1), (-1, 0, 0, 0))
    found = [tensor.tolist() for tensor in (batch.trained.at_N, batch.trained.targets_N)]
    assert found == [[17, 18, 19, 19, 20, 22], [18, 19, 50, 60, 51, 51]]
    assert batch.trained.weights_N.tolist() == [1.0, 0.75, 1.0, 1.0, 1.0, 1.0]
    assert batch.trained.examples_N.tolist() == [1, 2, 1, 1, 1, 1]
