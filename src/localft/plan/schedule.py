"""From the knobs to the arguments of TRL's trainer: one optimizer step at a time, so each knob is one visible argument."""

from __future__ import annotations

import math
from typing import Any

from localft.hyperparameters import ResolvedHyperparameters

WARMUP_PERCENT = 3


def warmup_steps(total_steps: int) -> int:
    """3 % of the steps, rounded down: 100 -> 3, 33 -> 0.

    Down, since the first step of a warm-up has a learning rate of 0: a job of few steps would give up one of them.
    """
    return WARMUP_PERCENT * total_steps // 100


def schedule_arguments() -> dict[str, Any]:
    """Schedule and optimizer: the same in every job, written out so that no library's default decides."""
    return {
        "lr_scheduler_type": "linear",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "optim": "adamw_torch",
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
    }


def trainer_arguments(
    knobs: ResolvedHyperparameters, learning_rate: float, warmup_steps: int, processes: int
) -> dict[str, Any]:
    """Arguments of TRL's SFTConfig. A step is one optimizer step of the whole batch, so nothing is accumulated."""
    return {
        "per_device_train_batch_size": math.ceil(knobs.batch_size.value / processes),
        "gradient_accumulation_steps": 1,
        "learning_rate": learning_rate,
        "num_train_epochs": knobs.n_epochs.value,
        "seed": knobs.seed.value,
        "data_seed": knobs.seed.value,
        "warmup_steps": warmup_steps,
        **schedule_arguments(),
    }
