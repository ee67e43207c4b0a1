"""Files: uploaded ones by generated id, and the results files of jobs, which lie in their run directories."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from localft.errors import Conflict, NotFound, UsageError
from localft.jobs.store.database import Database
from localft.jobs.store.objects import FileObject
from localft.jobs.store.paging import Order, Page, note_removed, rows_behind
from localft.jobs.store.staging import StagedFile, remove_leftovers

RESULTS = "fine-tune-results"
"""Purpose of a results file."""
NEEDED_BY = ("validating_files", "queued", "running", "paused")
"""Statuses of jobs that still need their files."""
MAX_FILENAME = 1024

Clock = Callable[[], float]


class FileWriter:
    """A file on its way into the store; without `commit` nothing of it is left."""

    def __init__(self, files: Files, filename: str, purpose: str, expires_after_seconds: int | None) -> None:
        self._files = files
        self._named = (filename, purpose, expires_after_seconds)
        self._staged = StagedFile(files.directory)

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> None:
        self._staged.write(data)

    def commit(self) -> FileObject:
        """The file is on the disk, then in the database."""
        return self._files.add(self._staged, *self._named)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._staged.__exit__(kind, error, trace)


class Files:
    """All files of the store."""

    def __init__(self, database: Database, home: Path, clock: Clock, run_directory: Callable[[str], Path]) -> None:
        """`run_directory` tells a job's run directory by its id."""
        self.directory = home / "files"
        self._database = database
        self._clock = clock
        self._run_directory = run_directory

    def writer(self, filename: str, purpose: str, expires_after_seconds: int | None = None) -> FileWriter:
        """Takes a file piece by piece."""
        return FileWriter(self, checked_filename(filename), purpose, expires_after_seconds)

    def add(
        self,
        staged: StagedFile,
        filename: str,
        purpose: str,
        expires_after_seconds: int | None,
        *,
        id: str | None = None,
        alongside: Callable[[sqlite3.Connection, str], None] | None = None,
    ) -> FileObject:
        """Gives a staged file its place and its row; `alongside` is part of the row's transaction and gets the new id."""
        id = id or f"file-{uuid.uuid4().hex}"
        now = int(self._clock())
        expires_at = None if expires_after_seconds is None else now + expires_after_seconds
        staged.place(self.directory / id)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO files (id, filename, purpose, bytes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (id, filename, purpose, staged.bytes, now, expires_at),
            )
            if alongside is not None:
                alongside(connection, id)
        staged.keep()
        return self.get(id)

    def has(self, id: str) -> bool:
        """Whether there is a row of this id, be its time over or not."""
        known = self._database.connection().execute("SELECT 1 FROM files WHERE id = ?", (id,)).fetchone()
        return known is not None

    def get(self, id: str) -> FileObject:
        return self._object(self._row(id))

    def page(
        self, purpose: str | None = None, limit: int = 10_000, after: str | None = None, order: Order = "desc"
    ) -> Page[FileObject]:
        """Newest first unless asked otherwise."""
        conditions, values = ["(expires_at IS NULL OR expires_at > ?)"], [self._clock()]
        if purpose is not None:
            conditions.append("purpose = ?")
            values.append(purpose)  # type: ignore[arg-type]
        page = rows_behind(
            self._database.connection(), "files", conditions, values, after=after, limit=limit, order=order
        )
        return Page(tuple(map(self._object, page.items)), page.has_more)

    def path(self, id: str) -> Path:
        """Where the content lies; NotFound for an id that is not in the store."""
        return self._content(self._row(id))

    def open(self, id: str) -> BinaryIO:
        path = self.path(id)
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise NotFound(f"{id}: its content is gone; expected it in {path}.", param="file_id") from None

    def delete(self, id: str) -> None:
        """Refused while a job needs it. The results of a job that has ended stay in its run directory."""
        with self._database.transaction() as connection:
            row = self._row(id)
            self._refuse_needed(connection, row)
            self._forget(connection, row)
        if row["job_id"] is None:
            (self.directory / id).unlink(missing_ok=True)

    def remove_expired(self) -> int:
        """Removes the files whose time is over and which no job needs; says how many."""
        connection, removed = self._database.connection(), 0
        rows = connection.execute("SELECT id FROM files WHERE expires_at <= ?", (self._clock(),)).fetchall()
        for (id,) in rows:
            with self._database.transaction() as connection:
                row = connection.execute("SELECT * FROM files WHERE id = ?", (id,)).fetchone()
                if row is None or self._needing(connection, id) is not None:
                    continue
                self._forget(connection, row)
            (self.directory / id).unlink(missing_ok=True)
            removed += 1
        return removed

    def remove_leftovers(self) -> int:
        """Removes contents without a row, left by processes that were killed."""
        return remove_leftovers(self.directory, self.has)

    def results_created(self, connection: sqlite3.Connection, job_id: str, file_id: str) -> None:
        """From now on the results of a job are a file; part of the caller's transaction."""
        connection.execute(
            "INSERT OR IGNORE INTO files (id, filename, purpose, bytes, created_at, job_id) VALUES (?, ?, ?, 0, ?, ?)",
            (file_id, "results.csv", RESULTS, int(self._clock()), job_id),
        )

    def results_removed(self, connection: sqlite3.Connection, job_id: str) -> None:
        """The job goes, and its results with it; part of the caller's transaction."""
        for row in connection.execute("SELECT * FROM files WHERE job_id = ?", (job_id,)).fetchall():
            self._forget(connection, row)

    def _row(self, id: str) -> sqlite3.Row:
        row = self._database.connection().execute("SELECT * FROM files WHERE id = ?", (id,)).fetchone()
        if row is None or self._is_over(row):
            raise NotFound(f"No file {id} is in the store.", param="file_id")
        assert isinstance(row, sqlite3.Row)
        return row

    def _is_over(self, row: sqlite3.Row) -> bool:
        expired = row["expires_at"] is not None and row["expires_at"] <= self._clock()
        return expired and self._needing(self._database.connection(), row["id"]) is None

    def _content(self, row: sqlite3.Row) -> Path:
        if row["job_id"] is None:
            return self.directory / str(row["id"])
        return self._run_directory(row["job_id"]) / "results.csv"

    def _object(self, row: sqlite3.Row) -> FileObject:
        values = {name: row[name] for name in ("id", "bytes", "created_at", "filename", "purpose", "expires_at")}
        if row["job_id"] is not None:
            path = self._content(row)
            values["bytes"] = path.stat().st_size if path.exists() else 0
        return FileObject(**values)

    def _refuse_needed(self, connection: sqlite3.Connection, row: sqlite3.Row) -> None:
        needing = self._needing(connection, row["id"])
        if needing is None and row["job_id"] is not None:
            needing = connection.execute(
                "SELECT id, status FROM jobs WHERE id = ? AND (claimed OR status = 'running')", (row["job_id"],)
            ).fetchone()
        if needing is not None:
            raise Conflict(
                f"{row['id']} is in use by {needing['id']}, which is {needing['status']}; wait for the job to end, or cancel "
                "it.",
                code="file_in_use",
                param="file_id",
            )

    def _needing(self, connection: sqlite3.Connection, id: str) -> sqlite3.Row | None:
        """A job that still needs the file."""
        found = connection.execute(
            f"SELECT id, status FROM jobs WHERE status IN ({', '.join('?' * len(NEEDED_BY))}) "
            "AND (training_file = ? OR validation_file = ?)",
            (*NEEDED_BY, id, id),
        ).fetchone()
        assert found is None or isinstance(found, sqlite3.Row)
        return found

    def _forget(self, connection: sqlite3.Connection, row: sqlite3.Row) -> None:
        note_removed(connection, "files", row["id"], row["number"])
        connection.execute("DELETE FROM files WHERE id = ?", (row["id"],))


def checked_filename(filename: str) -> str:
    """The client's name for a file, which is shown to people and used for nothing else."""
    try:
        length = len(filename.encode())
    except UnicodeEncodeError:
        raise UsageError(
            "filename holds half of a character (a lone surrogate); expected text.", param="file"
        ) from None
    if not 0 < length <= MAX_FILENAME:
        raise UsageError(f"filename has {length} bytes; expected 1 to {MAX_FILENAME}.", param="file")
    return filename
