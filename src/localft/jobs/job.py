"""The `fine_tuning.job` object as the service shapes it, and the moves its status may make.

Fields stand in the order of the service's specification. A local job differs in three places, each on purpose:
`fine_tuned_model` of an unfinished job is null as on the service, but the name is known from the start (`model_name`);
a job stopped by a signal is `paused`, the status that the service's pause gives; and a `failed` job may run again, since
whoever frees the disk that was full wants to go on from the last checkpoint and not from the first step.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from localft.plan import Integration, TrainingPlan

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]

LEGAL_MOVES: dict[Status, frozenset[Status]] = {
    "validating_files": frozenset({"queued", "failed", "cancelled"}),
    "queued": frozenset({"running", "failed", "cancelled"}),
    "running": frozenset({"succeeded", "failed", "cancelled", "paused"}),
    "paused": frozenset({"running", "failed", "cancelled"}),
    "failed": frozenset({"running"}),
    "succeeded": frozenset(),
    "cancelled": frozenset(),
}

FINISHED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})
ORGANIZATION = "org-local"
"""The official client's type wants an organization; a machine of one's own has none."""


class _Object(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class JobError(_Object):
    """Why a job failed. `param` names the request field at fault, in the service's words."""

    code: str
    message: str
    param: str | None = None


class JobHyperparameters(_Object):
    """Resolved numbers; the "auto" that may have been asked for stands in plan.json.

    A job of the store says "auto" until its run has resolved it.
    """

    n_epochs: int | Literal["auto"]
    batch_size: int | Literal["auto"]
    learning_rate_multiplier: float | Literal["auto"]


class SupervisedMethod(_Object):
    hyperparameters: JobHyperparameters


class JobMethod(_Object):
    type: Literal["supervised"]
    supervised: SupervisedMethod


class FineTuningJob(_Object):
    """One job. Times are Unix seconds."""

    id: str
    """`ftjob-<32 hex>`; the hex is also in the model's name and in the ids of checkpoints and result files."""
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: int
    finished_at: int | None = None
    estimated_finish: int | None = None
    model: str
    fine_tuned_model: str | None = None
    """Null until the job succeeded."""
    status: Status
    training_file: str
    """`file-<first 32 hex of the file's sha256>`: the same file has the same id in every run. Its path is in plan.json."""
    validation_file: str | None = None
    result_files: list[str] = []
    """Filled once training starts."""
    hyperparameters: JobHyperparameters
    method: JobMethod
    trained_tokens: int | None = None
    """Tokens of all examples times epochs, as the service bills them; null until done."""
    seed: int
    error: JobError | None = None
    organization_id: str = ORGANIZATION
    integrations: tuple[Integration, ...] | None = None
    """As in the request. The service knows `wandb` alone, and so do the types of the official client."""
    metadata: dict[str, str] | None = None
    suffix: str | None = None
    user_provided_suffix: str | None = None

    @property
    def hex(self) -> str:
        return self.id.removeprefix("ftjob-")

    @property
    def model_name(self) -> str:
        """The name that `fine_tuned_model` gets on success: `<base>.ft-<hex of the job>[-<suffix>]`."""
        return fine_tuned_model_name(self.model, self.hex, self.suffix)

    @property
    def results_file(self) -> str:
        """Id of results.csv."""
        return f"file-{self.hex}"

    def moved(self, status: Status, **changes: Any) -> FineTuningJob:
        """The job after a legal move; an illegal one is our own mistake."""
        assert status in LEGAL_MOVES[self.status], f"{self.id} cannot move from {self.status} to {status}"
        return self.model_copy(update={"status": status, **changes})


class ServiceJob(FineTuningJob):
    """The job as the store keeps it and the service answers it: with the ids of the caller's files, and what Azure adds."""

    trainingType: str | None = None
    """Azure's choice of where a job is trained; echoed, and nothing else."""


def new_job(plan: TrainingPlan, *, hex: str, now: float, model: str | None = None) -> FineTuningJob:
    """A queued job for a plan, with the resolved numbers in place of every "auto".

    `model` is the name that the model was asked for by, where the plan knows a directory alone.
    """
    assert re.fullmatch("[0-9a-f]{32}", hex), "a job's id is 32 hex digits"
    knobs = plan.hyperparameters
    hyperparameters = JobHyperparameters(
        n_epochs=int(knobs.n_epochs.value),
        batch_size=int(knobs.batch_size.value),
        learning_rate_multiplier=float(knobs.learning_rate_multiplier.value),
    )
    return FineTuningJob(
        id=f"ftjob-{hex}",
        created_at=int(now),
        model=model or plan.model.id,
        status="queued",
        training_file=data_file_id(plan.training_file.sha256),
        validation_file=data_file_id(plan.validation_file.sha256) if plan.validation_file else None,
        hyperparameters=hyperparameters,
        method=JobMethod(type=plan.method, supervised=SupervisedMethod(hyperparameters=hyperparameters)),
        seed=int(knobs.seed.value),
        integrations=plan.integrations or None,
        suffix=plan.suffix,
        user_provided_suffix=plan.suffix,
    )


def data_file_id(sha256: str) -> str:
    """Id of a data file, from what it holds."""
    return f"file-{sha256[:32]}"


def fine_tuned_model_name(model: str, hex: str, suffix: str | None) -> str:
    """`meta-llama/Llama-3.2-1B`, suffix `travel` → `Llama-3.2-1B.ft-<hex>-travel`.

    A second generation is named after its first base, not after its whole lineage.
    """
    base = re.sub(r"\.ft-[0-9a-f]{32}.*$", "", short_model_name(model))
    return f"{base}.ft-{hex}" + (f"-{suffix}" if suffix else "")


def short_model_name(model: str) -> str:
    """The last part of a catalogue id, hub id or directory, safe in file names and URLs.

    A client percent-encodes slashes and a server's router may decode them early, so names of models hold none.
    """
    parts = [part for part in re.split(r"[/\\]+", model) if part not in ("", ".", "..")]
    if len(parts) > 1 and parts[-1] == "model":  # a finished run's own model: runs/travel/model
        parts.pop()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", parts[-1] if parts else "").strip("-.") or "model"
