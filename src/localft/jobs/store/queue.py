"""Jobs as the worker sees them: claimed, started, taken over from their run directories, settled."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any, Literal

from localft.jobs import events as say
from localft.jobs.events import FineTuningJobEvent
from localft.jobs.job import FineTuningJob, JobError, ServiceJob, Status
from localft.jobs.run_directory import RunDirectory
from localft.jobs.store.files import Files
from localft.jobs.store.jobs import WAITING, note_cancelled
from localft.jobs.store.models import Models
from localft.jobs.store.rows import JobRows, StoredJob

Ending = Literal["succeeded", "failed", "paused", "queued"]
RESULT_FIELDS = ("trained_tokens", "fine_tuned_model", "error", "finished_at")
RUNNING_FIELDS = ("hyperparameters", "method", "result_files", "estimated_finish")


class Queue:
    """The worker's side of the jobs. There is one worker; the others of a store's users only leave wishes here."""

    def __init__(self, rows: JobRows, files: Files, models: Models) -> None:
        self._rows = rows
        self._files = files
        self._models = models

    def claim(self, running_limit: int) -> StoredJob | None:
        """The oldest waiting job, from now on the worker's; None where none waits, or as many run as may."""
        if not self._is_one_waiting():
            return None
        with self._rows.database.transaction() as connection:
            (claimed,) = connection.execute("SELECT count(*) FROM jobs WHERE claimed").fetchone()
            if claimed >= running_limit:
                return None
            row = connection.execute(
                "SELECT * FROM jobs WHERE NOT claimed AND NOT deleted AND status IN (?, ?) ORDER BY number LIMIT 1",
                WAITING,
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE jobs SET claimed = 1, process = NULL WHERE id = ?", (row["id"],))
        return self._rows.get(row["id"])

    def _is_one_waiting(self) -> bool:
        """Asked several times a second, so it keeps no writer waiting."""
        query = "SELECT 1 FROM jobs WHERE NOT claimed AND NOT deleted AND status IN (?, ?)"
        return self._rows.database.connection().execute(query, WAITING).fetchone() is not None

    def started(self, id: str, process: str) -> None:
        """A process of the job is there. It waits until this is written, so that no process trains unknown."""
        with self._rows.database.transaction() as connection:
            connection.execute("UPDATE jobs SET process = ? WHERE id = ?", (process, id))

    def claimed(self) -> list[StoredJob]:
        """The jobs that a worker has; at its start, what the one before it left behind."""
        rows = self._rows.database.connection().execute("SELECT * FROM jobs WHERE claimed ORDER BY number")
        return [self._rows.stored(row) for row in rows]

    def take_over(self, id: str) -> StoredJob:
        """Brings the store to what the run directory says now. Only what is new is written, in one transaction."""
        stored = self._found(id)
        run = RunDirectory(stored.directory)
        if stored.deleted or not run.job_file.is_file():
            return stored
        job = _merged(stored.job, run.read_job())
        offset = _offset(self._rows.database.connection(), id)
        if job == stored.job and run.events_file.stat().st_size == offset:
            return stored
        with self._rows.database.transaction() as connection:
            self._take_over(connection, self._found(id), run)
        return self._found(id)

    def _take_over(self, connection: sqlite3.Connection, stored: StoredJob, run: RunDirectory) -> None:
        events, offset = _new_events(run, _offset(connection, stored.id))
        job = _merged(stored.job, run.read_job())
        self._rows.add_events(connection, stored.id, events)
        columns: dict[str, Any] = {"events_offset": offset}
        if stored.base is None:
            plan = run.read_plan()
            columns |= {"base": plan.model.base, "total_steps": plan.total_steps}
        self._rows.write(connection, job, **columns)
        if job.result_files and not stored.job.result_files:
            self._files.results_created(connection, stored.id, job.results_file)
        self._rows.index_checkpoints(connection, self._found(stored.id))

    def find(self, id: str) -> StoredJob:
        """A claimed job as the store has it."""
        return self._found(id)

    def settle(
        self,
        id: str,
        ending: Ending,
        error: JobError | None = None,
        note: str | None = None,
        *,
        reached: int = 0,
        is_stuck: bool = False,
    ) -> StoredJob | None:
        """No process of the job is left: it has ended, is paused, or waits again. Returns None where it was deleted.

        What its run directory says was taken over before. `reached` is the step that it came to; `is_stuck`
        says that it fell over there without having got any further.
        """
        with self._rows.database.transaction() as connection:
            stored = self._found(id)
            furthest = max(reached, stored.reached)
            stuck = (stored.stuck and furthest == stored.reached and ending == "queued") or is_stuck
            released = {"claimed": 0, "process": None, "wish": None, "reached": furthest, "stuck": int(stuck)}
            if stored.job.status == "cancelled":
                note_cancelled(stored)
                self._rows.write(connection, stored.job, **released)
            elif ending == "queued":
                waits = stored.job.model_copy(update={"status": _waiting(stored), "estimated_finish": None})
                self._rows.write(connection, waits, **released)
            else:
                self._end(connection, stored, ending, error, released)
            if note is not None:
                self._rows.say(connection, id, note, "warn" if ending == "queued" else "info")
        self._rows.clear(id, self._files)
        return self._rows.find(id)

    def _end(
        self,
        connection: sqlite3.Connection,
        stored: StoredJob,
        ending: Status,
        error: JobError | None,
        released: dict[str, Any],
    ) -> None:
        changes: dict[str, Any] = {"estimated_finish": None}
        if ending == "succeeded":
            told = RunDirectory(stored.directory).read_job()
            changes |= {name: getattr(told, name) for name in RESULT_FIELDS}
        elif ending == "failed":
            assert error is not None, "a failed job says why"
            changes["error"] = error
            self._tell_failure(connection, stored, error)
        if ending != "failed":  # a run so short that the worker never saw it running has run all the same
            stored = replace(stored, job=stored.job.model_copy(update={"status": "running"}))
        self._rows.move(connection, stored, ending, columns=released, **changes)
        if ending == "succeeded":
            self._rows.index_checkpoints(connection, self._found(stored.id))

    def _tell_failure(self, connection: sqlite3.Connection, stored: StoredJob, error: JobError) -> None:
        """A run that had begun has told it itself."""
        message = say.failed(error.message)
        last = connection.execute(
            "SELECT object FROM events WHERE job_id = ? ORDER BY number DESC LIMIT 1", (stored.id,)
        ).fetchone()
        if last is None or not FineTuningJobEvent.model_validate_json(last["object"]).message.startswith(
            say.failed("")
        ):
            self._rows.say(connection, stored.id, message, "error")

    def tidy(self) -> None:
        """Takes away what killed processes left behind and what is over its time."""
        self._files.remove_expired()
        self._files.remove_leftovers()
        connection = self._rows.database.connection()
        for row in connection.execute("SELECT id FROM jobs WHERE model_deleted").fetchall():
            self._models.remove_weights(row["id"])
        for row in connection.execute("SELECT id FROM jobs WHERE deleted").fetchall():
            self._rows.clear(row["id"], self._files)

    def _found(self, id: str) -> StoredJob:
        found = self._rows.find(id)
        assert found is not None, "a claimed job is in the store"
        return found


def _merged(job: ServiceJob, run: FineTuningJob) -> ServiceJob:
    """The caller's job with what its run has found out. How the run ended counts once its process is gone."""
    if job.status not in ("validating_files", "queued", "running"):
        return job
    changes: dict[str, Any] = {name: getattr(run, name) for name in RUNNING_FIELDS}
    if run.status == "running":
        changes["status"] = "running"
    elif run.status == "queued" and job.status == "validating_files":
        changes["status"] = "queued"
    return job.model_copy(update=changes)


def _waiting(stored: StoredJob) -> Status:
    """Files are validated once; a run that has begun waits as queued."""
    return "queued" if RunDirectory(stored.directory).job_file.is_file() else "validating_files"


def _offset(connection: sqlite3.Connection, id: str) -> int:
    return int(connection.execute("SELECT events_offset FROM jobs WHERE id = ?", (id,)).fetchone()[0])


def _new_events(run: RunDirectory, offset: int) -> tuple[list[FineTuningJobEvent], int]:
    """The whole lines behind the offset, and the offset behind them.

    A file that is shorter than it was has lost its end in a power cut; then it is read from the start, and what is known by
    its id is not taken twice.
    """
    with run.events_file.open("rb") as file:
        if file.seek(0, 2) < offset:
            offset = 0
        file.seek(offset)
        whole, newline, _ = file.read().rpartition(b"\n")
    lines = whole.split(b"\n") if newline else []
    return [FineTuningJobEvent.model_validate_json(line) for line in lines], offset + len(whole) + len(newline)
