"""`execution.json`: how the steps of a run were really carried out, one attempt after the other.

An attempt is one start of the command: a run that is stopped and continued has several. The file is for people and for
measurements. Nothing of the result depends on it: it is read only to put the next attempt behind the earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from localft.jobs.files import write_whole
from localft.plan import TrainingPlan
from localft.progress import ExecutionChanged, ExecutionChosen, StepMetrics

Ending = Literal["succeeded", "paused", "failed"]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Planned(_Frozen):
    """What the plan asked for."""

    tokens_per_micro_batch: int
    gradient_checkpointing: str
    share_prefixes: bool
    compile: bool


class Change(_Frozen):
    """A setting that was changed on the way, so that memory suffices or is used."""

    step: int
    """1-based: the first step computed so."""
    setting: Literal["tokens_per_micro_batch", "gradient_checkpointing"]
    before: int | str
    after: int | str


class Totals(_Frozen):
    """All steps of the attempt added up; after a kill, those up to its last checkpoint."""

    steps: int = 0
    seconds: float = 0.0
    """Spent in steps; validation and checkpoints are not counted."""
    tokens: int = 0
    """Of the examples, padding not counted."""
    trained_tokens: int = 0
    """Of these, the ones that carry loss."""
    computed_tokens: int = 0
    """Positions that the model computed for them."""
    computed_ratio: float | None = None
    """computed_tokens / tokens: above 1 by padding, below 1 by shared prefixes."""
    tokens_per_second: float | None = None
    trained_tokens_per_second: float | None = None
    peak_memory_bytes: int | None = None
    """The most that one rank has held: of its GPU, on the CPU of its process."""

    def plus(self, step: StepMetrics) -> Totals:
        seconds, tokens = self.seconds + step.seconds, self.tokens + step.tokens
        trained, computed = self.trained_tokens + step.trained_tokens, self.computed_tokens + step.computed_tokens
        return Totals(
            steps=self.steps + 1,
            seconds=round(seconds, 6),
            tokens=tokens,
            trained_tokens=trained,
            computed_tokens=computed,
            computed_ratio=round(computed / tokens, 4),
            tokens_per_second=round(tokens / seconds, 1) if seconds else None,
            trained_tokens_per_second=round(trained / seconds, 1) if seconds else None,
            peak_memory_bytes=max(self.peak_memory_bytes or 0, step.peak_memory_bytes or 0) or None,
        )


class Attempt(_Frozen):
    """One start of the command, from the loaded model to the end of its training."""

    started_at: int
    """Unix seconds."""
    first_step: int
    """1-based: 1, or the one behind the checkpoint that the attempt goes on from."""
    status: Literal["running", "succeeded", "paused", "failed", "killed"]
    """`killed`: the attempt ended without a word, and a later one found it so."""
    devices: list[str]
    """Name of each process's device."""
    processes: int
    precision: str
    layout: str
    """How examples lie in a micro-batch: padded, packed or shared."""
    attention: str
    head: str
    kernels: list[str]
    """What was put in place of the model's own layers."""
    compiled: bool
    gradient_checkpointing: str
    """As it is now; `changes` tells how it came to be."""
    tokens_per_micro_batch: int
    """As it is now; `changes` tells how it came to be."""
    planned: Planned
    changes: list[Change]
    totals: Totals
    versions: dict[str, str]
    """Of Python and the packages that compute."""


class ExecutionRecord(_Frozen):
    """The whole file."""

    object: Literal["localft.execution"] = "localft.execution"
    attempts: list[Attempt]
    """Oldest first."""


def execution_schema() -> dict[str, Any]:
    """JSON Schema of execution.json."""
    schema = ExecutionRecord.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Execution of a localft run"}


class ExecutionRecorder:
    """Keeps the file of one attempt up to date. Until the execution is chosen there is no attempt, and nothing is written."""

    def __init__(self, path: Path, plan: TrainingPlan, *, resume_step: int, clock: Callable[[], float]) -> None:
        self._path = path
        self._plan = plan
        self._resume_step = resume_step
        self._clock = clock
        self._earlier: list[Attempt] = []
        self._attempt: Attempt | None = None

    def begin(self, chosen: ExecutionChosen) -> None:
        self._earlier = [_ended(attempt) for attempt in read_attempts(self._path)]
        self._attempt = Attempt(
            started_at=int(self._clock()),
            first_step=self._resume_step + 1,
            status="running",
            devices=list(chosen.devices),
            processes=len(chosen.devices),
            precision=chosen.precision,
            layout=chosen.layout,
            attention=chosen.attention,
            head=chosen.head,
            kernels=list(chosen.kernels),
            compiled=chosen.compiled,
            gradient_checkpointing=chosen.gradient_checkpointing,
            tokens_per_micro_batch=chosen.tokens_per_micro_batch,
            planned=_planned(self._plan),
            changes=[],
            totals=Totals(),
            versions=chosen.versions,
        )
        self.write()

    def change(self, event: ExecutionChanged) -> None:
        if self._attempt is None:
            return
        change = Change(step=event.step, setting=event.setting, before=event.before, after=event.after)
        self._update(**{"changes": [*self._attempt.changes, change], event.setting: event.after})

    def add(self, step: StepMetrics) -> None:
        if self._attempt is not None:
            self._update(totals=self._attempt.totals.plus(step))

    def end(self, status: Ending) -> None:
        self._update(status=status)
        self.write()

    def write(self) -> None:
        if self._attempt is not None:
            record = ExecutionRecord(attempts=[*self._earlier, self._attempt])
            write_whole(self._path, record.model_dump_json(indent=2) + "\n")

    def _update(self, **values: object) -> None:
        if self._attempt is not None:
            self._attempt = self._attempt.model_copy(update=values)


def read_attempts(path: Path) -> list[Attempt]:
    """The attempts recorded so far; none where the file is missing or was changed by hand."""
    try:
        return ExecutionRecord.model_validate_json(path.read_bytes()).attempts
    except (FileNotFoundError, ValidationError):
        return []


def _ended(attempt: Attempt) -> Attempt:
    return attempt.model_copy(update={"status": "killed"}) if attempt.status == "running" else attempt


def _planned(plan: TrainingPlan) -> Planned:
    execution = plan.execution
    return Planned(
        tokens_per_micro_batch=execution.tokens_per_micro_batch,
        gradient_checkpointing=execution.gradient_checkpointing,
        share_prefixes=execution.share_prefixes,
        compile=execution.compile,
    )
