"""Fine-tuned models and checkpoints: which directory a name or an id means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localft.errors import Conflict, NotFound, UsageError
from localft.jobs.store.files import NEEDED_BY, Files
from localft.jobs.store.rows import JobRows, StoredJob, remove_tree

_NAME = re.compile(r"[A-Za-z0-9._-]+\.ft-([0-9a-f]{32})(?:-[A-Za-z0-9_-]+)?(?::ckpt-step-(\d+))?")


@dataclass(frozen=True)
class ServableModel:
    """A model of one's own that can be served, or trained further."""

    name: str
    """Of a fine-tuned model, or of a checkpoint with its step."""
    kind: Literal["fine_tuned", "checkpoint"]
    directory: Path
    """Holds the weights: an adapter, or all of them."""
    base: str
    """Base model: catalogue id, hub id or directory."""
    job_id: str
    step: int
    created_at: int


class Models:
    """The models that the jobs of the store have made."""

    def __init__(self, rows: JobRows, files: Files) -> None:
        self._rows = rows
        self._files = files

    def fine_tuned(self) -> tuple[ServableModel, ...]:
        """All finished models, newest first; those of deleted jobs too."""
        query = "SELECT * FROM jobs WHERE status = 'succeeded' AND NOT model_deleted ORDER BY number DESC"
        stored = [self._rows.stored(row) for row in self._rows.database.connection().execute(query)]
        return tuple(self._model(job) for job in stored)

    def resolve(self, name: str) -> ServableModel:
        """The model of a fine-tuned name, a checkpoint's name or a checkpoint's id."""
        found = self._checkpoint_by_id(name) if name.startswith("ftchkpt-") else self._by_name(name)
        if found is None or not found.directory.is_dir():
            raise NotFound(f"No model {name} is in the store.", code="model_not_found", param="model")
        return found

    def delete(self, name: str) -> None:
        """Takes the weights of a fine-tuned model and of its checkpoints; its job stays. Refused while it is deployed."""
        model = self.resolve(name)
        if model.kind == "checkpoint":
            raise UsageError(f"{name} is a checkpoint; it goes with its model.", param="model")
        with self._rows.database.transaction() as connection:
            self._refuse_needed(model)
            connection.execute("UPDATE jobs SET model_deleted = 1 WHERE id = ?", (model.job_id,))
            connection.execute("DELETE FROM checkpoints WHERE job_id = ?", (model.job_id,))
        self.remove_weights(model.job_id)

    def remove_weights(self, job_id: str) -> None:
        """Takes the directories of a deleted model; those of an imported run are their owner's."""
        stored = self._rows.find(job_id)
        if stored is None or not stored.model_deleted:
            return
        if stored.directory.parent == self._rows.directory:
            for directory in (stored.directory / "model", *stored.directory.glob("checkpoint-*")):
                remove_tree(directory)
        self._rows.clear(job_id, self._files)

    def _refuse_needed(self, model: ServableModel) -> None:
        connection = self._rows.database.connection()
        deployed = connection.execute("SELECT name FROM deployments WHERE job_id = ?", (model.job_id,)).fetchone()
        if deployed is not None:
            raise Conflict(
                f"{model.name} is deployed as {deployed['name']}; delete the deployment first.",
                code="model_deployed",
                param="model",
            )
        active = ", ".join(f"'{status}'" for status in NEEDED_BY)
        child = connection.execute(
            f"SELECT id, status FROM jobs WHERE parent_id = ? AND status IN ({active})", (model.job_id,)
        ).fetchone()
        if child is not None:
            raise Conflict(
                f"{model.name} is trained further by {child['id']}, which is {child['status']}; wait for it, or cancel it.",
                code="model_in_use",
                param="model",
            )

    def _by_name(self, name: str) -> ServableModel | None:
        match = _NAME.fullmatch(name)
        stored = self._rows.find(f"ftjob-{match[1]}") if match else None
        if match is None or stored is None or stored.model_deleted:
            return None
        if match[2] is None:
            finished = stored.job.status == "succeeded" and stored.job.fine_tuned_model == name
            return self._model(stored) if finished else None
        return self._checkpoint(stored, int(match[2]), name)

    def _checkpoint_by_id(self, id: str) -> ServableModel | None:
        query = (
            "SELECT jobs.*, checkpoints.step FROM checkpoints JOIN jobs ON jobs.id = checkpoints.job_id "
            "WHERE checkpoints.id = ?"
        )
        row = self._rows.database.connection().execute(query, (id,)).fetchone()
        if row is None:
            return None
        stored, step = self._rows.stored(row), int(row["step"])
        if step == stored.total_steps and stored.job.status == "succeeded":
            return self._model(stored)
        return self._checkpoint(stored, step, f"{stored.job.model_name}:ckpt-step-{step}")

    def _checkpoint(self, stored: StoredJob, step: int, name: str) -> ServableModel | None:
        directory = stored.checkpoint_directory(step)
        if f"{stored.job.model_name}:ckpt-step-{step}" != name or stored.base is None or not directory.is_dir():
            return None
        made = int(directory.stat().st_mtime)
        return ServableModel(name, "checkpoint", directory, stored.base, stored.id, step, made)

    def _model(self, stored: StoredJob) -> ServableModel:
        job = stored.job
        assert job.fine_tuned_model is not None and stored.base is not None and stored.total_steps is not None
        made = job.finished_at if job.finished_at is not None else job.created_at
        return ServableModel(
            job.fine_tuned_model,
            "fine_tuned",
            stored.directory / "model",
            stored.base,
            stored.id,
            stored.total_steps,
            made,
        )
