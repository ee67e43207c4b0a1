"""The loss of a micro-batch, from its trained positions alone; logits of all positions are never built."""

from __future__ import annotations

from typing import Any

import torch

from localft.modeling.head import HeadScores
from localft.training.collator import MicroBatch, PaddedRows


def score(model: Any, batch: MicroBatch) -> HeadScores:
    """Runs the model over a micro-batch.

    For flattened rows the model attends by segments (`attention.attend_by_segments`) and carries our head
    (`head.add_trained_positions_head`); for padded ones it carries TRL's (`trl.trainer.utils.add_fused_lm_head`).
    """
    if isinstance(batch, PaddedRows):
        return _score_padded(model, batch)
    scores: HeadScores = model(
        input_ids=batch.input_ids_1T,
        position_ids=batch.position_ids_1T,
        segments=batch.segments,
        trained=batch.trained,
    )
    return scores


def _score_padded(model: Any, batch: PaddedRows) -> HeadScores:
    """The shift by one happens here: `log_probs[:, t]` is that of token t + 1, whose weight is `weights[:, t + 1]`."""
    outputs = model(
        input_ids=batch.input_ids_BT,
        attention_mask=batch.attention_mask_BT,
        labels=batch.labels_BT,
        use_cache=False,
        fused_lm_head=True,
    )
    nll_BT = -(outputs.log_probs.float() * batch.loss_weights_BT[:, 1:])  # 0 where the label is -100
    sums = torch.stack(
        [
            nll_BT.detach().sum(dtype=torch.float64),
            outputs.is_top1.sum(dtype=torch.float64),
            outputs.label_mask.sum(dtype=torch.float64),
        ]
    )
    return HeadScores(weighted_nll=nll_BT.sum(), sums=sums)
