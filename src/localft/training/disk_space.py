"""Room on the disk for what a training writes: known before the first step, asked for again before each save.

What is trained is float32, and AdamW keeps two float32 numbers more for each, so a checkpoint has 12 bytes for each trained
weight: 0.5 GB for rank 16 on an 8B model, 96 GB for all of it. A checkpoint is written beside the ones that are kept and
the oldest goes only when the new one is whole, so there is one more on the disk than are kept.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from localft import settings
from localft.errors import TrainingFailed, is_disk_full
from localft.modeling.adapters import Trainable, trainable_parameters
from localft.modeling.save import TOKENIZER_FILES
from localft.plan import TrainingPlan
from localft.training import checkpoints
from localft.training.checkpoints import KEPT_EPOCHS

WEIGHT_BYTES = 4
MOMENTS_BYTES = 8
SMALL_FILES_BYTES = 2**20
"""Configurations, the trainer's state, the state of random generators: tens of kB, with room to spare."""
TENSOR_BYTES = 4096
"""What the files say about each trained tensor; two thirds of it was seen."""
STEP_BYTES = 512
"""A row of results.csv and a tenth of an event of metrics, twice over: rewinding writes the file anew."""


@dataclass(frozen=True)
class SpaceNeeded:
    """Bytes on disk, never less than what is written."""

    checkpoint: int
    model: int
    """The finished model in `model/`."""
    records: int
    """results.csv, events.jsonl and the rest that grows with the steps."""

    def for_run(self, *, epochs_left: int, epochs_on_disk: int) -> int:
        """What is still to come on top of what is on the disk, at the fullest moment: a save, or that of the model."""
        kept = min(epochs_left, max(KEPT_EPOCHS - epochs_on_disk, 0))
        saving = max(kept, min(epochs_left, KEPT_EPOCHS + 1 - epochs_on_disk))
        return max(saving * self.checkpoint, kept * self.checkpoint + self.model) + self.records


def space_needed(model: Trainable, plan: TrainingPlan, tokenizer_files: Path) -> SpaceNeeded:
    """Counts the numbers that are trained and the files that are copied beside them."""
    trained = trainable_parameters(model)
    tensors = sum(1 for parameter in model.parameters() if parameter.requires_grad)
    files = [tokenizer_files / name for name in TOKENIZER_FILES]
    small = SMALL_FILES_BYTES + TENSOR_BYTES * tensors + sum(file.stat().st_size for file in files if file.is_file())
    final_bytes = 2 if plan.lora is None and plan.execution.precision == "bfloat16" else WEIGHT_BYTES
    return SpaceNeeded(
        checkpoint=(WEIGHT_BYTES + MOMENTS_BYTES) * trained + small,
        model=final_bytes * trained + small,
        records=SMALL_FILES_BYTES + STEP_BYTES * plan.total_steps,
    )


def needed_for_run(needed: SpaceNeeded, plan: TrainingPlan, run_directory: Path, resumed_step: int) -> int:
    """Bytes that the rest of a run needs where it goes on behind a step, with checkpoints up to there on the disk."""
    epochs_left = (plan.total_steps - resumed_step + plan.steps_per_epoch - 1) // plan.steps_per_epoch
    ends = [s for s in checkpoints.all_steps(run_directory) if s <= resumed_step and s % plan.steps_per_epoch == 0]
    return needed.for_run(epochs_left=epochs_left, epochs_on_disk=min(len(ends), KEPT_EPOCHS))


def free_bytes(directory: Path) -> int | None:
    """What this user may still write there; None where the file system does not say."""
    try:
        usage = shutil.disk_usage(directory)
    except OSError:
        return None
    return usage.free if usage.total > 0 else None


def shortage(directory: Path, needed: int, target: Path) -> TrainingFailed | None:
    """The error of a disk that has too little room for `needed` bytes; None where it has enough or does not say."""
    free = free_bytes(directory)
    if free is None or free >= needed:
        return None
    return _disk_full(target, needed, free, "")


def not_written(target: Path, needed: int, error: BaseException | None) -> TrainingFailed:
    """The error of a save that failed, once what was half written is removed again."""
    free = free_bytes(target.parent)
    reason = f" ({error})" if error is not None else " (on another process)"
    if is_disk_full(error) or (free is not None and free < needed):
        return _disk_full(target, needed, free, reason)
    return TrainingFailed(
        f"{target}: could not be written{reason}. Nothing of it is left, and what was saved before is untouched. Mend the "
        f"cause and {settings.to_go_on()}: it continues from the last checkpoint.",
        code="checkpoint_not_written",
    )


def _disk_full(target: Path, needed: int, free: int | None, reason: str) -> TrainingFailed:
    found = "an unknown number" if free is None else f"{free:,}"
    return TrainingFailed(
        f"{target}: the disk is full{reason}: expected {needed:,} bytes free, found {found}. Nothing of it is left, and what "
        f"was saved before is untouched. Free the space and {settings.to_go_on()}: it continues from the last "
        "checkpoint.",
        code="disk_full",
    )
