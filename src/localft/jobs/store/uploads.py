"""Uploads: a file that is sent in parts, in any order, and put together at the end."""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from localft.errors import Conflict, NotFound, UsageError
from localft.jobs.store.database import Database
from localft.jobs.store.files import Clock, Files, checked_filename
from localft.jobs.store.objects import UploadObject, UploadPart
from localft.jobs.store.staging import StagedFile, remove_leftovers

LIFETIME_SECONDS = 2 * 60 * 60
"""An upload that is not complete by then is over; the service's two hours."""
_CHUNK = 1 << 20


class PartWriter:
    """A part on its way into the store; without `commit` nothing of it is left."""

    def __init__(self, uploads: Uploads, upload_id: str) -> None:
        self._uploads = uploads
        self._upload_id = upload_id
        self._staged = StagedFile(uploads.directory)

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> None:
        self._staged.write(data)

    def commit(self) -> UploadPart:
        """The part is on the disk, then in the database."""
        return self._uploads.add(self._staged, self._upload_id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._staged.__exit__(kind, error, trace)


class Uploads:
    """All uploads of the store."""

    def __init__(self, database: Database, home: Path, clock: Clock, files: Files) -> None:
        self.directory = home / "uploads"
        self._database = database
        self._clock = clock
        self._files = files

    def create(
        self, filename: str, purpose: str, bytes: int, mime_type: str, expires_after_seconds: int | None = None
    ) -> UploadObject:
        """`bytes` is what the parts will hold in all; `expires_after_seconds` is the file's, once it is complete."""
        id, now = f"upload_{uuid.uuid4().hex}", int(self._clock())
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', NULL)",
                (
                    id, checked_filename(filename), purpose, mime_type, bytes, now, now + LIFETIME_SECONDS,
                    expires_after_seconds,
                ),
            )  # fmt: skip
        return self.get(id)

    def get(self, id: str) -> UploadObject:
        return self._object(self._row(id))

    def part_writer(self, id: str) -> PartWriter:
        """Takes a part piece by piece; refused where the upload is no longer open."""
        self._require_pending(self._row(id))
        return PartWriter(self, id)

    def add(self, staged: StagedFile, upload_id: str) -> UploadPart:
        """Gives a staged part its place and its row."""
        part = UploadPart(id=f"part_{uuid.uuid4().hex}", created_at=int(self._clock()), upload_id=upload_id)
        staged.place(self.directory / part.id)
        with self._database.transaction() as connection:
            upload = self._row(upload_id)
            self._require_pending(upload)
            (before,) = connection.execute(
                "SELECT coalesce(sum(bytes), 0) FROM parts WHERE upload_id = ?", (upload_id,)
            ).fetchone()
            if before + staged.bytes > upload["bytes"]:
                raise UsageError(
                    f"{upload_id} was announced with {upload['bytes']} bytes; with this part it would have "
                    f"{before + staged.bytes}.",
                    param="data",
                )
            connection.execute(
                "INSERT INTO parts VALUES (?, ?, ?, ?)", (part.id, upload_id, staged.bytes, part.created_at)
            )
        staged.keep()
        return part

    def complete(self, id: str, part_ids: Sequence[str], md5: str | None = None) -> UploadObject:
        """Puts the parts together in the order given. Asked again, it answers what it answered first, also where both asked at
        once.
        """
        upload = self._row(id)
        if upload["status"] != "completed":
            try:
                self._put_together(upload, part_ids, md5)
            except (Conflict, UsageError, FileNotFoundError):  # another one may have been faster, and its parts be gone
                if self._row(id)["status"] != "completed":
                    raise
        return self.get(id)

    def _put_together(self, upload: sqlite3.Row, part_ids: Sequence[str], md5: str | None) -> None:
        id = upload["id"]
        self._require_pending(upload)
        self._check_parts(upload, part_ids)
        digest = hashlib.md5(usedforsecurity=False)
        with StagedFile(self._files.directory) as staged:
            for part in part_ids:
                with (self.directory / part).open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
                        staged.write(chunk)
            if md5 is not None and md5.lower() != digest.hexdigest():
                raise UsageError(
                    f"md5 is {md5}; the parts together have {digest.hexdigest()}. Send them again.", param="md5"
                )

            def close(connection: sqlite3.Connection, file_id: str) -> None:
                self._require_pending(self._row(id))
                connection.execute("UPDATE uploads SET status = 'completed', file_id = ? WHERE id = ?", (file_id, id))

            self._files.add(
                staged, upload["filename"], upload["purpose"], upload["file_expires_after"], alongside=close
            )
        self._remove_parts(id)

    def cancel(self, id: str) -> UploadObject:
        """No part can be added any more, and those there are go."""
        with self._database.transaction() as connection:
            self._require_pending(self._row(id))
            connection.execute("UPDATE uploads SET status = 'cancelled' WHERE id = ?", (id,))
        self._remove_parts(id)
        return self.get(id)

    def remove_expired(self) -> int:
        """Takes the parts of uploads that were never completed; says how many uploads."""
        with self._database.transaction() as connection:
            over = connection.execute(
                "UPDATE uploads SET status = 'expired' WHERE status = 'pending' AND expires_at <= ? RETURNING id",
                (self._clock(),),
            ).fetchall()
        for (id,) in over:
            self._remove_parts(id)
        return len(over)

    def remove_leftovers(self) -> int:
        """Removes parts without a row, left by processes that were killed."""
        return remove_leftovers(self.directory, self._is_known)

    def _is_known(self, id: str) -> bool:
        known = self._database.connection().execute("SELECT 1 FROM parts WHERE id = ?", (id,)).fetchone()
        return known is not None

    def _remove_parts(self, id: str) -> None:
        with self._database.transaction() as connection:
            parts = connection.execute("DELETE FROM parts WHERE upload_id = ? RETURNING id", (id,)).fetchall()
        for (part,) in parts:
            (self.directory / part).unlink(missing_ok=True)

    def _check_parts(self, upload: sqlite3.Row, part_ids: Sequence[str]) -> None:
        found = self._database.connection().execute("SELECT id, bytes FROM parts WHERE upload_id = ?", (upload["id"],))
        sizes = {row["id"]: row["bytes"] for row in found}
        unknown = [part for part in part_ids if part not in sizes]
        if unknown or len(set(part_ids)) < len(part_ids):
            what = f"{unknown[0]!r}, which is no part of {upload['id']}" if unknown else "a part twice"
            raise UsageError(f"part_ids holds {what}; give the id of each part once.", param="part_ids")
        total = sum(sizes[part] for part in part_ids)
        if total != upload["bytes"]:
            raise UsageError(
                f"the parts have {total} bytes together; the upload was announced with {upload['bytes']}.",
                param="part_ids",
            )

    def _row(self, id: str) -> sqlite3.Row:
        row = self._database.connection().execute("SELECT * FROM uploads WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise NotFound(f"No upload {id} is in the store.", param="upload_id")
        assert isinstance(row, sqlite3.Row)
        return row

    def _require_pending(self, row: sqlite3.Row) -> None:
        if self._status(row) != "pending":
            raise Conflict(
                f"{row['id']} is {self._status(row)}; expected an upload that is pending.", param="upload_id"
            )

    def _status(self, row: sqlite3.Row) -> str:
        return "expired" if row["status"] == "pending" and row["expires_at"] <= self._clock() else str(row["status"])

    def _object(self, row: sqlite3.Row) -> UploadObject:
        values = {name: row[name] for name in ("id", "bytes", "created_at", "filename", "purpose", "expires_at")}
        file = None
        if row["file_id"] is not None:
            try:
                file = self._files.get(row["file_id"])
            except NotFound:  # deleted since
                file = None
        return UploadObject.model_validate({**values, "status": self._status(row), "file": file})
