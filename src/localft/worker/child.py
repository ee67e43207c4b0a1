"""The process of one job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from localft import settings
from localft.jobs.files import write_whole
from localft.jobs.last_words import read_last_words
from localft.jobs.results import read_results
from localft.jobs.run_directory import RunDirectory
from localft.jobs.store.queue import Queue
from localft.jobs.store.rows import StoredJob
from localft.worker import processes
from localft.worker.gate import GO
from localft.worker.verdict import End

CANCEL_AT_ONCE_SECONDS = 2.0
"""A cancelled training that has not saved and ended by then is told to end without saving."""
CANCEL_BY_FORCE_SECONDS = 15.0
"""A cancelled training that has not ended by then is killed."""


@dataclass(frozen=True)
class Beside:
    """The files beside a run directory."""

    directory: Path
    id: str

    @property
    def recipe(self) -> Path:
        return self.directory / f"{self.id}.recipe.yaml"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.id}.log"

    @property
    def last_words(self) -> Path:
        return self.directory / f"{self.id}.last-words.json"


@dataclass
class Child:
    """A job's process: started by this worker, or adopted from an earlier one, which leaves its exit code unknown."""

    id: str
    process: str
    beside: Beside
    popen: subprocess.Popen[bytes] | None = None
    asked_at: float | None = None
    signals: int = field(default=0)

    def ended(self) -> bool:
        if self.popen is not None:
            return self.popen.poll() is not None
        return not processes.lives(self.process)

    def stop(self, *, cancel: bool) -> None:
        """Called again and again: has it save and end; a cancelled one with growing force."""
        now = time.monotonic()
        if self.asked_at is None:
            self.asked_at = now
        waited = now - self.asked_at
        if cancel and waited >= CANCEL_BY_FORCE_SECONDS:
            processes.send(self.process, signal.SIGKILL)
            processes.kill_all_of_job(self.id.removeprefix("ftjob-"))
        elif self.signals == 0 or (cancel and self.signals == 1 and waited >= CANCEL_AT_ONCE_SECONDS):
            self.signals += 1
            processes.send(self.process, signal.SIGTERM)

    def end(self, stored: StoredJob) -> End:
        """How it ended. What its own launcher has left running is ended too: nobody would learn how that ends."""
        processes.kill_all_of_job(stored.job.hex)
        run = RunDirectory(stored.directory)
        begun = run.job_file.is_file()
        return End(
            code=None if self.popen is None else self.popen.returncode,
            words=read_last_words(self.beside.last_words),
            run=run.read_job() if begun else None,
            started_at=self.beside.recipe.stat().st_mtime if self.beside.recipe.exists() else 0.0,
            asked=self.asked_at is not None,
            reached=max((row.step for row in read_results(run.results_file)), default=0) if begun else 0,
            log=self.beside.log,
        )


def start(stored: StoredJob, queue: Queue, directory: Path) -> Child:
    """A process that trains the job, known to the store before it does anything.

    It has a session of its own, so that nothing that ends the worker ends it.
    """
    assert stored.recipe is not None, "an imported run is not queued"
    beside = Beside(directory, stored.id)
    beside.last_words.unlink(missing_ok=True)
    write_whole(beside.recipe, stored.recipe)
    told = {
        settings.JOB_ID: stored.job.hex,
        settings.JOB_MODEL: stored.job.model,
        settings.LAST_WORDS: str(beside.last_words),
    }
    command = ["-m", "localft.worker.gate", "train", str(beside.recipe), "--resume", "auto"]
    with beside.log.open("ab") as log:
        popen = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **told},
            start_new_session=True,
        )
    assert popen.stdin is not None
    process = processes.identity(popen.pid) or f"{popen.pid} ended"
    queue.started(stored.id, process)
    try:
        popen.stdin.write(GO.encode())
        popen.stdin.close()
    except BrokenPipeError:  # it has ended already, which is seen in a moment
        pass
    return Child(stored.id, process, beside, popen)


def adopt(stored: StoredJob, directory: Path) -> Child:
    """The process that an earlier worker has started, dead or alive."""
    assert stored.process is not None, "a job without a process has nothing to adopt"
    return Child(stored.id, stored.process, Beside(directory, stored.id))
