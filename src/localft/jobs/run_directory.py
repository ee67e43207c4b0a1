"""The directory of one run: what it holds, who may use it, and whether it can be continued.

    plan.json       the resolved plan; repeats the run
    job.json        the `fine_tuning.job` object as it stands
    events.jsonl    what happened, in order
    results.csv     one row a step
    execution.json  how the steps were carried out
    checkpoint-N/   states to continue from (written by the training)
    model/          the result (written by the training), with its model card
    metrics.png     the curves
    trackers/       notes and logs of the trackers; tensorboard/ and wandb/ hold what those two write

A directory belongs to one run for good. A finished run is never written to again, and a run with another meaning, or
files that are no run's, are refused rather than mixed with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from localft.errors import CheckpointError, UsageError
from localft.jobs.events import EventLog, FineTuningJobEvent
from localft.jobs.files import remove_half_written, write_whole
from localft.jobs.job import FineTuningJob
from localft.jobs.results import start_results
from localft.plan import TrainingPlan

try:
    import fcntl
except ImportError:  # no such locks on this platform: two runs at once are then not noticed
    fcntl = None  # type: ignore[assignment]

SHOWN_NAMES = 5
_Model = TypeVar("_Model", TrainingPlan, FineTuningJob)


@dataclass(frozen=True)
class RunDirectory:
    """Paths and whole-file reads and writes of one run."""

    path: Path

    @property
    def plan_file(self) -> Path:
        return self.path / "plan.json"

    @property
    def job_file(self) -> Path:
        return self.path / "job.json"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def results_file(self) -> Path:
        return self.path / "results.csv"

    @property
    def execution_file(self) -> Path:
        return self.path / "execution.json"

    @property
    def metrics_image(self) -> Path:
        return self.path / "metrics.png"

    @property
    def model(self) -> Path:
        return self.path / "model"

    def read_plan(self) -> TrainingPlan:
        return _read(self.plan_file, TrainingPlan)

    def read_job(self) -> FineTuningJob:
        return _read(self.job_file, FineTuningJob)

    def remove_leftovers(self) -> None:
        """Removes half-written files of a run that was killed; for who holds the lock."""
        remove_half_written(self.path)

    def write_plan(self, plan: TrainingPlan) -> None:
        write_whole(self.plan_file, plan.to_json())

    def write_job(self, job: FineTuningJob) -> None:
        write_whole(self.job_file, job.model_dump_json(indent=2) + "\n")


@dataclass(frozen=True)
class EarlierRun:
    """A run found in a directory."""

    directory: RunDirectory
    plan: TrainingPlan
    job: FineTuningJob

    @property
    def can_continue(self) -> bool:
        """False for one that came to its end: a finished run stays as it is. A killed one still says "running"."""
        return self.job.status not in ("succeeded", "cancelled")


def find_run(path: Path) -> EarlierRun | None:
    """The run that `path` holds; None where it is missing, empty, or was left before the run had begun.

    Raises UsageError where it holds anything else.
    """
    if not path.exists():
        return None
    if not path.is_dir():
        raise UsageError(
            f"output_dir {path} should be a directory, found a file; give another output_dir.", param="output_dir"
        )
    run = RunDirectory(path)
    if run.job_file.exists() and run.plan_file.exists():
        return EarlierRun(run, run.read_plan(), run.read_job())
    foreign = sorted(entry.name for entry in path.iterdir() if not _is_leftover(entry, run))
    if foreign:
        named = ", ".join(foreign[:SHOWN_NAMES]) + (", ..." if len(foreign) > SHOWN_NAMES else "")
        raise UsageError(
            f"output_dir {path} should be new, empty or an earlier run of this job, found {named}; "
            "give another output_dir, or move these away.",
            param="output_dir",
        )
    return None


def create_run(path: Path, plan: TrainingPlan, job: FineTuningJob, events: list[FineTuningJobEvent]) -> RunDirectory:
    """Writes a new run into a locked directory; job.json comes last and marks the run as begun."""
    run = RunDirectory(path)
    try:
        run.remove_leftovers()
        run.write_plan(plan)
        start_results(run.results_file)
        run.events_file.unlink(missing_ok=True)
        log = EventLog(run.events_file)
        for event in events:
            log.append(event)
        log.close()
        run.write_job(job)
    except BaseException as error:
        for file in (run.job_file, run.events_file, run.results_file, run.plan_file):
            file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _cannot_write(path, error) from error
        raise
    return run


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Makes the directory where it is missing and keeps other runs out of it; takes it away again if nothing was put in.

    The lock is on the directory itself, so it leaves no file behind and ends with the process, however that ends.
    """
    made = _make(path)
    handle = None
    try:
        handle = _lock(path)
        yield
    finally:
        if handle is not None:
            os.close(handle)
        for directory in reversed(made):
            with suppress(OSError):  # not empty: the run is in it
                directory.rmdir()


def in_use(path: Path) -> bool:
    """Whether a run that is still going on holds the directory, as far as the file system knows locks."""
    try:
        handle = _lock(path)
    except FileNotFoundError:
        return False
    except UsageError:
        return True
    if handle is not None:
        os.close(handle)
    return False


def refuse_other_meaning(earlier: EarlierRun, plan: TrainingPlan) -> None:
    """Raises CheckpointError that names every difference between the run on disk and the one asked for.

    How a job is carried out (processes, micro-batches, precision, libraries) may differ freely.
    """
    if found := differences(earlier, plan):
        raise CheckpointError(
            f"output_dir {earlier.directory.path} holds a run of another job ({earlier.job.id}, {earlier.job.status}): "
            + "; ".join(found)
            + ". Give another output_dir for the new job, or ask for the old values again to continue the run.",
            param="output_dir",
        )


def differences(earlier: EarlierRun, plan: TrainingPlan) -> list[str]:
    """What is asked for otherwise than in the run on disk. The suffix counts: the model's name is given once."""
    found = plan.differences(earlier.plan)
    if plan.suffix != earlier.plan.suffix:
        found.append(f"suffix: {plan.suffix}, was {earlier.plan.suffix}")
    return found


def _read(path: Path, kind: type[_Model]) -> _Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(
            f"{path}: {where + ': ' if where else ''}{first['msg']}; the file was changed or written by another version "
            "of localft. Put it back as it was, or give another output_dir.",
            param="output_dir",
        ) from None


def _is_leftover(entry: Path, run: RunDirectory) -> bool:
    """Hidden files are nobody's business, and what stands before job.json belongs to a run that never began."""
    begun = (run.plan_file, run.events_file, run.results_file)
    return entry.name.startswith(".") or (entry in begun and _is_plan(run.plan_file))


def _is_plan(file: Path) -> bool:
    """Whether a file is a plan of ours, not something else of that name."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "localft_version" in content


def _make(path: Path) -> list[Path]:
    """Makes the directory and its parents; returns those made, outermost first."""
    missing = [directory for directory in (path, *path.parents) if not directory.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return missing[::-1]


def _lock(path: Path) -> int | None:
    """An open handle that holds the lock; None where the platform or the file system knows no locks."""
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(
            f"output_dir {path} is in use by a run that is still going on; wait for it, stop it, or give another output_dir.",
            param="output_dir",
            code="run_in_use",
        ) from None
    except OSError:  # some network file systems
        os.close(handle)
        return None
    return handle


def _cannot_write(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"output_dir {path} cannot be written: {error.strerror or error}; free the place or give another output_dir.",
        param="output_dir",
    )
