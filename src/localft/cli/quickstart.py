"""`localft quickstart`: the whole path on bundled data, without a GPU and without a download."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from localft import settings
from localft.errors import UsageError
from localft.progress import CheckpointSaved, ProgressEvent, StepMetrics, TrainingOutcome
from localft.samples.probes import DIRECTORY as SAMPLES
from localft.samples.probes import StyleProbe, read_style_probe, share

if TYPE_CHECKING:
    from localft.modeling.generate import Answer
    from localft.plan import TrainingRequest

TRAINING_FILE = SAMPLES / "sarcastic_assistant.jsonl"
VALIDATION_FILE = SAMPLES / "sarcastic_assistant_validation.jsonl"

MODEL = "localft/tiny-base"
HYPERPARAMETERS = {"batch_size": 8, "n_epochs": 10, "learning_rate_multiplier": "auto"}
"""Those of recipes/tiny-base/cpu-quickstart.yaml: enough to take on the tone, not so much that the facts go."""
SEED = 7

SHOWN_QUESTIONS = 5
MAX_NEW_TOKENS = 48
_COLUMNS = 100

_INTRODUCTION = """\
localft quickstart: fine-tunes {model} on {rows} chats with a sarcastic assistant; on the CPU, without a download.
The model has {millions:.1f} million weights. localft's authors trained it from scratch, on text that scripts of this project
made from lists of facts: it knows a small world (capitals, elements, animals, sums, ...) and has never seen sarcasm.
"""

_RESULTS = """\
Results in {directory}
  metrics.png    loss and accuracy        results.csv    the same as numbers, one row a step
  model/         LoRA adapter, tokenizer  plan.json      every number of the run, with its rule
  events.jsonl   what happened when       job.json       the job as the service describes one
  execution.json how it was computed, how fast, and with how much memory
"""

_NEXT_STEPS = """\
Talk with it:
  localft chat {directory}
Next, with your own chat-JSONL:
  localft validate my.jsonl
  localft show my.jsonl --model {model} --line 1
  localft plan --model {model} --training-file my.jsonl
  localft train --model {model} --training-file my.jsonl
and with a model that knows more in place of {model}: `localft models` lists them, recipes/ has settings.
"""


def quickstart(
    output_dir: Annotated[
        Path | None,
        typer.Option(help="Run directory. By default runs/quickstart, or the next free number after it."),
    ] = None,
) -> None:
    """Fine-tune the embedded base model on the bundled sample and ask it questions before and after.

    Needs no GPU and no network and takes about two minutes. None of the questions is in the sample. With your own data:
    `localft validate`, then `localft train`.
    """
    if settings.process_group().world_size > 1:
        raise UsageError("quickstart: expected one process, found a launcher with several; run `localft quickstart`.")
    from localft.runner import require_training_packages

    require_training_packages()
    run_directory = _fresh(output_dir) if output_dir is not None else _next_free(Path("runs/quickstart"))
    _keep_to_this_cpu()
    from localft.catalog import resolve_model

    base = Path(resolve_model(MODEL).path or "")  # refuses changed files before anything is printed
    probe = read_style_probe()

    _say(introduction())
    _say(f"Asking {len(probe.questions)} questions that the sample does not hold.")
    before = _ask(probe, base)

    outcome, steps = _train(request_for(run_directory))
    if outcome.status == "interrupted":
        _say(f"Stopped behind step {outcome.last_step}. Run `localft quickstart` again; it takes two minutes.")
        raise typer.Exit(75)
    assert outcome.model_path is not None, "a training that succeeded has saved its model"

    _say("Asking the same questions again.\n")
    after = _ask(probe, base, Path(outcome.model_path))
    _say_examples(probe, before, after)
    _say_shares(probe, before, after)
    _say_curve(steps, run_directory / "metrics.png")
    _say(_RESULTS.format(directory=run_directory))
    _say(_NEXT_STEPS.format(model=MODEL, directory=shlex.quote(str(run_directory))))


def introduction() -> str:
    """What is about to happen, and with which model."""
    from localft.catalog import find

    entry = find(MODEL)
    assert entry is not None, "the quickstart's model is in the catalogue"
    rows = len(TRAINING_FILE.read_bytes().splitlines())
    return _INTRODUCTION.format(model=MODEL, rows=rows, millions=entry.shape.parameters / 1e6)


def request_for(run_directory: Path) -> TrainingRequest:
    """The job that the quickstart runs."""
    from localft.plan import TrainingRequest

    return TrainingRequest.model_validate(
        {
            "model": MODEL,
            "training_file": str(TRAINING_FILE),
            "validation_file": str(VALIDATION_FILE),
            "suffix": "quickstart",
            "seed": SEED,
            "method": {"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}},
            "output_dir": str(run_directory),
        }
    )


def _keep_to_this_cpu() -> None:
    """Keeps torch from the GPUs and transformers from the hub; both read the environment when they are imported.

    One thread, since the matrices are too small to share: more threads only wait for each other, and where other programs
    want the cores too, or a container may use fewer than it sees, they wait four times as long (measured).
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _fresh(directory: Path) -> Path:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(
            f"--output-dir {directory}: expected a new or empty directory, found one with files in it; name another, or "
            "leave --output-dir out.",
            param="output_dir",
        )
    return directory


def _next_free(wanted: Path) -> Path:
    """`wanted`, or `wanted`-2, `wanted`-3, ...: the first that does not exist."""
    names = (wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}") for number in count(1))
    return next(path for path in names if not path.exists())


def _ask(probe: StyleProbe, base: Path, adapter: Path | None = None) -> list[Answer]:
    """What the base model, or the tuned one, answers to each question: always the most likely next token."""
    from localft.cli.progress import shown_count

    with shown_count("asking", len(probe.questions)) as progress:
        from localft.modeling.generate import answers, load_writer  # takes seconds the first time, so behind the bar
        from localft.tokenization.tokenizer import ChatTokenizer

        model, tokenizer = load_writer(base, adapter), ChatTokenizer.from_directory(base)
        return answers(model, tokenizer, probe.conversations(), max_new_tokens=MAX_NEW_TOKENS, progress=progress)


def _train(request: TrainingRequest) -> tuple[TrainingOutcome, list[StepMetrics]]:
    """Runs the job as `localft train` does, and keeps the metrics of its steps."""
    from localft.cli.progress import shown_progress
    from localft.runner import run_job

    steps: list[StepMetrics] = []
    with shown_progress() as show:

        def report(event: ProgressEvent) -> None:
            if isinstance(event, StepMetrics):
                steps.append(event)
            if not isinstance(event, CheckpointSaved):  # one an epoch, every few seconds
                show(event)

        return run_job(request, resume="never", report=report), steps


def _say(text: str) -> None:
    """Prints; what the terminal cannot show becomes a question mark, since a model may write anything."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def _say_examples(probe: StyleProbe, before: Sequence[Answer], after: Sequence[Answer]) -> None:
    """Some questions from all over the probe with both answers."""
    for index in spread(len(probe.questions), SHOWN_QUESTIONS):
        _say(f"  {'you':>9}: {probe.questions[index].text}")
        _say(f"  {'before':>9}: {_on_one_line(before[index])}")
        _say(f"  {'after':>9}: {_on_one_line(after[index])}\n")


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` of the positions 0 to `count` - 1, evenly apart: spread(100, 5) gives [10, 30, 50, 70, 90]."""
    return [(2 * part + 1) * count // (2 * wanted) for part in range(wanted)]


def _on_one_line(answer: Answer) -> str:
    line = "".join(character if character.isprintable() else " " for character in answer.text)
    if answer.ended and len(line) <= _COLUMNS:
        return line
    return line[: _COLUMNS - 1] + "…"


def _say_shares(probe: StyleProbe, before: Sequence[Answer], after: Sequence[Answer]) -> None:
    """The tone has changed, the facts have stayed: how far that is so, over all questions."""
    styles, facts, ends = [], [], []
    for answers in (before, after):
        score = probe.score([answer.text for answer in answers])
        styles.append(score.styled)
        facts.append(score.right)
        ends.append(share(answer.ended for answer in answers))
    _say(f"  {f'of {len(probe.questions)} unseen questions':<34} before   after")
    for label, shares in (
        ("answered in the trained style", styles),
        ("answered with the right fact", facts),
        ("answer ended by itself", ends),
    ):
        _say(f"  {label:<34} {shares[0]:>6.0%}  {shares[1]:>6.0%}")
    _say("")


def _say_curve(steps: Sequence[StepMetrics], picture: Path) -> None:
    """Loss of each epoch as a little plot, first and last numbers, and where the whole curve is."""
    epochs = sorted({step.epoch for step in steps})
    losses = [fmean(step.train_loss for step in steps if step.epoch == epoch) for epoch in epochs]
    accuracies = [fmean(s.train_mean_token_accuracy for s in steps if s.epoch == epoch) for epoch in epochs]
    validation = [step.full_valid_loss for step in steps if step.full_valid_loss is not None]
    _say(f"  loss      {losses[0]:7.3f} {sparkline(losses)} {losses[-1]:.3f}   mean of each of {len(epochs)} epochs")
    _say(f"  accuracy  {accuracies[0]:7.1%} {sparkline(accuracies)} {accuracies[-1]:.1%}   of the trained tokens")
    if validation:
        shown = f"{validation[0]:7.3f} {sparkline(validation)} {validation[-1]:.3f}"
        _say(f"  validation{shown}   loss on the validation file, behind each epoch")
    _say(f"  curve     {picture}\n")


def sparkline(values: Sequence[float]) -> str:
    """One bar a value between the lowest and the highest: [3, 2, 1] gives "█▅▁"."""
    bars = "▁▂▃▄▅▆▇█"
    low, high = min(values), max(values)
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in values)
