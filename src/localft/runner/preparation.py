"""From a request to a run directory that is begun, or found to be continued, with every row tokenised.

Nothing is written to the run directory before data, model and plan are known to be good, so bad input leaves no trace.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from localft import catalog, settings
from localft.data.reading import require_valid
from localft.data.report import summed_warnings
from localft.data.validation import ValidationReport, validate_files
from localft.errors import CheckpointError, DataError, LocalftError, ModelError, UsageError
from localft.jobs.job import new_job
from localft.jobs.recorder import opening_events
from localft.jobs.run_directory import EarlierRun, create_run, differences, find_run, locked, refuse_other_meaning
from localft.plan import DataFile, TrainingPlan, TrainingRequest, make_plan
from localft.progress import Notice, ProgressEvent, Report, StageStarted, TrainingOutcome
from localft.runner.tokenizer import as_trained
from localft.tokenization.tokenizer import ChatTokenizer

if TYPE_CHECKING:
    from localft.tokenization.survey import TokenStatistics
    from localft.training.token_store import TokenStore

Resume = Literal["auto", "never"]


class Rows(NamedTuple):
    """The tokenised examples of a job."""

    training: TokenStore
    validation: TokenStore | None


@dataclass(frozen=True)
class Prepared:
    """What the first process found out, and tells the others."""

    plan: TrainingPlan
    run_directory: Path
    resume_from: Path | None
    """Checkpoint to go on from; None trains from the first step."""
    finished: TrainingOutcome | None = None
    """Set where the run had succeeded before, so that there is nothing left to train."""
    notices: tuple[Notice, ...] = ()
    """What was remarked on in a run that is continued, for its record."""

    @property
    def resume_step(self) -> int:
        """Steps that need not be done again."""
        return int(self.resume_from.name.rpartition("-")[2]) if self.resume_from else 0


def check_request(request: TrainingRequest | TrainingPlan) -> TrainingPlan:
    """Validates the data and makes the plan, tokens not counted. Raises LocalftError; writes nothing."""
    require_valid_data(request)
    return _resolve(request)


def plan_to_train(request: TrainingRequest, report: Report, *, continuing: TrainingPlan | None = None) -> TrainingPlan:
    """The plan as a training of one process is going to have it: model fetched, tokens counted. The data is taken as valid.

    `continuing` gives the seed, where that is left open, and the date. Nothing is written to the run directory.
    """
    _fetch_unlisted_model(request, report)
    plan = _with_local_model(make_plan(request, processes=1), report)
    return _with_counts(plan if continuing is None else plan.continuing(continuing), report)


def prepare_run(
    request: TrainingRequest | TrainingPlan, *, resume: Resume, report: Report, stack: ExitStack
) -> Prepared:
    """Does all that comes before the training. `stack` holds the run directory's lock until it is closed."""
    given = Path(request.output_dir).absolute() if request.output_dir else None
    if given is not None and resume == "never":
        _refuse_used(given)
    warnings: list[Notice] = []

    def tell(event: ProgressEvent) -> None:
        report(event)
        if isinstance(event, Notice) and event.level == "warn":
            warnings.append(event)

    for sentence in summed_warnings(require_valid_data(request)):
        tell(Notice(sentence, "warn"))
    _fetch_unlisted_model(request, report)
    plan = _resolve(request)
    earlier = find_run(given) if given is not None else _unfinished_default_run(Path(plan.output_dir), resume)
    path, plan = _counted(plan, given, earlier, tell)
    stack.enter_context(locked(path))
    earlier = find_run(path)  # again, now that nobody else can change it
    return _begin(path, plan, warnings, report) if earlier is None else _continue(earlier, plan, report)


def open_rows(plan: TrainingPlan, report: Report) -> Rows:
    """The rows from the token store, tokenised now where they are not in it. Refused rows are a DataError."""
    directory = catalog.tokenizer_directory(plan.model)
    assert directory is not None, "the model is on this machine before its rows are tokenised"
    light = ChatTokenizer.from_directory(directory, chat_template=plan.chat_template, date=plan.date)
    tokenizer = as_trained(light)
    training = _open_store(plan, plan.training_file, "training_file", tokenizer, report)
    if plan.validation_file is None:
        return Rows(training, None)
    return Rows(training, _open_store(plan, plan.validation_file, "validation_file", tokenizer, report))


# --- data, plan and tokens


def require_valid_data(request: TrainingRequest | TrainingPlan) -> ValidationReport:
    """What was found in the data; DataError with every problem of training file and validation file, where there is one."""
    training, validation = request.training_file, request.validation_file
    paths = [file.path if isinstance(file, DataFile) else file for file in (training, validation) if file is not None]
    report = validate_files(*paths)
    require_valid(report)
    return report


def _resolve(request: TrainingRequest | TrainingPlan) -> TrainingPlan:
    """The plan of a request on this machine; a plan keeps its meaning and gets this machine's execution."""
    processes = settings.process_group().world_size
    if isinstance(request, TrainingRequest):
        return make_plan(request, processes=processes)
    request.check_data()
    return request.on_this_machine(processes=processes)


def _counted(
    plan: TrainingPlan, given: Path | None, earlier: EarlierRun | None, report: Report
) -> tuple[Path, TrainingPlan]:
    """The run directory, and the plan with its tokens counted on a model that is on this machine.

    A run on disk gives its seed and its date to a plan that left them open, so that asking again is asking for the same job.
    """
    plan = _with_local_model(plan, report)
    if earlier is not None:
        same = _with_counts(plan.continuing(earlier.plan), report)
        if given is not None or not differences(earlier, same):
            return earlier.directory.path, _placed(same, earlier.directory.path)
    path = given if given is not None else _free_directory(Path(plan.output_dir))
    return path, _placed(_with_counts(plan, report), path)


def _with_counts(plan: TrainingPlan, report: Report) -> TrainingPlan:
    """Tokenises; rows that cannot be trained are refused here."""
    from localft.training.forecast import forecast

    rows = open_rows(plan, report).training
    counted = plan.with_statistics(rows.statistics)
    return counted.with_forecast(forecast(counted, rows))


def _placed(plan: TrainingPlan, path: Path) -> TrainingPlan:
    return plan.model_copy(update={"output_dir": str(path)})


def _with_local_model(plan: TrainingPlan, report: Report) -> TrainingPlan:
    """The plan with the model's directory in it, fetched from the hub now where it is not on this machine.

    A model that comes with localft is checked now, and is this installation's, whichever the plan was made on.
    """
    directory = catalog.embedded_directory(plan.model.base)
    if directory is None:
        if plan.model.path is not None:
            return plan
        from localft.modeling.load import local_directory

        report(Notice(f"fetching {plan.model.hub_id} from the hub"))
        directory = local_directory(plan.model)
    return plan.model_copy(update={"model": plan.model.model_copy(update={"path": str(directory)})})


def _fetch_unlisted_model(request: TrainingRequest | TrainingPlan, report: Report) -> None:
    """Fetches a hub model that the catalogue does not know: without its config.json there is nothing to plan with."""
    if not isinstance(request, TrainingRequest):
        return
    try:
        catalog.resolve_model(request.model)
    except ModelError as error:
        if error.code != "model_not_found" or not catalog.is_hub_id(request.model):
            return  # planning will say it
        from localft.modeling.load import local_directory

        report(Notice(f"fetching {request.model} from the hub"))
        local_directory(catalog.PlannedModel(id=request.model, path=None, hub_id=request.model))


def _open_store(plan: TrainingPlan, file: DataFile, param: str, tokenizer: ChatTokenizer, report: Report) -> TokenStore:
    from localft.training.token_store import open_token_store

    name = Path(file.path).name
    try:
        store = open_token_store(
            file.path,
            tokenizer,
            max_length=plan.max_length,
            overlong=plan.overlong,
            starting=lambda: report(StageStarted("tokenize", name)),
        )
    except DataError as error:
        error.param = param
        if error.code != "row_refused":  # refused rows name their file and line each
            error.message = f"{file.path}: {error.message}"
        raise
    if store.was_cached:
        report(Notice(f"{name}: tokenised before, found in {store.directory.parent}"))
    for sentence in _on_overlong_rows(plan, store.statistics):
        report(Notice(f"{name}: {sentence}", "warn"))
    return store


def _on_overlong_rows(plan: TrainingPlan, counts: TokenStatistics) -> Iterator[str]:
    """A row to be truncated is dropped too, where all that is trained stands behind the cut."""
    over = f"over max_length {plan.max_length}"
    nothing_left = f"since nothing that is trained was left of them, cut to max_length {plan.max_length}"
    if counts.dropped:
        why = nothing_left if plan.overlong == "truncate" else over
        yield f"{counts.dropped} of {counts.rows} rows dropped, {why}"
    if counts.truncated:
        yield f"{counts.truncated} of {counts.rows} rows truncated, {over}"


# --- which run directory


def _begin(path: Path, plan: TrainingPlan, warnings: Sequence[Notice], report: Report) -> Prepared:
    now = time.time()
    given = settings.given_job()
    job = new_job(plan, hex=given.hex if given else uuid.uuid4().hex, model=given.model if given else None, now=now)
    create_run(path, plan, job, opening_events(plan, warnings, now=now))
    report(Notice(f"{job.id} in {path}"))
    return Prepared(plan, path, resume_from=None)


def _continue(earlier: EarlierRun, plan: TrainingPlan, report: Report) -> Prepared:
    """Goes on with the run on disk, or says that it has come to its end."""
    refuse_other_meaning(earlier, plan)
    directory, job = earlier.directory, earlier.job
    if job.status == "succeeded":
        report(Notice(f"{directory.path} holds this job already, succeeded ({job.id}); nothing is left to train"))
        done = TrainingOutcome("succeeded", plan.total_steps, job.trained_tokens or 0, str(directory.model))
        return Prepared(plan, directory.path, None, finished=done)
    if not earlier.can_continue:
        raise CheckpointError(
            f"output_dir {directory.path} holds a job that is {job.status} ({job.id}); give another output_dir.",
            param="output_dir",
        )
    from localft.training.checkpoints import newest_valid, remove_leftovers

    remove_leftovers(directory.path)
    directory.remove_leftovers()
    skipped: list[Notice] = []
    checkpoint = newest_valid(directory.path, lambda sentence: skipped.append(Notice(sentence, "warn")))
    if checkpoint is not None:
        place = f"from {checkpoint.name}"
    else:
        place = f"from the start, as it has no checkpoint {'that is whole' if skipped else 'yet'}"
    if skipped:
        skipped.append(Notice(f"The run goes on {place}.", "warn"))
    for notice in skipped:
        report(notice)
    report(Notice(f"continuing {job.id} in {directory.path} {place}"))
    directory.write_plan(plan)  # the same meaning; processes or micro-batches may be others
    return Prepared(plan, directory.path, checkpoint, notices=tuple(skipped))


def _refuse_used(path: Path) -> None:
    earlier = find_run(path)
    if earlier is not None:
        raise UsageError(
            f"output_dir {path} holds {earlier.job.id} ({earlier.job.status}), and --resume never does not touch an earlier "
            "run; leave it out to continue that run, or give another output_dir.",
            param="output_dir",
        )


def _unfinished_default_run(stem: Path, resume: Resume) -> EarlierRun | None:
    """The newest of this job's default directories, if a run in it waits to be continued."""
    numbers = _taken(stem)
    if resume == "never" or not numbers:
        return None
    try:
        earlier = find_run(_numbered(stem, max(numbers)))
    except LocalftError:  # not a run, or not one that can be read
        return None
    return earlier if earlier is not None and earlier.can_continue else None


def _free_directory(stem: Path) -> Path:
    return _numbered(stem, max(_taken(stem), default=0) + 1)


def _taken(stem: Path) -> list[int]:
    """Numbers of the default directories there are: runs/x is 1, runs/x-2 is 2."""
    pattern = re.compile(re.escape(stem.name) + r"(?:-(\d+))?")
    names = [entry.name for entry in stem.parent.iterdir()] if stem.parent.is_dir() else []
    return [int(match[1] or 1) for name in names if (match := pattern.fullmatch(name))]


def _numbered(stem: Path, number: int) -> Path:
    return stem if number == 1 else stem.with_name(f"{stem.name}-{number}")
