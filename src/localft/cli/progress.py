"""What long work shows while it runs, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column

from localft.progress import CheckpointSaved, Notice, ProgressEvent, Report, StageStarted, StepMetrics

STAGES = {
    "tokenize": "tokenising",
    "load_model": "loading the model",
    "train": "training",
    "save_model": "saving the model",
}
PLAIN_EVERY_SECONDS = 30.0
PLAIN_EVERY_STEPS = 10
COUNT_EVERY_SECONDS = 5.0
DISPENSABLE = ("memory", "padding", "accuracy", "speed")
"""Parts of the numbers that a narrow terminal goes without, first to last."""
SHORTEST_BAR = 4


class Speed:
    """Trained tokens a second and seconds left, from the steps of this process alone: a continued run starts anew.

    The first step is left out where there are others, since it compiles kernels and warms caches.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._seconds = 0.0
        self._trained_tokens = 0

    def add(self, step: StepMetrics) -> None:
        if self._steps == 1:
            self._seconds, self._trained_tokens = 0.0, 0
        self._steps += 1
        self._seconds += step.seconds
        self._trained_tokens += step.trained_tokens

    @property
    def trained_tokens_a_second(self) -> float:
        return self._trained_tokens / self._seconds if self._seconds else 0.0

    def seconds_left(self, step: StepMetrics) -> float:
        measured = max(1, self._steps - 1)
        return (step.total_steps - step.step) * self._seconds / measured


@contextmanager
def shown_progress(stream: TextIO | None = None) -> Iterator[Report]:
    """A report that shows what it is told, for as long as the block lasts."""
    console = Console(file=stream or sys.stderr, highlight=False)
    if not console.is_terminal:
        yield PlainLines(lambda line: print(line, file=stream or sys.stderr, flush=True))
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),  # what the numbers leave of the line
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[numbers]}"),
    )
    with Progress(*columns, console=console, expand=True) as progress:
        yield _Bar(progress)


@contextmanager
def shown_count(
    what: str, total: int, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Shows how many of `total` are done, as the function that it gives is told, for as long as the block lasts.

    The bar goes when the block ends; plain lines come every few seconds, none for what is done sooner.
    """
    console = Console(file=stream or sys.stderr, highlight=False)
    if not console.is_terminal:
        yield _PlainCount(what, total, lambda line: print(line, file=stream or sys.stderr, flush=True), clock)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn())
    with Progress(*columns, console=console, expand=True, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


class _PlainCount:
    """`asking: 96 of 175`, every `COUNT_EVERY_SECONDS`."""

    def __init__(self, what: str, total: int, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._what = what
        self._total = total
        self._write = write
        self._clock = clock
        self._last_line = clock()

    def __call__(self, done: int) -> None:
        if self._clock() - self._last_line >= COUNT_EVERY_SECONDS:
            self._last_line = self._clock()
            self._write(f"{self._what}: {done} of {self._total}")


class PlainLines:
    """One line at steps 1, 10, 20, ..., at epoch ends, at the last step, and at least every half minute."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._speed = Speed()
        self._last_line = clock()

    def __call__(self, event: ProgressEvent) -> None:
        if isinstance(event, StepMetrics):
            self._speed.add(event)
            if self._is_due(event):
                self._last_line = self._clock()
                self._write(f"step {event.step}/{event.total_steps}: {numbers(event, self._speed)}")
        elif line := sentence(event):
            self._write(line)

    def _is_due(self, step: StepMetrics) -> bool:
        return (
            step.step in (1, step.total_steps)
            or step.step % PLAIN_EVERY_STEPS == 0
            or step.full_valid_loss is not None
            or self._clock() - self._last_line >= PLAIN_EVERY_SECONDS
        )


class _Bar:
    """The bar with the newest numbers; sentences scroll by above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._speed = Speed()

    def __call__(self, event: ProgressEvent) -> None:
        if not isinstance(event, StepMetrics):
            if line := sentence(event):
                self._progress.console.print(line, markup=False, soft_wrap=True)
            return
        self._speed.add(event)
        if self._task is None:
            self._task = self._progress.add_task("training", total=event.total_steps, numbers="")
        shown = numbers(event, self._speed, room=self._room(event))
        self._progress.update(self._task, completed=event.step, numbers=shown)
        if event.full_valid_loss is not None:
            self._progress.console.print(f"epoch {event.epoch}: {numbers(event, self._speed)}", soft_wrap=True)

    def _room(self, step: StepMetrics) -> int:
        """Columns that the task's name, the bar and the count of steps leave to the numbers."""
        count = 2 * len(str(step.total_steps)) + 1
        return self._progress.console.width - len("training") - SHORTEST_BAR - count - 3


def numbers(step: StepMetrics, speed: Speed, *, room: int | None = None) -> str:
    """`loss 1.2340, accuracy 56.7%, valid loss 1.3000, 1,234 trained tokens/s, padding 0%, 3.1 GB, 2:05 left`.

    Where that does not fit into `room` columns, the parts in `DISPENSABLE` are left out, one after the other.
    """
    parts = {"loss": f"loss {step.train_loss:.4f}", "accuracy": f"accuracy {step.train_mean_token_accuracy:.1%}"}
    valid = step.valid_loss if step.full_valid_loss is None else step.full_valid_loss
    if valid is not None:
        parts["valid loss"] = f"valid loss {valid:.4f}"
    parts["speed"] = f"{speed.trained_tokens_a_second:,.0f} trained tokens/s"
    parts["padding"] = _padding_or_sharing(step)
    if step.peak_memory_bytes is not None:
        parts["memory"] = f"{step.peak_memory_bytes / 1e9:.1f} GB"
    if step.step < step.total_steps:
        parts["left"] = f"{duration(speed.seconds_left(step))} left"
    for name in DISPENSABLE:
        if room is not None and len(", ".join(parts.values())) > room:
            parts.pop(name, None)
    return ", ".join(parts.values())


def _padding_or_sharing(step: StepMetrics) -> str:
    """`padding 12%` of the positions computed, or `shared 43%` of the tokens, which did not have to be."""
    if step.computed_tokens < step.tokens:
        return f"shared {1 - step.computed_tokens / step.tokens:.0%}"
    return f"padding {1 - step.tokens / step.computed_tokens:.0%}"


def duration(seconds: float) -> str:
    """`0:07`, `12:05`, `3:04:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def sentence(event: ProgressEvent) -> str | None:
    """An event that is no step, for people."""
    match event:
        case StageStarted(stage="save_checkpoint"):
            return None  # told when it is saved
        case StageStarted(stage, detail):
            return STAGES[stage] + (f": {detail}" if detail else "")
        case Notice(message, "warn"):
            return f"warning: {message}"
        case Notice(message):
            return message
        case CheckpointSaved(step=step):
            return f"checkpoint saved at step {step}"
    return None
