"""One job, from request to outcome."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar

from localft import catalog, settings
from localft.errors import (
    INSTALL_TRAINING,
    LocalftError,
    MissingExtra,
    TrainingFailed,
    TrainingInterrupted,
    UsageError,
    is_disk_full,
)
from localft.jobs.continuity import continuity
from localft.jobs.files import write_whole
from localft.jobs.metrics_image import draw_metrics
from localft.jobs.model_card import model_card
from localft.jobs.recorder import JobRecorder
from localft.jobs.results import read_results
from localft.jobs.run_directory import RunDirectory
from localft.plan import TrainingPlan, TrainingRequest
from localft.plan.sharding import sharding_wanted
from localft.progress import Notice, ProgressEvent, Report, StageStarted, StepMetrics, TrainingOutcome
from localft.runner.preparation import Prepared, Resume, open_rows, prepare_run
from localft.runner.processes import Processes, named
from localft.runner.signals import Stopped, StopSignals
from localft.settings import ProcessGroup
from localft.tokenization.examples import TokenizedExample
from localft.trackers import Trackers, require_packages
from localft.trackers.delivery import Status

_T = TypeVar("_T")
TRAINING_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


class Engine(Protocol):
    """What trains. `localft.training.engine.train` is the real one; tests bring their own."""

    def __call__(
        self,
        plan: TrainingPlan,
        run_directory: Path,
        report: Report,
        *,
        training: Sequence[TokenizedExample],
        validation: Sequence[TokenizedExample] | None,
        tokenizer_files: Path,
        resume_from: Path | None,
        should_stop: Callable[[], bool],
    ) -> TrainingOutcome: ...


def run_job(
    request: TrainingRequest | TrainingPlan,
    *,
    resume: Resume = "auto",
    report: Report | None = None,
    engine: Engine | None = None,
) -> TrainingOutcome:
    """Runs one job in this process, or in each of the processes that a launcher started, and records it.

    `resume="auto"` goes on with an unfinished run of the same meaning in `output_dir`; "never" wants a directory without a
    run. `report` gets the progress events, on the first process only. An outcome `interrupted` means that Ctrl-C or SIGTERM
    came and the run was saved: the same call continues it. Raises LocalftError for all that a user can mend.
    """
    place = settings.process_group()
    _refuse_nested_launch()
    _refuse_idle_gpus(launched=place.launched)
    sharding_wanted()  # refuses before accelerate follows it
    require_training_packages()
    require_packages(request.integrations)
    told = report if report is not None and place.is_main else _silent
    with (
        Processes(place) as processes,
        StopSignals(
            settings.control_directory(), speaks=place.is_main, echoed=settings.behind_elastic_launcher()
        ) as stop,
        ExitStack() as stack,
    ):

        def tell(event: ProgressEvent) -> None:
            stop.check()
            told(event)

        try:
            prepared = processes.from_main(
                lambda: _disk_full_told(
                    lambda: prepare_run(request, resume=resume, report=tell, stack=stack), settings.home()
                )
            )
            stop.check()
            if prepared.finished is not None:
                return _placed(prepared.finished, prepared)
            rows = processes.in_turn(lambda: open_rows(prepared.plan, _silent))
            stop.check()
        except Stopped:
            error = TrainingInterrupted("stopped before the training began; the same command starts it again")
            error.on_every_process = True
            raise error from None
        stop.save_first()

        def train(tell: Report) -> TrainingOutcome:
            def heard(event: ProgressEvent) -> None:
                if isinstance(event, StageStarted) and event.stage == "save_model":
                    stop.only_wait()
                tell(event)

            return (engine or _installed_engine())(
                prepared.plan,
                prepared.run_directory,
                heard,
                training=rows.training,
                validation=rows.validation,
                tokenizer_files=_tokenizer_files(prepared.plan),
                resume_from=prepared.resume_from,
                should_stop=stop.requested,
            )

        if place.is_main:
            outcome = _recorded(train, prepared, rows.training.system_message, told, processes)
        else:
            outcome = _followed(train, place, processes)
        return _placed(outcome, prepared)


def _recorded(
    train: Callable[[Report], TrainingOutcome],
    prepared: Prepared,
    system_message: Mapping[str, str] | None,
    report: Report,
    processes: Processes,
) -> TrainingOutcome:
    """Trains with a record of it: however the training ends, job.json says so."""
    run = RunDirectory(prepared.run_directory)
    before = read_results(run.results_file) if run.results_file.exists() else []
    recorder = _disk_full_told(
        lambda: JobRecorder(run, prepared.plan, resume_step=prepared.resume_step), settings.home()
    )
    trackers = Trackers(run, prepared.plan, job=recorder.job.id, resume_step=prepared.resume_step)

    def tell(event: ProgressEvent) -> None:
        recorder(event)
        trackers(event)
        report(event)
        if isinstance(event, StepMetrics) and event.step == prepared.resume_step + 1:
            for notice in continuity(before, event):
                recorder(notice)
                report(notice)
        pass_on_notices()

    def pass_on_notices() -> None:
        for notice in trackers.notices():
            recorder(notice)
            report(notice)

    def end_trackers(status: Status) -> None:
        trackers.end(status)
        pass_on_notices()

    try:
        for notice in prepared.notices:
            recorder(notice)
        outcome = train(tell)
        processes.from_main(
            lambda: _disk_full_told(
                lambda: _conclude(run, prepared, recorder, outcome, system_message, tell, end_trackers), run.path
            )
        )
        return outcome
    except KeyboardInterrupt:
        trackers.end("paused", wait=False)
        recorder.pause()
        raise TrainingInterrupted(
            f"stopped at once at step {recorder.last_step}, without saving; the same command {_will_begin(run.path)}"
        ) from None
    except LocalftError as error:
        trackers.end("failed")
        _record_failure(recorder, error)
        raise
    except Exception as error:
        trackers.end("failed")
        if is_disk_full(error):
            full = _disk_full(error, run.path)
            _record_failure(recorder, full)
            raise full from error
        _record_failure(recorder, error)
        raise TrainingFailed(
            f"the training stopped at step {recorder.last_step}: {named(error)}. "
            f"{_where_it_is_shown()}; {settings.to_go_on()}: it {_will_begin(run.path)}",
            code="internal_error",
        ) from error
    finally:
        with suppress(OSError):  # what a full disk did not take has been told by now
            recorder.close()


def _where_it_is_shown() -> str:
    return "`localft --debug train` shows where" if settings.given_job() is None else "The job's log shows where"


def _will_begin(run: Path) -> str:
    """Where the same command begins, with what this one leaves on disk."""
    from localft.training.checkpoints import all_steps

    return f"goes on from the last checkpoint in {run}" if all_steps(run) else "starts again from the first step"


def _followed(train: Callable[[Report], TrainingOutcome], place: ProcessGroup, processes: Processes) -> TrainingOutcome:
    """Trains on a process that keeps no record. It leaves behind the first one's last word: launchers end the others then."""
    try:
        outcome = train(_silent)
        processes.from_main(lambda: None)
        return outcome
    except LocalftError:
        raise
    except KeyboardInterrupt:
        raise TrainingInterrupted(f"process {place.rank} stopped at once, without saving") from None
    except Exception as error:
        raise TrainingFailed(
            f"the training stopped on process {place.rank}: {named(error)}", code="internal_error"
        ) from error


def _conclude(
    run: RunDirectory,
    prepared: Prepared,
    recorder: JobRecorder,
    outcome: TrainingOutcome,
    system_message: Mapping[str, str] | None,
    tell: Report,
    end_trackers: Callable[[Status], None],
) -> None:
    """What is written behind a training that was saved or came to its end."""
    if outcome.status == "interrupted":
        end_trackers("paused")
        recorder.pause()
        return
    _write_outputs(run, prepared.plan, recorder, outcome, system_message, tell)
    end_trackers("succeeded")
    recorder.succeed(outcome)


def _record_failure(recorder: JobRecorder, error: Exception) -> None:
    with suppress(OSError):  # a full disk must not hide what went wrong
        recorder.fail(error)


def _disk_full_told(work: Callable[[], _T], written: Path) -> _T:
    """Runs what writes to the disk before or behind the training; a full disk becomes a sentence."""
    try:
        return work()
    except OSError as error:
        if is_disk_full(error):
            raise _disk_full(error, written) from error
        raise


def _disk_full(error: Exception, written: Path) -> TrainingFailed:
    """A small write found no room: a record, or the tokens. The path is the error's, where that names one."""
    path = Path(getattr(error, "filename", None) or written)
    place = next((parent for parent in (path, *path.parents) if parent.is_dir()), Path.cwd())
    return TrainingFailed(
        f"{path}: the disk is full ({error}): expected room for a small file, found {shutil.disk_usage(place).free:,} bytes "
        f"free. Free the space and {settings.to_go_on()}: it continues from the last checkpoint.",
        code="disk_full",
    )


def _write_outputs(
    run: RunDirectory,
    plan: TrainingPlan,
    recorder: JobRecorder,
    outcome: TrainingOutcome,
    system_message: Mapping[str, str] | None,
    tell: Report,
) -> None:
    """What people look at first: the curves and the model card."""
    rows = read_results(run.results_file)
    if not draw_metrics(rows, run.metrics_image, title=recorder.job.model_name):
        tell(Notice("metrics.png was not drawn, since matplotlib is not installed", "warn"))
    card = model_card(plan, recorder.job, rows, trained_tokens=outcome.trained_tokens, system_message=system_message)
    write_whole(run.model / "README.md", card)


def _placed(outcome: TrainingOutcome, prepared: Prepared) -> TrainingOutcome:
    return replace(outcome, run_directory=str(prepared.run_directory))


def _tokenizer_files(plan: TrainingPlan) -> Path:
    directory = catalog.tokenizer_directory(plan.model)
    assert directory is not None, "its rows were tokenised with it"
    return directory


def _installed_engine() -> Engine:
    from localft.training.engine import train

    return train


def require_training_packages() -> None:
    """Says at once, not after minutes of tokenising, that the training's packages are not there."""
    missing = [name for name in TRAINING_PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"training needs packages that the bare install leaves out, and {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not installed: {INSTALL_TRAINING}"
        )


def _refuse_nested_launch() -> None:
    """Processes that are started by a launcher in each process of another launch would train in each other's way."""
    nested = settings.nested_launch()
    if nested is not None:
        error = UsageError(
            f"`accelerate launch` or torchrun, told of {nested.machines} machine(s), was started in each of "
            f"{nested.outer_processes} processes of another launch; start it once on each machine (Azure ML: "
            "process_count_per_instance: 1) and tell it of all of them, or leave it out and let the platform start "
            "`python -m localft train` once for each GPU.",
            code="nested_launch",
        )
        error.on_every_process = True
        raise error


def _refuse_idle_gpus(*, launched: bool) -> None:
    """One process trains on one GPU. The command line starts the others itself; a Python program has to choose."""
    gpus = settings.visible_gpus()
    if gpus > 1 and not launched:
        raise UsageError(
            f"{gpus} GPUs are visible and this one process can train on one of them; run `localft train`, which starts a "
            "process on each, or set CUDA_VISIBLE_DEVICES to one GPU."
        )
    if gpus > 1 and settings.is_alone_on_its_machine():
        raise UsageError(
            f"{gpus} GPUs are visible on this machine and the platform started one process on it; have it start one for each "
            "GPU (Azure ML: process_count_per_instance), or run `accelerate launch --multi_gpu` on each machine."
        )


def _silent(event: ProgressEvent) -> None:
    """A report that nobody reads."""
