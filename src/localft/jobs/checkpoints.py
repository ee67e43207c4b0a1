"""The checkpoints of a run as the service lists them: `fine_tuning.job.checkpoint` objects.

They are read off the run directory each time, so a checkpoint that was deleted by hand is no longer listed. Ids are a
function of job and step.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from localft.jobs.job import FineTuningJob
from localft.jobs.results import read_results


class CheckpointMetrics(BaseModel):
    """What was measured at the checkpoint's step; null where it was not."""

    model_config = ConfigDict(frozen=True)

    step: int
    train_loss: float | None = None
    train_mean_token_accuracy: float | None = None
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class FineTuningJobCheckpoint(BaseModel):
    """One saved state that can be served or trained further."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    step_number: int
    metrics: CheckpointMetrics


def checkpoint_id(job: FineTuningJob, step: int) -> str:
    digest = hashlib.sha256(f"{job.id}/{step}".encode()).hexdigest()
    return f"ftchkpt-{digest[:32]}"


def checkpoint_name(job: FineTuningJob, step: int, total_steps: int) -> str:
    """`<model name>:ckpt-step-<N>`; the last step's checkpoint is the model itself and has its plain name."""
    return job.model_name if step == total_steps else f"{job.model_name}:ckpt-step-{step}"


def checkpoint_directories(run_directory: Path, job: FineTuningJob, total_steps: int) -> dict[int, Path]:
    """Step -> directory; the finished model counts as the last one."""
    directories = {
        int(match[1]): entry
        for entry in run_directory.iterdir()
        if entry.is_dir() and (match := re.fullmatch(r"checkpoint-(\d+)", entry.name))
    }
    if job.status == "succeeded":
        directories.setdefault(total_steps, run_directory / "model")
    return directories


def list_checkpoints(run_directory: Path, job: FineTuningJob, total_steps: int) -> list[FineTuningJobCheckpoint]:
    """Newest first, as the service lists them; the finished model counts as the last one."""
    directories = checkpoint_directories(run_directory, job, total_steps)
    results = run_directory / "results.csv"
    measured = {row.step: row.metrics for row in read_results(results)} if results.exists() else {}
    return [
        FineTuningJobCheckpoint(
            id=checkpoint_id(job, step),
            created_at=int(directory.stat().st_mtime),
            fine_tuned_model_checkpoint=checkpoint_name(job, step, total_steps),
            fine_tuning_job_id=job.id,
            step_number=step,
            metrics=CheckpointMetrics(step=step, **measured.get(step, {})),
        )
        for step, directory in sorted(directories.items(), reverse=True)
    ]
