"""Rows of jobs and events, as objects and back. Whoever writes is inside of a transaction."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from localft.errors import NotFound
from localft.jobs.checkpoints import (
    FineTuningJobCheckpoint,
    checkpoint_directories,
    checkpoint_id,
    list_checkpoints,
)
from localft.jobs.events import FineTuningJobEvent, Level, message_event
from localft.jobs.job import FINISHED, ServiceJob, Status
from localft.jobs.store import outbox
from localft.jobs.store.database import Database
from localft.jobs.store.files import Files
from localft.jobs.store.paging import note_removed

Clock = Callable[[], float]
Wish = Literal["pause", "cancel"]


@dataclass(frozen=True)
class StoredJob:
    """A job with all that the store knows of it."""

    job: ServiceJob
    directory: Path
    """Run directory; it is there once the run has begun."""
    recipe: str | None
    """Text of its recipe; None for an imported run, which its plan.json continues."""
    claimed: bool
    """A worker has it, and a process of it may be alive."""
    process: str | None
    """Which process trains it."""
    wish: Wish | None
    """What its process is to be stopped for."""
    reached: int
    """The furthest step of all starts."""
    stuck: bool
    """A start has fallen over since without getting further."""
    base: str | None
    """Base model's name, once the run has begun."""
    total_steps: int | None
    """Once the run has begun."""
    model_deleted: bool
    deleted: bool

    @property
    def id(self) -> str:
        return self.job.id

    def to_wire(self) -> ServiceJob:
        return self.job

    def checkpoints(self) -> list[FineTuningJobCheckpoint]:
        """Newest first, read off the run directory."""
        if self.total_steps is None or self.model_deleted or not self.directory.is_dir():
            return []
        return list_checkpoints(self.directory, self.job, self.total_steps)

    def checkpoint_steps(self) -> list[int]:
        """Steps of the checkpoints."""
        if self.total_steps is None or self.model_deleted or not self.directory.is_dir():
            return []
        return list(checkpoint_directories(self.directory, self.job, self.total_steps))

    def checkpoint_directory(self, step: int) -> Path:
        """Where the weights of a step lie; those of the last step are the model."""
        if step == self.total_steps and self.job.status == "succeeded":
            return self.directory / "model"
        return self.directory / f"checkpoint-{step}"


class JobRows:
    """What the callers' side and the worker's side of the jobs have in common."""

    def __init__(self, database: Database, home: Path, clock: Clock) -> None:
        self.database = database
        self.directory = home / "jobs"
        self.clock = clock

    def run_directory(self, id: str) -> Path:
        row = self.database.connection().execute("SELECT directory FROM jobs WHERE id = ?", (id,)).fetchone()
        return Path(row["directory"]) if row is not None and row["directory"] else self.directory / id

    def find(self, id: str) -> StoredJob | None:
        """The job, also where it was deleted and something of it is left."""
        row = self.database.connection().execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
        return None if row is None else self.stored(row)

    def get(self, id: str) -> StoredJob:
        found = self.find(id)
        if found is None or found.deleted:
            raise NotFound(f"No fine-tuning job {id} is in the store.", param="fine_tuning_job_id")
        return found

    def stored(self, row: sqlite3.Row) -> StoredJob:
        return StoredJob(
            job=ServiceJob.model_validate_json(row["object"]),
            directory=Path(row["directory"]) if row["directory"] else self.directory / str(row["id"]),
            recipe=row["recipe"],
            claimed=bool(row["claimed"]),
            process=row["process"],
            wish=row["wish"],
            reached=row["reached"],
            stuck=bool(row["stuck"]),
            base=row["base"],
            total_steps=row["total_steps"],
            model_deleted=bool(row["model_deleted"]),
            deleted=bool(row["deleted"]),
        )

    def insert(self, connection: sqlite3.Connection, job: ServiceJob, **columns: Any) -> None:
        values = {
            "id": job.id,
            "status": job.status,
            "object": job.model_dump_json(),
            "training_file": job.training_file,
            "validation_file": job.validation_file,
            **columns,
        }
        names = ", ".join(values)
        connection.execute(
            f"INSERT INTO jobs ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
        )
        connection.executemany(
            "INSERT INTO job_metadata VALUES (?, ?, ?)",
            [(job.id, key, value) for key, value in (job.metadata or {}).items()],
        )

    def write(self, connection: sqlite3.Connection, job: ServiceJob, **columns: Any) -> None:
        """The job as it is now, and columns beside it."""
        values = {"status": job.status, "object": job.model_dump_json(), **columns}
        assignments = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", (*values.values(), job.id))

    def move(
        self, connection: sqlite3.Connection, stored: StoredJob, status: Status, *, columns: Any = None, **changes: Any
    ) -> ServiceJob:
        """A move of the status; one to an end is told to whoever waits for it."""
        if status in FINISHED:
            changes = {"finished_at": int(self.clock()), "estimated_finish": None, **changes}
        job = cast(ServiceJob, stored.job.moved(status, **changes))
        self.write(connection, job, **(columns or {}))
        if status in FINISHED:
            outbox.announce(connection, job, self.clock())
        return job

    def say(self, connection: sqlite3.Connection, id: str, message: str, level: Level = "info") -> None:
        self.add_events(connection, id, [message_event(message, now=self.clock(), level=level)])

    def add_events(self, connection: sqlite3.Connection, id: str, events: Iterable[FineTuningJobEvent]) -> None:
        """Adds those that are not there yet."""
        connection.executemany(
            "INSERT OR IGNORE INTO events (id, job_id, object) VALUES (?, ?, ?)",
            [(event.id, id, event.model_dump_json()) for event in events],
        )

    def index_checkpoints(self, connection: sqlite3.Connection, stored: StoredJob) -> None:
        connection.executemany(
            "INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?)",
            [(checkpoint_id(stored.job, step), stored.id, step) for step in stored.checkpoint_steps()],
        )

    def clear(self, id: str, files: Files) -> None:
        """Takes away what a deleted job no longer needs; its model stays until that is deleted too."""
        with self.database.transaction() as connection:
            row = connection.execute("SELECT * FROM jobs WHERE id = ? AND deleted", (id,)).fetchone()
            if row is None or row["claimed"] or (row["status"] == "succeeded" and not row["model_deleted"]):
                return
            imported = row["directory"] is not None
        if not imported:
            remove_tree(self.directory / id)
            for beside in self.directory.glob(f"{id}.*"):
                beside.unlink(missing_ok=True)
        with self.database.transaction() as connection:
            files.results_removed(connection, id)
            note_removed(connection, "jobs", id, row["number"])
            connection.execute("DELETE FROM jobs WHERE id = ?", (id,))


def remove_tree(directory: Path) -> None:
    """Removes a directory; under its name nothing half removed is ever found."""
    doomed = directory.with_name(f".removed-{uuid.uuid4().hex}")
    try:
        directory.rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)
