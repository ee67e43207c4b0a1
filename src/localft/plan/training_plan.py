"""The plan: every number of a training, frozen, saved as plan.json."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from localft import hyperparameters
from localft.catalog import PlannedModel, model_facts
from localft.errors import DataError, ModelError, UsageError
from localft.hyperparameters import ResolvedHyperparameters, is_auto
from localft.plan.data_file import DataFile, describe_file
from localft.plan.execution import Device, PlannedExecution, Quantization, plan_execution
from localft.plan.forecast import ExecutionForecast
from localft.plan.integrations import Integrations
from localft.plan.memory import MemoryEstimate
from localft.plan.request import LoraSettings
from localft.plan.schedule import schedule_arguments, trainer_arguments, warmup_steps
from localft.plan.strict import Strict

if TYPE_CHECKING:
    from localft.tokenization.survey import TokenStatistics

UNCOUNTED = "tokens are not counted"
"""How the note of a plan without token counts begins."""


class LearningRate(Strict):
    """The learning rate and where it comes from."""

    value: float
    """Peak learning rate: base x multiplier (full fine-tuning: base / 10 x multiplier)."""
    base: float
    source: str
    """Where the base learning rate comes from: a paper, a repository, or the documented fallback."""
    rule: str


class TokenCounts(Strict):
    """Tokens of the training file as it is trained: after truncating or dropping."""

    tokens: int
    """In one epoch."""
    trained_tokens: int
    """Of these, the ones that carry loss."""
    longest: int
    """Tokens of the longest row."""
    truncated: int
    """Rows cut to max_length."""
    dropped: int
    """Rows left out because they exceed max_length."""
    billed_tokens: int
    """tokens x n_epochs: what the service would bill."""


class TrainingPlan(Strict):
    """Everything about a training, resolved: no "auto", no default left open. Saved as plan.json, it repeats the run."""

    localft_version: str
    model: PlannedModel
    method: Literal["supervised"]
    suffix: str | None
    training_file: DataFile
    validation_file: DataFile | None
    hyperparameters: ResolvedHyperparameters
    learning_rate: LearningRate
    lora: LoraSettings | None
    """None means full fine-tuning."""
    quantization: Quantization
    max_length: int
    overlong: Literal["refuse", "truncate", "drop"]
    chat_template: str | None
    """Text of the template to use in place of the model's own; None where the model's own is used."""
    date: str
    """ISO date that templates which print today's date get, fixed for the job."""
    examples: int
    """Examples that are trained: those of the file, less the dropped ones."""
    steps_per_epoch: int
    """ceil(examples / batch_size)"""
    total_steps: int
    warmup_steps: int
    trainer_arguments: dict[str, Any]
    """Passed to the trainer as they stand: the four knobs, schedule, optimizer."""
    execution: PlannedExecution
    tokens: TokenCounts | None
    """None where the tokenizer is not on this machine; `notes` says so."""
    memory: MemoryEstimate
    integrations: Integrations = ()
    """Trackers that are told of each step. They may be others when a run is continued."""
    output_dir: str
    """Absolute."""
    notes: tuple[str, ...] = ()
    """Sentences a person should read before training: unusual values, what could not be known."""

    def to_json(self) -> str:
        """The text of plan.json and of `localft plan --format json`."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "plan.json") -> TrainingPlan:
        """Reads what `to_json` wrote; UsageError names every field that does not fit."""
        try:
            plan = cls.model_validate_json(text)
        except ValidationError as error:
            found = [
                f"{'.'.join(str(part) for part in problem['loc']) or 'the file'}: {problem['msg']}"
                for problem in error.errors()
            ]
        else:
            found = list(_broken_by_hand(plan))
            if not found:
                return plan
        problems = tuple(f"{where}: {problem}" for problem in found)
        last = "Plan again from the recipe, or bring the file back; to change a value, change it in the recipe."
        raise UsageError(
            "\n".join([f"{where}: expected the plan of a localft run, found:", *problems, last]),
            problems=problems,
            code="invalid_plan",
        )

    def meaning(self) -> dict[str, Any]:
        """What the plan computes, field by field, without how or where: equal meanings give equal models.

        Files count by content, the model by its name; execution, directories and versions do not count.
        """
        knobs = self.hyperparameters
        schedule = {name: self.trainer_arguments[name] for name in schedule_arguments()}
        return {
            "training_file": self.training_file.sha256,
            "validation_file": self.validation_file.sha256 if self.validation_file else None,
            "model": self.model.base,
            "adapter": self.model.adapter_path,
            "method": self.method,
            "batch_size": knobs.batch_size.value,
            "learning_rate_multiplier": knobs.learning_rate_multiplier.value,
            "n_epochs": knobs.n_epochs.value,
            "seed": knobs.seed.value,
            "learning_rate": self.learning_rate.value,
            "lora": self.lora.model_dump() if self.lora else None,
            "quantization": self.quantization,
            "max_length": self.max_length,
            "overlong": self.overlong,
            "chat_template": self.chat_template,
            "date": self.date,
            "examples": self.examples,
            "warmup_steps": self.warmup_steps,
            **schedule,
        }

    def meaning_fingerprint(self) -> str:
        """sha256 of the meaning: equal for plans that must give the same model."""
        canonical = json.dumps(self.meaning(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def differences(self, other: TrainingPlan) -> list[str]:
        """What this plan's meaning has otherwise than `other`'s: "batch_size: 4, was 8"; empty where they agree."""
        ours, theirs = self.meaning(), other.meaning()
        return [
            f"{name}: {_shown(ours[name])}, was {_shown(theirs[name])}" for name in ours if ours[name] != theirs[name]
        ]

    def continuing(self, previous: TrainingPlan) -> TrainingPlan:
        """This plan with what was left to chance taken from `previous`: a drawn seed, and the date of the job.

        A resumed job compares the result with the previous plan: what still differs was changed by the user.
        """
        seed = self.hyperparameters.seed
        if is_auto(seed.requested):
            seed = seed.model_copy(update={"value": previous.hyperparameters.seed.value})
        knobs = self.hyperparameters.model_copy(update={"seed": seed})
        return self._rescheduled(knobs, self.examples).model_copy(update={"date": previous.date})

    def with_statistics(self, statistics: TokenStatistics) -> TrainingPlan:
        """This plan with its tokens counted; dropped rows change the examples, and with them the knobs left to "auto"."""
        examples = statistics.examples
        if examples < 1:
            raise DataError(
                f"{self.training_file.path}: none of its {self.training_file.examples} examples can be trained with "
                f"max_length {self.max_length}; raise max_length, or set overlong: truncate.",
                param="max_length",
            )
        rows_of_embedding = model_facts(self.model).shape.vocab_size
        if statistics.highest_id >= rows_of_embedding:
            raise ModelError(
                f"{self.model.id}: the tokenizer gives the id {statistics.highest_id}, but the model's embedding has "
                f"{rows_of_embedding} rows, so tokenizer and model do not belong together; save both from one source.",
                code="tokenizer_mismatch",
                param="model",
            )
        drawn = self.hyperparameters
        knobs = ResolvedHyperparameters(
            batch_size=hyperparameters.resolve_batch_size(drawn.batch_size.requested, examples),
            learning_rate_multiplier=drawn.learning_rate_multiplier,
            n_epochs=hyperparameters.resolve_n_epochs(drawn.n_epochs.requested, examples),
            seed=drawn.seed,
        )
        counts = TokenCounts(
            tokens=statistics.tokens,
            trained_tokens=statistics.trained_tokens,
            longest=statistics.longest,
            truncated=statistics.truncated,
            dropped=statistics.dropped,
            billed_tokens=statistics.tokens * int(knobs.n_epochs.value),
        )
        notes = tuple(note for note in self.notes if not note.startswith(UNCOUNTED))
        plan = self._rescheduled(knobs, examples).model_copy(update={"tokens": counts, "notes": notes})
        placed = plan.on_this_machine(device=self.execution.device, processes=self.execution.processes)
        settled = {name: self.execution.rules[name] for name in ("device", "processes")}
        rules = {**placed.execution.rules, **settled}
        return placed.model_copy(update={"execution": placed.execution.model_copy(update={"rules": rules})})

    def with_forecast(self, forecast: ExecutionForecast) -> TrainingPlan:
        """This plan, its execution looked at beforehand."""
        return self.model_copy(update={"execution": self.execution.model_copy(update={"forecast": forecast})})

    def on_this_machine(self, *, device: Device | None = None, processes: int | None = None) -> TrainingPlan:
        """The same meaning, its execution resolved anew: device, processes, precision, micro-batches, memory."""
        execution, estimated = plan_execution(
            self.execution.requested,
            self.execution.requested_precision,
            model_facts(self.model).shape,
            batch_size=int(self.hyperparameters.batch_size.value),
            rank=self.lora.rank if self.lora else None,
            dropout=self.lora.dropout if self.lora else 0.0,
            quantization=self.quantization,
            longest=self.tokens.longest if self.tokens else None,
            device=device,
            processes=processes,
        )
        moved = self.model_copy(update={"execution": execution, "memory": estimated})
        return moved._rescheduled(self.hyperparameters, self.examples)

    def check_data(self) -> None:
        """Raises DataError where a data file is no longer what it was when the plan was made."""
        for file, param in ((self.training_file, "training_file"), (self.validation_file, "validation_file")):
            if file is not None and describe_file(file.path, param).sha256 != file.sha256:
                raise DataError(
                    f"{file.path}: expected the file that the plan was made for (sha256 {file.sha256[:12]}...), found another "
                    "content; plan again from the recipe, or bring the file back.",
                    code="data_changed",
                    param=param,
                )

    def _rescheduled(self, knobs: ResolvedHyperparameters, examples: int) -> TrainingPlan:
        """This plan with the steps and trainer arguments that follow from these knobs, on its own execution."""
        steps_per_epoch = math.ceil(examples / knobs.batch_size.value)
        total_steps = steps_per_epoch * int(knobs.n_epochs.value)
        warmup = warmup_steps(total_steps)
        return self.model_copy(
            update={
                "hyperparameters": knobs,
                "examples": examples,
                "steps_per_epoch": steps_per_epoch,
                "total_steps": total_steps,
                "warmup_steps": warmup,
                "trainer_arguments": trainer_arguments(
                    knobs, self.learning_rate.value, warmup, self.execution.processes
                ),
            }
        )


def _broken_by_hand(plan: TrainingPlan) -> Iterator[str]:
    """What a plan cannot hold that localft wrote, and what would end in a crash later."""
    knobs = plan.hyperparameters
    for name, least, most in (("batch_size", 1, 256), ("n_epochs", 1, 50), ("seed", 0, 2**31 - 1)):
        knob = getattr(knobs, name)
        if knob.value != int(knob.value) or not least <= knob.value <= most:
            yield f"hyperparameters.{name}.value: expected an integer from {least} to {most}, found {knob.value:g}"
        if not is_auto(knob.requested) and knob.requested != knob.value:
            yield f"hyperparameters.{name}.requested: expected auto or the value {knob.value:g}, found {knob.requested}"
    if not 0 < plan.learning_rate.value < math.inf:
        yield f"learning_rate.value: expected a number above 0, found {plan.learning_rate.value:g}"
    if plan.examples < 1:
        yield f"examples: expected at least 1, found {plan.examples}"
    for name in schedule_arguments():
        if name not in plan.trainer_arguments:
            yield f"trainer_arguments.{name}: missing"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def plan_schema() -> dict[str, Any]:
    """JSON Schema of plan.json and of `localft plan --format json`."""
    schema = TrainingPlan.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Plan of a localft training"}
