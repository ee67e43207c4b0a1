"""The loss of a micro-batch, from log-probabilities of the targets alone.

The shift by one happens here and nowhere else: TRL's fused head gives `log_probs[:, t]` of token t + 1, the weights are
aligned to the token, so `weights[:, 1:]` meets `log_probs`. The head never builds the (B, T, V) logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from localft.training.collator import MicroBatch


@dataclass(frozen=True)
class Scores:
    """Sums over a micro-batch, on its device."""

    weighted_nll: torch.Tensor
    """sum(weight * nll), float32, with gradient where asked for; nats."""
    sums: torch.Tensor
    """float64, no gradient: [sum(weight * nll), targets whose top-1 prediction is right, targets]."""


def score(model: Any, batch: MicroBatch) -> Scores:
    """Runs the model over a micro-batch. The model carries TRL's fused head (`trl.trainer.utils.add_fused_lm_head`)."""
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
    return Scores(weighted_nll=nll_BT.sum(), sums=sums)
