"""Webhooks that are still to be sent: written in the transaction that ends the job, so that none is lost."""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import dataclass

from localft.jobs.job import ServiceJob
from localft.jobs.store.database import Database


@dataclass(frozen=True)
class Webhook:
    """One event that somebody waits for."""

    id: str
    """`evt_<32 hex>`; the same in every attempt, so that whoever receives it twice can tell."""
    type: str
    """`fine_tuning.job.succeeded`, `.failed` or `.cancelled`."""
    job_id: str
    created_at: int
    attempts: int
    """That did not arrive."""


def announce(connection: sqlite3.Connection, job: ServiceJob, now: float) -> None:
    """The job has come to an end; part of the transaction that says so."""
    connection.execute(
        "INSERT INTO webhooks (id, type, job_id, created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?)",
        (f"evt_{uuid.uuid4().hex}", f"fine_tuning.job.{job.status}", job.id, int(now), now),
    )


class Outbox:
    """What has to be sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: float, limit: int = 20) -> list[Webhook]:
        """Oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM webhooks WHERE next_attempt_at <= ? ORDER BY number LIMIT ?", (now, limit)
        )
        return [Webhook(row["id"], row["type"], row["job_id"], row["created_at"], row["attempts"]) for row in rows]

    def remove(self, id: str) -> None:
        """It has arrived, or never will."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM webhooks WHERE id = ?", (id,))

    def postpone(self, id: str, until: float) -> None:
        """It did not arrive."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE webhooks SET attempts = attempts + 1, next_attempt_at = ? WHERE id = ?", (until, id)
            )

    def clear(self) -> None:
        """Nobody wants to be told."""
        if self._database.connection().execute("SELECT 1 FROM webhooks").fetchone() is not None:
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM webhooks")
