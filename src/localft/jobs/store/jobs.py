"""Jobs as their callers see them: made, listed, followed, cancelled, paused, resumed, deleted.

What a caller wants of a job that a process is training is written down as a wish, which the worker carries out. A cancelled
job is cancelled at once, for good, whatever its process does until the worker has ended it; a paused one is paused when it
has saved.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from pathlib import Path

from localft import catalog
from localft.errors import Conflict, NotFound, UsageError
from localft.hyperparameters import is_auto, resolve_seed
from localft.jobs import events as say
from localft.jobs.checkpoints import FineTuningJobCheckpoint
from localft.jobs.events import FineTuningJobEvent
from localft.jobs.job import (
    LEGAL_MOVES,
    JobHyperparameters,
    JobMethod,
    ServiceJob,
    Status,
    SupervisedMethod,
)
from localft.jobs.results import read_results
from localft.jobs.run_directory import RunDirectory
from localft.jobs.store.files import Files
from localft.jobs.store.idempotency import Idempotency, earlier_job, remember
from localft.jobs.store.importing import import_run
from localft.jobs.store.models import Models
from localft.jobs.store.paging import Page, page_of, rows_behind
from localft.jobs.store.requests import JobRequest, recipe_text
from localft.jobs.store.rows import JobRows, StoredJob
from localft.plan import TrainingRequest

MAX_QUEUED_JOBS = 20
"""Jobs that may wait at once; the service's number."""
WAITING: tuple[Status, ...] = ("validating_files", "queued")
TRAINING_PURPOSE = "fine-tune"


class Jobs:
    """All jobs of the store."""

    def __init__(self, rows: JobRows, files: Files, models: Models) -> None:
        self._rows = rows
        self._files = files
        self._models = models

    def create(self, request: JobRequest, *, idempotency: Idempotency | None = None) -> StoredJob:
        """A waiting job; the one that was made before where `idempotency` says that it is the same wish."""
        asked = request.checked()
        now = self._rows.clock()
        with self._rows.database.transaction() as connection:
            earlier = earlier_job(connection, idempotency, now) if idempotency else None
            if earlier is not None:
                return self._rows.get(earlier)
            job = self._insert(connection, request, asked)
            if idempotency:
                remember(connection, idempotency, job.id, now)
        return self._rows.get(job.id)

    def import_run(self, path: Path) -> StoredJob:
        """Records a run of `localft train`, which stays where it is."""
        return import_run(self._rows, self._files, path)

    def get(self, id: str) -> StoredJob:
        return self._rows.get(id)

    def page(
        self,
        after: str | None = None,
        limit: int = 20,
        metadata: Mapping[str, str] | None = None,
        *,
        without_metadata: bool = False,
    ) -> Page[StoredJob]:
        """Newest first; `metadata` keeps those that have all of its pairs."""
        conditions, values = ["NOT deleted"], list[object]()
        for pair in (metadata or {}).items():
            conditions.append("EXISTS (SELECT 1 FROM job_metadata WHERE job_id = jobs.id AND key = ? AND value = ?)")
            values += pair
        if without_metadata:
            conditions.append("NOT EXISTS (SELECT 1 FROM job_metadata WHERE job_id = jobs.id)")
        connection = self._rows.database.connection()
        page = rows_behind(connection, "jobs", conditions, values, after=after, limit=limit, order="desc")
        return Page(tuple(map(self._rows.stored, page.items)), page.has_more)

    def events(self, id: str, after: str | None = None, limit: int = 20) -> Page[FineTuningJobEvent]:
        """Newest first."""
        self._rows.get(id)
        connection = self._rows.database.connection()
        page = rows_behind(
            connection, "events", [], [], after=after, limit=limit, order="desc", owner=("job_id = ?", id)
        )
        return Page(tuple(FineTuningJobEvent.model_validate_json(row["object"]) for row in page.items), page.has_more)

    def checkpoints(self, id: str, after: str | None = None, limit: int = 10) -> Page[FineTuningJobCheckpoint]:
        """Newest first."""
        found = self._rows.get(id).checkpoints()
        return page_of(found, [checkpoint.id for checkpoint in found], after=after, limit=limit)

    def cancel(self, id: str) -> StoredJob:
        """Cancelled from now on; a process that still trains it is ended by the worker."""
        with self._rows.database.transaction() as connection:
            stored = self._rows.get(id)
            self._require_move(stored, "cancelled", "cancelled")
            self._rows.move(connection, stored, "cancelled", columns={"wish": "cancel" if stored.claimed else None})
            self._rows.say(connection, id, say.CANCELLED)
            if not stored.claimed:
                note_cancelled(stored)
        return self._rows.get(id)

    def pause(self, id: str) -> StoredJob:
        """Has the training save and stop; the job is paused once it has. It needs a finished step."""
        with self._rows.database.transaction() as connection:
            stored = self._rows.get(id)
            self._require_move(stored, "paused", "paused")
            if not _has_step(stored):
                raise Conflict(
                    f"{id} is running and has no finished step yet; a job can be paused from its first step on.",
                    code="invalid_state",
                )
            connection.execute("UPDATE jobs SET wish = 'pause' WHERE id = ?", (id,))
        return self._rows.get(id)

    def resume(self, id: str) -> StoredJob:
        """Puts a paused job back into the queue, or a failed one whose run had begun; it goes on from its last checkpoint."""
        with self._rows.database.transaction() as connection:
            stored = self._rows.get(id)
            status = stored.job.status
            if status not in ("paused", "failed") or stored.claimed:
                raise Conflict(
                    f"{id} is {status}; expected a job that is paused, or one that failed.", code="invalid_state"
                )
            if stored.recipe is None:
                plan = stored.directory / "plan.json"
                raise Conflict(
                    f"{id} was imported and is not the worker's to continue; run localft train {plan}",
                    code="invalid_state",
                )
            self._require_files(stored)
            self._refuse_full_queue(connection)
            job = stored.job.model_copy(
                update={"status": "queued", "finished_at": None, "error": None, "estimated_finish": None}
            )
            self._rows.write(connection, job, wish=None)
            self._rows.say(connection, id, say.QUEUED_AGAIN)
        return self._rows.get(id)

    def delete(self, id: str) -> None:
        """Takes a job that has ended or never began, with its events and results. The model stays until it is deleted itself."""
        with self._rows.database.transaction() as connection:
            stored = self._rows.get(id)
            if stored.job.status == "running" or (stored.claimed and stored.job.status != "cancelled"):
                raise Conflict(f"{id} is {stored.job.status}; cancel it before it is deleted.", code="invalid_state")
            if stored.job.status in WAITING:
                self._rows.move(connection, stored, "cancelled")
            connection.execute("UPDATE jobs SET deleted = 1 WHERE id = ?", (id,))
            connection.execute("DELETE FROM events WHERE job_id = ?", (id,))
            self._files.results_removed(connection, id)
        self._rows.clear(id, self._files)

    # --- making one

    def _insert(self, connection: sqlite3.Connection, request: JobRequest, asked: TrainingRequest) -> ServiceJob:
        self._require_training_file(request.training_file, "training_file")
        if request.validation_file is not None:
            self._require_training_file(request.validation_file, "validation_file")
        model, source, parent = self._model_to_train(request.model)
        self._refuse_full_queue(connection)
        seed = int(resolve_seed(asked.seed).value)
        job = _new_job(request, asked, model=model, seed=seed, now=self._rows.clock())
        recipe = recipe_text(
            asked,
            model=source,
            training_file=str(self._files.directory / request.training_file),
            validation_file=str(self._files.directory / request.validation_file) if request.validation_file else None,
            seed=seed,
            output_dir=str(self._rows.directory / job.id),
        )
        (ahead,) = connection.execute("SELECT count(*) FROM jobs WHERE claimed OR status IN (?, ?)", WAITING).fetchone()
        self._rows.insert(connection, job, recipe=recipe, parent_id=parent)
        self._rows.say(connection, job.id, say.enqueued(ahead))
        if request.ignored:
            self._rows.say(connection, job.id, say.keys_ignored(request.ignored), "warn")
        return job

    def _require_training_file(self, id: str, param: str) -> None:
        try:
            file = self._files.get(id)
        except NotFound as error:
            raise UsageError(f"{param}: {error.message}", code="file_not_found", param=param) from None
        if file.purpose != TRAINING_PURPOSE:
            raise UsageError(
                f'{param}: {id} has the purpose "{file.purpose}"; expected a file of purpose "{TRAINING_PURPOSE}".',
                param=param,
            )

    def _model_to_train(self, name: str) -> tuple[str, str, str | None]:
        """The model's canonical name, what a recipe calls it, and the job that made it."""
        entry = catalog.find(name)
        if entry is not None:
            return entry.id, entry.id, None
        try:
            model = self._models.resolve(name)
        except NotFound:
            near = catalog.suggestions(name)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise UsageError(
                f"model is {name!r}; expected a model that `localft models` lists, a fine-tuned model or a checkpoint.{hint}",
                code="model_not_found",
                param="model",
            ) from None
        return model.name, str(model.directory), model.job_id

    def _refuse_full_queue(self, connection: sqlite3.Connection) -> None:
        (waiting,) = connection.execute(
            "SELECT count(*) FROM jobs WHERE NOT claimed AND status IN (?, ?)", WAITING
        ).fetchone()
        if waiting >= MAX_QUEUED_JOBS:
            raise Conflict(
                f"{waiting} jobs are waiting, as many as may; wait for one to start, or cancel one.",
                code="too_many_queued_jobs",
            )

    # --- moving one

    def _require_move(self, stored: StoredJob, status: Status, word: str) -> None:
        if status not in LEGAL_MOVES[stored.job.status]:
            allowed = [before for before, moves in LEGAL_MOVES.items() if status in moves]
            raise Conflict(
                f"{stored.id} is {stored.job.status}; only a job that is {' or '.join(allowed)} can be {word}.",
                code="invalid_state",
            )

    def _require_files(self, stored: StoredJob) -> None:
        for file in (stored.job.training_file, stored.job.validation_file):
            if file is not None:
                try:
                    self._files.get(file)
                except NotFound:
                    raise Conflict(
                        f"{stored.id} cannot go on without {file}, which is no longer in the store.",
                        code="invalid_state",
                    ) from None


def note_cancelled(stored: StoredJob) -> None:
    """Says in the run directory that nobody is to continue the run."""
    run = RunDirectory(stored.directory)
    if not run.job_file.is_file():
        return
    job = run.read_job()
    if job.status in ("queued", "running", "paused"):
        finished = stored.job.finished_at
        run.write_job(job.moved("cancelled", finished_at=finished, estimated_finish=None))


def _has_step(stored: StoredJob) -> bool:
    results = RunDirectory(stored.directory).results_file
    return results.is_file() and bool(read_results(results))


def _new_job(request: JobRequest, asked: TrainingRequest, *, model: str, seed: int, now: float) -> ServiceJob:
    knobs = asked.method.supervised.hyperparameters
    names = ("n_epochs", "batch_size", "learning_rate_multiplier")
    hyperparameters = JobHyperparameters.model_validate(
        {name: "auto" if is_auto(getattr(knobs, name)) else getattr(knobs, name) for name in names}
    )
    return ServiceJob(
        id=f"ftjob-{uuid.uuid4().hex}",
        created_at=int(now),
        model=model,
        status="validating_files",
        training_file=request.training_file,
        validation_file=request.validation_file,
        hyperparameters=hyperparameters,
        method=JobMethod(type="supervised", supervised=SupervisedMethod(hyperparameters=hyperparameters)),
        seed=seed,
        integrations=asked.integrations or None,
        metadata=dict(request.metadata) if request.metadata else None,
        suffix=asked.suffix,
        user_provided_suffix=asked.suffix,
        trainingType=request.training_type,
    )
