"""The resolved values of a plan by short names, flat, as trackers show them beside the curves."""

from __future__ import annotations

from pathlib import Path

from localft.jobs.job import short_model_name
from localft.plan import TrainingPlan
from localft.plan.schedule import schedule_arguments

Parameter = str | int | float | bool
EXECUTION = (
    "device",
    "processes",
    "precision",
    "tokens_per_micro_batch",
    "gradient_checkpointing",
    "share_prefixes",
    "compile",
)


def parameters(plan: TrainingPlan) -> dict[str, Parameter]:
    """About forty values; one that a plan does not have (no validation file, no adapter) is left out."""
    knobs = plan.hyperparameters
    found: dict[str, Parameter | None] = {
        "model": plan.model.hub_id or plan.model.catalog_id or short_model_name(plan.model.id),
        "method": plan.method,
        "suffix": plan.suffix,
        "batch_size": knobs.batch_size.value,
        "n_epochs": knobs.n_epochs.value,
        "learning_rate_multiplier": knobs.learning_rate_multiplier.value,
        "seed": knobs.seed.value,
        "learning_rate": plan.learning_rate.value,
        "base_learning_rate": plan.learning_rate.base,
        "lora_rank": plan.lora.rank if plan.lora else None,
        "lora_alpha": plan.lora.alpha if plan.lora else None,
        "lora_dropout": plan.lora.dropout if plan.lora else None,
        "quantization": plan.quantization,
        "max_length": plan.max_length,
        "overlong": plan.overlong,
        "date": plan.date,
        "training_file": Path(plan.training_file.path).name,
        "training_file_sha256": plan.training_file.sha256,
        "validation_file": Path(plan.validation_file.path).name if plan.validation_file else None,
        "validation_file_sha256": plan.validation_file.sha256 if plan.validation_file else None,
        "examples": plan.examples,
        "steps_per_epoch": plan.steps_per_epoch,
        "total_steps": plan.total_steps,
        "warmup_steps": plan.warmup_steps,
        "tokens": plan.tokens.tokens if plan.tokens else None,
        "trained_tokens": plan.tokens.trained_tokens if plan.tokens else None,
        **{name: plan.trainer_arguments[name] for name in schedule_arguments()},
        **{name: getattr(plan.execution, name) for name in EXECUTION},
        "localft_version": plan.localft_version,
    }
    return {name: value for name, value in found.items() if value is not None}
