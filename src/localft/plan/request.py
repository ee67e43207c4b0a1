"""What a recipe, flags or a Python caller ask for. Anything but model and training file may be left to localft.

A refusal of type "setting" says what was expected only; whoever shows it adds where, which key, and what was found.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from localft.hyperparameters import Hyperparameters, Seed
from localft.plan.integrations import Integrations
from localft.plan.strict import Strict

Checkpointing = Literal["off", "selective", "full"]
"""What the backward pass computes again in place of keeping it: nothing, what is cheap to compute, all of a layer."""


def _path_text(value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _auto_or_integer(least: int) -> BeforeValidator:
    def validate(value: object) -> object:
        if value is None or value == "auto":
            return "auto"
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise PydanticCustomError("setting", 'expected an integer from {least} up, or "auto"', {"least": least})
        return value

    return BeforeValidator(validate)


def _auto_or_boolean(value: object) -> object:
    if value is None or value == "auto":
        return "auto"
    if not isinstance(value, bool):
        raise PydanticCustomError("setting", 'expected true, false or "auto"')
    return value


def _boolean(value: object) -> object:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise PydanticCustomError("setting", "expected true or false")
    return value


def _checkpointing(value: object) -> object:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "full" if value else "off"
    if value not in ("auto", *get_args(Checkpointing)):
        raise PydanticCustomError("setting", "expected auto, off, selective or full (true is full, false is off)")
    return value


def _suffix(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise PydanticCustomError("setting", "expected 1 to 64 of the characters A-Z a-z 0-9 _ -")
    return value


PathText = Annotated[str, BeforeValidator(_path_text), Field(min_length=1)]
Suffix = Annotated[
    str | None,
    BeforeValidator(_suffix),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, {"type": "null"}]}),
]


class SupervisedMethod(Strict):
    """Settings of supervised fine-tuning."""

    hyperparameters: Hyperparameters = Hyperparameters()
    """Batch size, learning rate multiplier and epochs."""


class MethodRequest(Strict):
    """The method, spelled as in the service's `method` object."""

    type: Literal["supervised"] = "supervised"
    """What is learned from the examples: to give their assistant messages."""
    supervised: SupervisedMethod = SupervisedMethod()
    """Settings of this method."""


class LoraSettings(Strict):
    """A LoRA adapter on all linear layers."""

    rank: int = Field(default=16, ge=1, le=1024)
    """Width of the adapter: more can learn more, and costs memory."""
    alpha: int = Field(default=32, ge=1)
    """The adapter's output is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the adapter's inputs zeroed in training."""


def _lora_kind(value: object) -> str | None:
    if value == "none":
        return "lora-none"
    return "lora-settings" if isinstance(value, dict | LoraSettings) else None


LoraRequest = Annotated[
    Annotated[LoraSettings, Tag("lora-settings")] | Annotated[Literal["none"], Tag("lora-none")],
    Discriminator(
        _lora_kind,
        custom_error_type="setting",
        custom_error_message="expected none (full fine-tuning), or settings such as {rank: 16, alpha: 32}",
    ),
]


class ExecutionRequest(Strict):
    """How the steps are carried out. Nothing here changes the result."""

    tokens_per_micro_batch: Annotated[
        int | Literal["auto"],
        _auto_or_integer(1),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}, {"type": "null"}]}),
    ] = "auto"
    """Most tokens of one forward and backward pass, packed without padding: more is faster, and takes memory."""
    gradient_checkpointing: Annotated[
        Checkpointing | Literal["auto"],
        BeforeValidator(_checkpointing),
        WithJsonSchema(
            {"anyOf": [{"enum": ["auto", *get_args(Checkpointing)]}, {"type": "boolean"}, {"type": "null"}]}
        ),
    ] = "auto"
    """off, selective or full: compute activations again in place of keeping them, for less memory. full is about half
    as slow again; selective keeps what takes most work. true is full, false is off."""
    share_prefixes: Annotated[
        bool | Literal["auto"],
        BeforeValidator(_auto_or_boolean),
        WithJsonSchema({"anyOf": [{"type": "boolean"}, {"const": "auto"}, {"type": "null"}]}),
    ] = "auto"
    """Compute what rows of a micro-batch begin with in common, such as a system message, once for all of them."""
    compile: Annotated[
        bool, BeforeValidator(_boolean), WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "null"}]})
    ] = False
    """Compile the model's layers with torch.compile: faster steps on a GPU, after minutes of waiting."""
    checkpoint_minutes: float = Field(default=30, gt=0)
    """Between the ends of epochs too, a checkpoint is saved where the last one is so many minutes old: what a machine that
    goes without a word costs at most."""


class TrainingRequest(Strict):
    """What a recipe, flags or a Python caller ask for; anything but model and training file may be left to localft.

    Paths are relative to the current directory.
    """

    model: PathText
    """Catalogue id, hub id, directory of a saved model, or a finished run's directory to go on training."""
    training_file: PathText
    """Chat-JSONL to train on."""
    validation_file: PathText | None = None
    """Chat-JSONL to validate on."""
    suffix: Suffix = None
    """A word for the fine-tuned model's name: 1 to 64 of A-Z a-z 0-9 _ -"""
    seed: Seed = "auto"
    """Data order, adapter init, dropout, validation batches; 0..2147483647. auto: drawn, and recorded."""
    method: MethodRequest = MethodRequest()
    """How to train, spelled as in the service's `method` object."""
    lora: LoraRequest = LoraSettings()
    """The adapter, or `none` for full fine-tuning."""
    quantization: Literal["none", "nf4"] = "none"
    """nf4 keeps the base model in four bits (QLoRA): a third of the memory."""
    max_length: Annotated[
        int | Literal["auto"],
        _auto_or_integer(2),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 2}, {"const": "auto"}, {"type": "null"}]}),
    ] = "auto"
    """Tokens of the longest row that is trained as it stands. auto: the model's context length."""
    overlong: Literal["refuse", "truncate", "drop"] = "refuse"
    """What happens to rows over max_length; always counted."""
    chat_template: PathText | None = None
    """File of a chat template to use in place of the model's own."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the base model. auto: bfloat16 on a GPU, float32 on the CPU."""
    execution: ExecutionRequest = ExecutionRequest()
    """How the steps are carried out; never changes the result."""
    integrations: Integrations = ()
    """Trackers to show the training in: mlflow, tensorboard, trackio, wandb. Never changes the result."""
    output_dir: PathText | None = None
    """Run directory. By default one under runs/, named after model and suffix or training file."""

    @model_validator(mode="after")
    def _combinations(self) -> TrainingRequest:
        if self.lora == "none" and self.quantization != "none":
            raise PydanticCustomError(
                "combination",
                "quantization is nf4 while lora is none; four-bit weights cannot be trained themselves: "
                "give lora settings, or set quantization: none",
            )
        return self
