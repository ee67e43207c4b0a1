"""`localft quickstart`: the whole path on bundled data, without a GPU and without a download."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from localft import settings
from localft.errors import UsageError
from localft.progress import CheckpointSaved, ProgressEvent, StepMetrics, TrainingOutcome

if TYPE_CHECKING:
    from localft.data.examples import ChatExample
    from localft.plan import TrainingRequest
    from localft.tokenization.tokenizer import ChatTokenizer

_SAMPLES = Path(__file__).parent.parent / "samples"
TRAINING_FILE = _SAMPLES / "sarcastic_assistant.jsonl"
VALIDATION_FILE = _SAMPLES / "sarcastic_assistant_validation.jsonl"

MODEL = "localft/tiny-llama"
HYPERPARAMETERS = {"batch_size": 4, "n_epochs": 20, "learning_rate_multiplier": "auto"}
"""Those of recipes/tiny-llama/cpu-smoke.yaml: enough passes to know the sample by heart, about half a minute."""
SEED = 7

ASKED_LINES = (1, 18, 29)
"""Rows of the training file that are asked. The last one holds a dull answer of weight 0 before the one it is trained on."""
MAX_NEW_TOKENS = 60
_COLUMNS = 100

_INTRODUCTION = """\
localft quickstart: fine-tunes a tiny Llama on {rows} chats with a sarcastic assistant; on the CPU, without a download.
Its million weights are random. It knows no language and will not learn one here: what it can do is memorise the sample.
"""

_RESULTS = """\
Results in {directory}
  metrics.png    loss and accuracy        results.csv    the same as numbers, one row a step
  model/         LoRA adapter, tokenizer  plan.json      every number of the run, with its rule
  events.jsonl   what happened when       job.json       the job as the service describes one
  execution.json how it was computed, how fast, and with how much memory
"""

_NEXT_STEPS = """\
Next, with your own chat-JSONL:
  localft validate my.jsonl
  localft show my.jsonl --model {model} --line 1
  localft plan --model {model} --training-file my.jsonl
  localft train --model {model} --training-file my.jsonl
and with a model that knows something in place of {model}: `localft models` lists them, recipes/ has settings.
"""


@dataclass(frozen=True)
class Question:
    """What a row of the sample asks, and the answer that the row trains."""

    transcript: tuple[tuple[str, str], ...]
    """Speaker and text of each message before the answer, the system message left out."""
    prompt_ids: tuple[int, ...]
    """The row's tokens before the answer: just what the model saw in training."""
    answer: str


def quickstart(
    output_dir: Annotated[
        Path | None,
        typer.Option(help="Run directory. By default runs/quickstart, or the next free number after it."),
    ] = None,
) -> None:
    """Train the embedded tiny model on the bundled sample and ask it three questions before and after.

    Needs no GPU and no network and takes about a minute. With your own data: `localft validate`, then `localft train`.
    """
    if settings.process_group().world_size > 1:
        raise UsageError("quickstart: expected one process, found a launcher with several; run `localft quickstart`.")
    from localft.runner import require_training_packages

    require_training_packages()
    run_directory = _fresh(output_dir) if output_dir is not None else _next_free(Path("runs/quickstart"))
    _keep_to_this_cpu()

    from localft.catalog import resolve_model
    from localft.tokenization.tokenizer import ChatTokenizer

    base = Path(resolve_model(MODEL).path or "")
    tokenizer = ChatTokenizer.from_directory(base)
    questions = [question(example, tokenizer) for example in _asked_examples()]

    _say(_INTRODUCTION.format(rows=_rows_of(TRAINING_FILE)))
    _say("Asked before the training (random weights, hence noise):\n")
    _say_answers(questions, _answers(questions, tokenizer, base))

    outcome, steps = _train(request_for(run_directory))
    if outcome.status == "interrupted":
        _say(f"Stopped behind step {outcome.last_step}. Run `localft quickstart` again; it takes a minute.")
        raise typer.Exit(75)
    assert outcome.model_path is not None, "a training that succeeded has saved its model"

    _say("\nAsked after the training:\n")
    answers = _answers(questions, tokenizer, base, Path(outcome.model_path))
    _say_answers(questions, answers)
    _say_numbers(steps, sum(answer == q.answer for answer, q in zip(answers, questions, strict=True)), len(questions))
    _say(_RESULTS.format(directory=run_directory))
    _say(_NEXT_STEPS.format(model=MODEL))


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


def question(example: ChatExample, tokenizer: ChatTokenizer) -> Question:
    """Cuts a row before its first trained message."""
    from localft.tokenization.render import render_example

    row = render_example(example, tokenizer)
    trained = next(i for i, message in enumerate(example.messages) if message.is_trained)
    transcript = tuple(
        ("you" if message.role == "user" else message.role, message.text or "")
        for message in example.messages[:trained]
        if message.role != "system"
    )
    start = next(i for i, weight in enumerate(row.loss_weights) if weight)
    return Question(transcript, tuple(row.input_ids[:start]), example.messages[trained].text or "")


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


def _asked_examples() -> list[ChatExample]:
    from localft.data.reading import read_examples

    rows = {example.line: example for example in read_examples(TRAINING_FILE)}
    return [rows[line] for line in ASKED_LINES]


def _rows_of(path: Path) -> int:
    return len(path.read_bytes().splitlines())


def _answers(
    questions: Sequence[Question], tokenizer: ChatTokenizer, base: Path, adapter: Path | None = None
) -> list[str]:
    """What the base model, or the tuned one, answers each question: always the most likely next token."""
    from localft.modeling.generate import greedy_continuation, load_writer

    writer = load_writer(base, adapter)
    stop_ids = tokenizer.special_tokens.stop_ids
    return [
        tokenizer.decode(greedy_continuation(writer, q.prompt_ids, stop_ids=stop_ids, max_new_tokens=MAX_NEW_TOKENS))
        for q in questions
    ]


def _train(request: TrainingRequest) -> tuple[TrainingOutcome, list[StepMetrics]]:
    """Runs the job as `localft train` does, and keeps the metrics of its steps."""
    from localft.cli.progress import shown_progress
    from localft.runner import run_job

    steps: list[StepMetrics] = []
    with shown_progress() as show:

        def report(event: ProgressEvent) -> None:
            if isinstance(event, StepMetrics):
                steps.append(event)
            if not isinstance(event, CheckpointSaved):  # twenty of them within the minute
                show(event)

        return run_job(request, resume="never", report=report), steps


def _say(text: str) -> None:
    """Prints; what the terminal cannot show becomes a question mark, since an untrained model writes anything."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def _say_answers(questions: Sequence[Question], answers: Sequence[str]) -> None:
    for q, answer in zip(questions, answers, strict=True):
        for speaker, text in q.transcript:
            note = "   (weight 0: context, not trained)" if speaker == "assistant" else ""
            _say(f"  {speaker:>9}: {text}{note}")
        _say(f"  {'tiny':>9}: {_on_one_line(answer)}\n")


def _on_one_line(text: str) -> str:
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= _COLUMNS else line[: _COLUMNS - 1] + "…"


def _say_numbers(steps: Sequence[StepMetrics], right: int, asked: int) -> None:
    """Loss of each epoch as a little plot; first and last numbers; what memorising does to unseen questions."""
    epochs = sorted({step.epoch for step in steps})
    losses = [fmean(step.train_loss for step in steps if step.epoch == epoch) for epoch in epochs]
    accuracies = [fmean(s.train_mean_token_accuracy for s in steps if s.epoch == epoch) for epoch in epochs]
    unseen = [step.full_valid_loss for step in steps if step.full_valid_loss is not None]
    _say(f"  {right} of {asked} answers are word for word those of the sample.")
    _say(f"  loss      {losses[0]:7.3f} {sparkline(losses)} {losses[-1]:.3f}   mean of each of {len(epochs)} epochs")
    _say(f"  accuracy  {accuracies[0]:7.1%} {sparkline(accuracies)} {accuracies[-1]:.1%}   of the trained tokens")
    if unseen:
        _say(
            f"  unseen    {unseen[0]:7.3f} {sparkline(unseen)} {unseen[-1]:.3f}   loss on questions it was never shown"
        )
        _say("            (no pretraining, so nothing to build on: it memorised and did not learn)")
    _say("")


def sparkline(values: Sequence[float]) -> str:
    """One bar a value between the lowest and the highest: [3, 2, 1] gives "█▅▁"."""
    bars = "▁▂▃▄▅▆▇█"
    low, high = min(values), max(values)
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in values)
