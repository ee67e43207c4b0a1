"""What a training tells while it runs: small typed events, passed to one callback.

`training` makes them and knows nothing of jobs; `jobs` records them and knows nothing of tensors; `cli` prints them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class StageStarted:
    """A part of the job began: reading data, tokenising, loading the model, training, saving."""

    stage: Literal["tokenize", "load_model", "train", "save_checkpoint", "save_model"]
    detail: str = ""


@dataclass(frozen=True)
class Notice:
    """A sentence for the user that is no metric: something cut, skipped, chosen or continued."""

    message: str
    level: Literal["info", "warn"] = "info"


@dataclass(frozen=True)
class StepMetrics:
    """One finished optimizer step. Reported once a step, after everything measured at that step is known."""

    step: int
    """1-based."""
    total_steps: int
    epoch: int
    """1-based epoch that the step belongs to."""
    train_loss: float
    """sum(weight * nll) / sum(weight) over the whole step, all ranks and micro-batches; nats per token."""
    train_mean_token_accuracy: float
    """Share of trained target tokens whose top-1 prediction is right, pooled over the step."""
    learning_rate: float
    """The learning rate that this step used."""
    grad_norm: float
    examples: int
    tokens: int
    """Tokens of the step's examples, padding not counted."""
    trained_tokens: int
    computed_tokens: int
    """Positions that the model computed for them, on all ranks: more than `tokens` by padding, fewer by shared prefixes."""
    seconds: float
    """Wall time of the step, validation not included."""
    peak_memory_bytes: int | None
    """Most memory that any rank has held so far: of the GPU, on the CPU of the process. None where that is not known."""
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


@dataclass(frozen=True)
class ExecutionChosen:
    """How the training is carried out: settled by the loaded model, before the first step."""

    devices: tuple[str, ...]
    """Name of each rank's device, in the order of ranks."""
    precision: str
    layout: str
    """How examples lie in a micro-batch: padded, packed or shared."""
    attention: str
    """What computes the attention."""
    head: str
    """What computes logits and loss."""
    kernels: tuple[str, ...]
    """What was put in place of the model's own layers."""
    compiled: bool
    gradient_checkpointing: str
    tokens_per_micro_batch: int
    versions: dict[str, str]
    """Of Python and the packages that compute."""


@dataclass(frozen=True)
class ExecutionChanged:
    """A setting of the execution was changed on the way, so that memory suffices or is used. The result is the same."""

    step: int
    """1-based: the first one computed so."""
    setting: Literal["tokens_per_micro_batch", "gradient_checkpointing"]
    before: int | str
    after: int | str


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint is whole on disk."""

    step: int
    path: str
    epoch_end: bool
    """False for one saved because of a signal, or because the last one is long ago."""
    metrics: StepMetrics


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended. `interrupted` means: saved, and the same command continues it."""

    status: Literal["succeeded", "interrupted"]
    last_step: int
    trained_tokens: int
    """Tokens of all examples passed so far, each epoch counted, trained or context alike: what the service bills."""
    model_path: str | None
    run_directory: str | None = None
    """Set by the runner: where job.json, results.csv and the rest are."""


ProgressEvent = StageStarted | Notice | ExecutionChosen | ExecutionChanged | StepMetrics | CheckpointSaved
Report = Callable[[ProgressEvent], None]
