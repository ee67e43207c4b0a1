"""`localft train`: runs a job, on one GPU, on all of them, or on the CPU."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from localft import settings
from localft.cli import options
from localft.errors import TrainingInterrupted

if TYPE_CHECKING:
    from localft.plan import TrainingPlan, TrainingRequest
    from localft.progress import TrainingOutcome


class Resume(StrEnum):
    auto = "auto"
    never = "never"


def train(
    context: typer.Context,
    recipe: options.Recipe = None,
    model: options.Model = None,
    training_file: options.TrainingFile = None,
    validation_file: options.ValidationFile = None,
    suffix: options.Suffix = None,
    output_dir: options.OutputDir = None,
    batch_size: options.BatchSize = None,
    learning_rate_multiplier: options.LearningRateMultiplier = None,
    n_epochs: options.Epochs = None,
    seed: options.Seed = None,
    method: options.Method = None,
    lora: options.Lora = None,
    lora_rank: options.LoraRank = None,
    lora_alpha: options.LoraAlpha = None,
    lora_dropout: options.LoraDropout = None,
    quantization: options.Quantization = None,
    max_length: options.MaxLength = None,
    overlong: options.Overlong = None,
    chat_template: options.ChatTemplate = None,
    precision: options.Precision = None,
    tokens_per_micro_batch: options.TokensPerMicroBatch = None,
    gradient_checkpointing: options.GradientCheckpointing = None,
    share_prefixes: options.SharePrefixes = None,
    compile: options.Compile = None,
    checkpoint_minutes: options.CheckpointMinutes = None,
    integrations: options.Integrations = None,
    resume: Annotated[
        Resume,
        typer.Option(
            "--resume",
            help="auto: go on with an unfinished run of this job in the output directory; never: want a fresh one.",
        ),
    ] = Resume.auto,
) -> None:
    """Run a job: train a model on chat-JSONL, with the settings of a recipe, of flags, or both.

    Flags override the recipe. Without --output-dir the run goes to runs/MODEL-SUFFIX, without a suffix to
    runs/MODEL-DATAFILE, or to the next free number behind it; the same command continues a run that was stopped. Ctrl-C and
    SIGTERM save first and exit with 75. All visible GPUs are used.
    """
    from localft.runner import check_request

    request = options.requested(context)
    if settings.visible_gpus() > 1 and not settings.process_group().launched:
        _use_gpus(context, check_request(request).hyperparameters.batch_size.value)
    outcome = _run(request, resume)
    if outcome.status == "interrupted":
        raise _interrupted(outcome)
    if settings.process_group().is_main:
        for line in _summary(outcome):
            typer.echo(line)


def _use_gpus(context: typer.Context, batch_size: float) -> None:
    """Starts this command again in one process a GPU and exits with what they say, or goes on with one GPU."""
    from localft.cli.launch import launch, processes_to_start, use_first_gpu

    processes = processes_to_start(int(batch_size))
    if processes == 1:
        typer.echo("batch_size is 1, so one GPU is used", err=True)
        use_first_gpu()
        return
    typer.echo(f"starting {processes} processes, one for each GPU", err=True)
    invocation = context.obj
    arguments = invocation.arguments if invocation is not None else sys.argv[1:]
    raise typer.Exit(launch(processes, arguments))


def _run(request: TrainingRequest | TrainingPlan, resume: Resume) -> TrainingOutcome:
    from localft.cli.progress import shown_progress
    from localft.runner import run_job

    with shown_progress() as report:
        return run_job(request, resume=resume.value, report=report)


def _interrupted(outcome: TrainingOutcome) -> TrainingInterrupted:
    error = TrainingInterrupted(
        f"saved at step {outcome.last_step} in {outcome.run_directory}; the same command continues it"
    )
    error.on_every_process = True
    return error


def _summary(outcome: TrainingOutcome) -> Iterator[str]:
    """What came out, where it is, and what to do next."""
    from localft.jobs.results import read_results
    from localft.jobs.run_directory import RunDirectory

    assert outcome.run_directory is not None, "the runner says where the run is"
    run = RunDirectory(Path(outcome.run_directory))
    job, rows = run.read_job(), read_results(run.results_file)
    yield f"{job.id} {job.status}: {job.fine_tuned_model}"
    for name in ("train_loss", "full_valid_loss"):
        values = [row.metrics[name] for row in rows if name in row.metrics]
        if values:
            yield f"  {name:<16} {values[0]:.4f} -> {values[-1]:.4f}"
    yield f"  model            {_shown(run.model)}"
    yield f"  results          {_shown(run.results_file)}, metrics.png, events.jsonl, job.json"
    yield "What to do next:"
    yield f"  read {_shown(run.model / 'README.md')}: the settings, the results, and how to load and chat with the model"
    yield f"  localft chat {shlex.quote(_shown(run.path))}   talk with the model"
    yield f"  localft train --model {shlex.quote(_shown(run.path))} --training-file MORE.jsonl   train it further"


def _shown(path: Path) -> str:
    """Relative to the current directory where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
