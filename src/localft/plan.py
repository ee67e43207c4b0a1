"""From a request that may say "auto" to a plan in which every number is concrete.

`TrainingRequest` is what a recipe or flags say. `make_plan` resolves it into a `TrainingPlan`: frozen, printed, saved as
`plan.json`, and enough to repeat the run.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resolved(_Strict):
    """One knob: its value, the rule that gave it, and what was asked for."""

    value: int | float
    rule: str
    requested: int | float | str | None = None


class ResolvedHyperparameters(_Strict):
    batch_size: Resolved
    learning_rate_multiplier: Resolved
    n_epochs: Resolved
    seed: Resolved


class LearningRate(_Strict):
    value: float
    """Peak learning rate: base x multiplier (full fine-tuning: base / 10 x multiplier)."""
    base: float
    source: str
    """Where the base learning rate comes from: a paper, a repository, or the documented fallback."""
    rule: str


class LoraSettings(_Strict):
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


class PlannedModel(_Strict):
    id: str
    """As the user named it, or the catalogue id."""
    path: str | None
    """Local directory with config.json, weights and tokenizer; None where the model is not on this machine yet."""
    hub_id: str | None
    adapter_path: str | None = None
    """Directory of the adapter to go on training, where the model is a finished LoRA run."""
    architecture: str | None = None
    """`model_type` of config.json, such as "llama"."""


class DataFile(_Strict):
    path: str
    """Absolute."""
    sha256: str
    examples: int


class PlannedExecution(_Strict):
    """How the steps are carried out. Nothing here changes the result."""

    tokens_per_micro_batch: int
    """Upper bound of rows x longest row in a padded micro-batch; one row may exceed it alone."""
    gradient_checkpointing: bool
    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "bfloat16"]
    """Storage and compute precision of the base model; adapters are float32 always."""
    processes: int
    rules: dict[str, str]
    """Why each of the above is what it is."""


class TrainingPlan(_Strict):
    localft_version: str
    model: PlannedModel
    method: Literal["supervised"]
    suffix: str | None
    training_file: DataFile
    validation_file: DataFile | None
    hyperparameters: ResolvedHyperparameters
    learning_rate: LearningRate
    lora: LoraSettings | None
    """None means full fine-tuning."""
    quantization: Literal["none", "nf4"]
    max_length: int
    overlong: Literal["refuse", "truncate", "drop"]
    chat_template: str | None
    """Text of the template to use in place of the model's own; None where the model's own is used."""
    date: str
    """ISO date that templates which print today's date get, fixed for the job."""
    examples: int
    steps_per_epoch: int
    total_steps: int
    warmup_steps: int
    trainer_arguments: dict[str, Any]
    """Passed to the trainer as they stand: the four knobs, schedule, optimizer."""
    execution: PlannedExecution
    tokens: dict[str, Any] | None
    memory: dict[str, Any]
    output_dir: str

    def meaning_fingerprint(self) -> str:
        """sha256 of what the job means; execution, places and versions are left out, so a resumed run may differ there."""
        fields = self.model_dump(
            mode="json", exclude={"localft_version", "execution", "memory", "tokens", "output_dir"}
        )
        fields["model"] = {key: value for key, value in fields["model"].items() if key != "path"}
        for file in ("training_file", "validation_file"):
            fields[file] = fields[file] and fields[file]["sha256"]
        fields["trainer_arguments"].pop("per_device_train_batch_size", None)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
