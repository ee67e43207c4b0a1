"""One SQLite database, used by many threads and several processes at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localft.errors import StoreError

BUSY_SECONDS = 30.0
"""How long a writer waits for the others."""


class Database:
    """A connection for each thread. WAL lets readers go on beside a writer; FULL keeps what was committed over a power cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._all: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        """Threads of one process take turns here: SQLite's own waiting is naps that grow, and the unlucky sleep longest."""

    def connection(self) -> sqlite3.Connection:
        """This thread's connection; outside of `transaction` each statement stands for itself."""
        existing: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if existing is not None:
            return existing
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        self._local.connection = connection
        with self._lock:
            self._close_those_of_ended_threads()
            self._all[threading.current_thread()] = connection
        return connection

    def _close_those_of_ended_threads(self) -> None:
        """A pool ends idle threads and starts new ones; their connections would pile up."""
        for thread in [thread for thread in self._all if not thread.is_alive()]:
            self._all.pop(thread).close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and no other writer in between. Inside of a transaction of the same thread it is part of that one."""
        connection = self.connection()
        if connection.in_transaction:
            yield connection
            return
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def check(self) -> None:
        """Raises StoreError where the file is damaged."""
        try:
            found = [str(row[0]) for row in self.connection().execute("PRAGMA quick_check(3)")]
        except sqlite3.DatabaseError as error:
            found = [str(error)]
        if found != ["ok"]:
            raise StoreError(
                f"{self.path}: expected a whole database, found it damaged: {'; '.join(found)}. Put a copy in its place, or "
                "move it away to begin anew; the runs in jobs/ can be recorded again by `localft jobs import`."
            )

    def close(self) -> None:
        """Closes the connections of all threads."""
        with self._lock:
            for connection in self._all.values():
                connection.close()
            self._all.clear()
        self._local = threading.local()


def was_left_open(path: Path) -> bool:
    """Whether somebody uses the database now, or ended without closing it: the last one to close it takes its log away."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False
