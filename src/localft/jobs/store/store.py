"""The store as a whole: opened once a process, used from any of its threads."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from localft.jobs.store.database import Database, was_left_open
from localft.jobs.store.deployments import Deployments
from localft.jobs.store.files import Clock, Files
from localft.jobs.store.jobs import Jobs
from localft.jobs.store.migrations import migrate
from localft.jobs.store.models import Models
from localft.jobs.store.outbox import Outbox
from localft.jobs.store.queue import Queue
from localft.jobs.store.rows import JobRows
from localft.jobs.store.uploads import Uploads


@dataclass(frozen=True)
class Store:
    """Everything that outlives a run."""

    home: Path
    database: Database
    files: Files
    uploads: Uploads
    jobs: Jobs
    queue: Queue
    models: Models
    deployments: Deployments
    outbox: Outbox

    @classmethod
    def open(cls, home: Path, clock: Clock = time.time) -> Store:
        """Makes what is missing and brings an older store to the present form.

        The database is checked where its last user may have ended without closing it, which a kill does.
        """
        home = home.absolute()
        for directory in (home, home / "files", home / "uploads", home / "jobs"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = home / "localft.db"
        path.touch(mode=0o600)
        suspect = was_left_open(path)
        database = Database(path)
        if suspect:
            database.check()
        migrate(database)
        rows = JobRows(database, home, clock)
        files = Files(database, home, clock, rows.run_directory)
        models = Models(rows, files)
        return cls(
            home=home,
            database=database,
            files=files,
            uploads=Uploads(database, home, clock, files),
            jobs=Jobs(rows, files, models),
            queue=Queue(rows, files, models),
            models=models,
            deployments=Deployments(rows, models),
            outbox=Outbox(database),
        )

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
