"""The tables, as small steps from an empty database to the present one. A step that was published is never changed."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable

from localft.errors import StoreError
from localft.jobs.store.database import Database

Migration = Callable[[sqlite3.Connection], None]


def m001_files(connection: sqlite3.Connection) -> None:
    """`number` is the order of creation, which lists and cursors follow."""
    connection.execute(
        """CREATE TABLE files (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            filename TEXT NOT NULL,     -- the client's word; never a path
            purpose TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,         -- NULL: never
            job_id TEXT                 -- of a results file, which lies in the job's run directory
        )"""
    )
    connection.execute(
        """CREATE TABLE removed (       -- where a list goes on behind something that is no longer there
            id TEXT PRIMARY KEY,
            number INTEGER NOT NULL
        )"""
    )


def m002_uploads(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE uploads (
            id TEXT PRIMARY KEY,
            filename TEXT NOT NULL,
            purpose TEXT NOT NULL,
            mime_type TEXT NOT NULL,
            bytes INTEGER NOT NULL,     -- as announced; complete() wants as many
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            file_expires_after INTEGER, -- seconds; NULL: the file never expires
            status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'cancelled', 'expired')),
            file_id TEXT                -- once completed
        )"""
    )
    connection.execute(
        """CREATE TABLE parts (
            id TEXT PRIMARY KEY,
            upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
            bytes INTEGER NOT NULL,
            created_at INTEGER NOT NULL
        )"""
    )
    connection.execute("CREATE INDEX parts_of_upload ON parts (upload_id)")


def m003_jobs(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            status TEXT NOT NULL,
            object TEXT NOT NULL,       -- the fine_tuning.job object; its status is that of the column
            recipe TEXT,                -- NULL: an imported run, which its plan.json continues
            directory TEXT,             -- of an imported run; NULL: jobs/<id>
            training_file TEXT NOT NULL,
            validation_file TEXT,
            parent_id TEXT,             -- the job whose model is trained further
            claimed INTEGER NOT NULL DEFAULT 0,     -- a worker has it, and a process of it may be alive
            process TEXT,               -- which process; NULL: none was let go yet
            wish TEXT CHECK (wish IN ('pause', 'cancel')),
            reached INTEGER NOT NULL DEFAULT 0,     -- the furthest step of all starts
            events_offset INTEGER NOT NULL DEFAULT 0,   -- bytes of events.jsonl that are taken over
            base TEXT,                  -- base model's name, once the run has begun
            total_steps INTEGER,        -- once the run has begun
            model_deleted INTEGER NOT NULL DEFAULT 0,
            deleted INTEGER NOT NULL DEFAULT 0      -- hidden; goes once nothing of it is needed
        )"""
    )
    connection.execute("CREATE INDEX jobs_by_status ON jobs (status)")
    connection.execute(
        """CREATE TABLE job_metadata (
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (job_id, key)
        )"""
    )
    connection.execute("CREATE INDEX jobs_by_metadata ON job_metadata (key, value)")
    connection.execute(
        """CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            object TEXT NOT NULL
        )"""
    )
    connection.execute("CREATE INDEX events_of_job ON events (job_id, number)")
    connection.execute(
        """CREATE TABLE checkpoints (   -- finds a checkpoint by its id; whether it is there the run directory says
            id TEXT PRIMARY KEY,
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            step INTEGER NOT NULL
        )"""
    )


def m004_idempotency(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE idempotency (
            digest TEXT NOT NULL,       -- of credential and key, or of credential and body
            body TEXT NOT NULL,         -- digest of the body
            first_seen INTEGER NOT NULL,    -- whether the first try was met, not a repetition alone
            created_at REAL NOT NULL,
            job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE
        )"""
    )
    connection.execute("CREATE INDEX idempotency_by_digest ON idempotency (digest, created_at)")


def m005_deployments(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE deployments (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            model TEXT NOT NULL,        -- as asked: base model, fine-tuned model, or name or id of a checkpoint
            job_id TEXT,                -- whose model that is; NULL: a base model
            format TEXT NOT NULL,
            version TEXT NOT NULL,
            sku TEXT NOT NULL,
            capacity INTEGER NOT NULL,
            created_at INTEGER NOT NULL
        )"""
    )


def m006_webhooks(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE webhooks (      -- what has to be told and was not yet
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            type TEXT NOT NULL,
            job_id TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            next_attempt_at REAL NOT NULL
        )"""
    )


def m007_stuck_jobs(connection: sqlite3.Connection) -> None:
    """Whether a start has fallen over without getting further than those before it."""
    connection.execute("ALTER TABLE jobs ADD COLUMN stuck INTEGER NOT NULL DEFAULT 0")


def m008_kinds_of_removed(connection: sqlite3.Connection) -> None:
    """Which list something was removed from, by what its id begins with; of others the kind is not known any more."""
    connection.execute("ALTER TABLE removed ADD COLUMN kind TEXT NOT NULL DEFAULT ''")
    connection.execute("UPDATE removed SET kind = 'jobs' WHERE id GLOB 'ftjob-*'")
    connection.execute("UPDATE removed SET kind = 'files' WHERE id GLOB 'file-*'")
    connection.execute("UPDATE removed SET kind = 'deployments' WHERE kind = ''")


MIGRATIONS: tuple[Migration, ...] = (
    m001_files,
    m002_uploads,
    m003_jobs,
    m004_idempotency,
    m005_deployments,
    m006_webhooks,
    m007_stuck_jobs,
    m008_kinds_of_removed,
)


def number_of(migration: Migration) -> int:
    match = re.match(r"m(\d{3})_", migration.__name__)
    assert match is not None, "a migration is called mNNN_what_it_does"
    return int(match[1])


def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Brings the database to its present form; each step and its record are one transaction."""
    known = {number_of(migration) for migration in migrations}
    connection = database.connection()
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "migrations" in tables and known == _applied(connection):
        return
    with database.transaction() as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT NULL)"
        )
        if newer := _applied(connection) - known:
            raise StoreError(
                f"{database.path}: expected a database of this localft (migration {max(known)}), found one of a newer one "
                f"(migration {max(newer)}); update localft, or give another LOCALFT_HOME."
            )
    for migration in migrations:
        with database.transaction() as connection:
            if number_of(migration) in _applied(connection):
                continue
            migration(connection)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?, ?)", (number_of(migration), migration.__name__, time.time())
            )


def _applied(connection: sqlite3.Connection) -> set[int]:
    return {row[0] for row in connection.execute("SELECT number FROM migrations")}
