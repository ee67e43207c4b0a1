"""Runs of `localft train`, recorded as jobs. The run stays where it is, and stays its owner's."""

from __future__ import annotations

from pathlib import Path

from localft.errors import Conflict, DataError, UsageError
from localft.jobs.events import read_events
from localft.jobs.job import ServiceJob
from localft.jobs.run_directory import EarlierRun, find_run, in_use
from localft.jobs.store.files import Files
from localft.jobs.store.rows import JobRows, StoredJob
from localft.jobs.store.staging import StagedFile
from localft.plan import DataFile
from localft.plan.data_file import describe_file

_CHUNK = 1 << 20


def import_run(rows: JobRows, files: Files, path: Path) -> StoredJob:
    """Records the run that `path` holds as a job, with its id, events, results and checkpoints.

    Its data files are copied into the store where they are still what was trained on. A run that was killed counts as paused.
    """
    path = path.absolute()
    run = _ended_run(path)
    found = rows.find(run.job.id)
    if found is not None:
        raise Conflict(f"{run.job.id} of {path} is in the store already.", code="already_imported")
    for file, id in (
        (run.plan.training_file, run.job.training_file),
        (run.plan.validation_file, run.job.validation_file),
    ):
        if file is not None and id is not None:
            _copy(files, file, id)
    job = ServiceJob.model_validate(run.job.model_dump())
    if job.status in ("queued", "running"):
        job = job.model_copy(update={"status": "paused", "estimated_finish": None})
    with rows.database.transaction() as connection:
        rows.insert(
            connection,
            job,
            directory=str(path),
            base=run.plan.model.base,
            total_steps=run.plan.total_steps,
        )
        rows.add_events(connection, job.id, read_events(run.directory.events_file))
        if job.result_files:
            files.results_created(connection, job.id, job.results_file)
        stored = rows.get(job.id)
        rows.index_checkpoints(connection, stored)
    return stored


def _ended_run(path: Path) -> EarlierRun:
    run = find_run(path) if (path / "job.json").is_file() and (path / "plan.json").is_file() else None
    if run is None:
        raise UsageError(f"{path}: expected the directory of a run, found none; give one that has a job.json.")
    if in_use(path):
        raise Conflict(f"{path} is still being trained; import it when it has ended, or stop it first.")
    return run


def _copy(files: Files, file: DataFile, id: str) -> None:
    source = Path(file.path)
    try:
        if files.has(id) or describe_file(file.path, "training_file").sha256 != file.sha256:
            return
    except DataError:  # no longer there
        return
    with StagedFile(files.directory) as staged, source.open("rb") as content:
        while chunk := content.read(_CHUNK):
            staged.write(chunk)
        files.add(staged, source.name, "fine-tune", None, id=id)
