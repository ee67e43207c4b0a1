"""One job for one wish, however often it arrives.

A client that hears nothing asks again. With an `Idempotency-Key` the key tells that it is the same wish. The official client
sends none, only how often it has tried (`x-stainless-retry-count`): there the same body from the same credential within ten
minutes is the same wish, where one of the two is a repetition. The first try may arrive last.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

from localft.errors import Conflict

WINDOW_SECONDS = 10 * 60
"""How long a repetition without a key is known as one."""
KEY_SECONDS = 24 * 60 * 60
"""How long a key is known."""


@dataclass(frozen=True)
class Idempotency:
    """What tells one wish from another."""

    credential: str
    """Who asks; kept as part of a digest only."""
    body: bytes
    """The request as it arrived."""
    key: str | None = None
    """Of the header `Idempotency-Key`."""
    retry_count: int = 0
    """Of the header `x-stainless-retry-count`."""

    @property
    def body_digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def digest(self) -> str:
        """What a repetition has in common with the first try."""
        told = f"key\0{self.key}" if self.key is not None else f"body\0{self.body_digest}"
        return hashlib.sha256(f"{self.credential}\0{told}".encode(errors="backslashreplace")).hexdigest()


def earlier_job(connection: sqlite3.Connection, asked: Idempotency, now: float) -> str | None:
    """Id of the job that this wish made before; None where it is new. Part of the caller's transaction."""
    connection.execute("DELETE FROM idempotency WHERE created_at < ?", (now - KEY_SECONDS,))
    since = now - (WINDOW_SECONDS if asked.key is None else KEY_SECONDS)
    row = connection.execute(
        "SELECT idempotency.rowid AS rowid, idempotency.* FROM idempotency JOIN jobs ON jobs.id = job_id "
        "WHERE digest = ? AND created_at >= ? AND NOT deleted ORDER BY created_at DESC LIMIT 1",
        (asked.digest, since),
    ).fetchone()
    if row is None:
        return None
    if asked.key is not None:
        if row["body"] != asked.body_digest:
            raise Conflict(
                f"Idempotency-Key {asked.key!r} was used for another request before; give each request a key of its own.",
                code="idempotency_key_reused",
            )
        return str(row["job_id"])
    if asked.retry_count == 0:
        if row["first_seen"]:  # the same again on purpose
            return None
        connection.execute("UPDATE idempotency SET first_seen = 1 WHERE rowid = ?", (row["rowid"],))
    return str(row["job_id"])


def remember(connection: sqlite3.Connection, asked: Idempotency, job_id: str, now: float) -> None:
    """The wish has made a job; part of the transaction that makes it."""
    connection.execute(
        "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)",
        (asked.digest, asked.body_digest, asked.retry_count == 0, now, job_id),
    )
