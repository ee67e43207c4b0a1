"""The worker's loop."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress

from localft.data.strict_json import shown
from localft.errors import LocalftError, NotFound
from localft.jobs.job import JobError
from localft.jobs.store import Store
from localft.worker import processes
from localft.worker.child import Child, adopt, start
from localft.worker.verdict import Verdict, judge

LOOK_EVERY_SECONDS = 0.25
TIDY_EVERY_SECONDS = 600.0
PAUSE_BEHIND_AN_ERROR_SECONDS = 1.0
RUNNING_JOBS = 1
"""How many jobs train at once: each of them uses all GPUs."""
Say = Callable[[str], None]


class Worker:
    """Trains the jobs of a store, a few at a time. There is one for a store, see lock.py."""

    def __init__(self, store: Store, *, running_jobs: int = RUNNING_JOBS, say: Say) -> None:
        self._store = store
        self._queue = store.queue
        self._directory = store.home / "jobs"
        self._running_jobs = running_jobs
        self._say = say
        self._children: dict[str, Child] = {}
        self._tidied_at = time.monotonic()

    def run(self, *, stopped: Callable[[], bool], abandoned: Callable[[], bool] = lambda: False) -> None:
        """Works until `stopped`, and then until all trainings have saved and are back in the queue.

        Once `abandoned` it returns at once and leaves its trainings to the next worker.
        """
        self.adopt_orphans()
        self._tidy()
        while not abandoned() and not (stopped() and not self._children):
            try:
                self.look(stopping=stopped())
            except (sqlite3.OperationalError, OSError) as error:
                # a full disk, or a lock that is held too long: both end some day
                self._say(f"the store cannot be written just now: {error}")
                time.sleep(PAUSE_BEHIND_AN_ERROR_SECONDS)
                with suppress(sqlite3.OperationalError, OSError):
                    self.adopt_orphans()  # a job that was claimed, and could not be started
            time.sleep(LOOK_EVERY_SECONDS)

    def adopt_orphans(self) -> None:
        """Takes what an earlier worker left: living processes are watched on, dead ones settled."""
        for stored in self._queue.claimed():
            if stored.id in self._children:
                continue
            if stored.process is None:  # its process was never let go
                processes.kill_all_of_job(stored.job.hex)
                self._queue.settle(stored.id, "queued")
                continue
            child = adopt(stored, self._directory)
            self._children[stored.id] = child
            if not child.ended():
                self._say(f"{stored.id} is still being trained by process {processes.pid_of(child.process)}")

    def look(self, *, stopping: bool) -> None:
        """One round: what the running jobs say, what is wished of them, and which job is next."""
        for child in list(self._children.values()):
            self._watch(child, stopping=stopping)
        if not stopping:
            self._start_waiting()
        if time.monotonic() - self._tidied_at >= TIDY_EVERY_SECONDS:
            self._tidy()

    def _tidy(self) -> None:
        self._queue.tidy()
        self._store.uploads.remove_expired()
        self._store.uploads.remove_leftovers()
        self._tidied_at = time.monotonic()

    def _start_waiting(self) -> None:
        while (stored := self._queue.claim(self._running_jobs)) is not None:
            self._say(f"{stored.id} starts")
            self._children[stored.id] = start(stored, self._queue, self._directory)

    def _watch(self, child: Child, *, stopping: bool) -> None:
        ended = child.ended()  # before the last look at its files, not behind it
        try:
            stored = self._queue.take_over(child.id)
            end = child.end(stored) if ended else None
            verdict = judge(stored, end) if end else None
            reached = end.reached if end else 0
        except (LocalftError, ValueError, OSError) as error:  # somebody has changed the run directory
            stored = self._queue.find(child.id)
            message = f"the run directory cannot be read: {error}"
            verdict = Verdict("failed", JobError(code="invalid_run", message=message)) if ended else None
            reached = 0
        if verdict is not None:
            self._settle(child, verdict, reached)
        elif stopping or stored.wish is not None:
            child.stop(cancel=stored.wish == "cancel")

    def _settle(self, child: Child, verdict: Verdict, reached: int) -> None:
        error = self._with_file_names(child.id, self._without_paths(verdict.error)) if verdict.error else None
        settled = self._queue.settle(
            child.id, verdict.ending, error, verdict.note, reached=reached, is_stuck=verdict.is_stuck
        )
        del self._children[child.id]
        why = f": {error.message}" if error else ""
        self._say(f"{child.id} {settled.job.status if settled else 'is deleted'}{why}")

    def _without_paths(self, error: JobError) -> JobError:
        """Files by their ids: where they lie is nobody's business but the machine's."""
        message = error.message
        for directory in (self._store.files.directory, self._directory):
            message = message.replace(f"{directory}/", "")
        return error.model_copy(update={"message": message})

    def _with_file_names(self, id: str, error: JobError) -> JobError:
        """Beside the ids of the job's files the names that they were uploaded under."""
        job, message = self._queue.find(id).job, error.message
        for file in filter(None, {job.training_file, job.validation_file}):
            with suppress(NotFound):  # it was deleted in the meantime
                message = message.replace(file, f"{file} ({shown(self._store.files.get(file).filename)})")
        return error.model_copy(update={"message": message})
