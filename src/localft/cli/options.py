"""The flags that `plan` and `train` share: one declaration each, and the recipe key that each flag sets.

A flag is the recipe's key with dashes. Its value stays text until `localft.recipe` reads it by the rules that hold for
recipes, so `--batch-size 4` and `batch_size: 4` cannot mean different things, and all faults are reported together.

A command lists the aliases below as its parameters, takes `context: typer.Context`, and asks `requested` what was said:

    def plan(context: typer.Context, recipe: Recipe = None, model: Model = None, ...) -> None:
        request = options.requested(context)
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from localft.plan import TrainingPlan, TrainingRequest

FLAGS: dict[str, str] = {
    "model": "model",
    "training_file": "training_file",
    "validation_file": "validation_file",
    "suffix": "suffix",
    "seed": "seed",
    "method": "method.type",
    "batch_size": "method.supervised.hyperparameters.batch_size",
    "learning_rate_multiplier": "method.supervised.hyperparameters.learning_rate_multiplier",
    "n_epochs": "method.supervised.hyperparameters.n_epochs",
    "lora": "lora",
    "lora_rank": "lora.rank",
    "lora_alpha": "lora.alpha",
    "lora_dropout": "lora.dropout",
    "quantization": "quantization",
    "max_length": "max_length",
    "overlong": "overlong",
    "chat_template": "chat_template",
    "precision": "precision",
    "tokens_per_micro_batch": "execution.tokens_per_micro_batch",
    "gradient_checkpointing": "execution.gradient_checkpointing",
    "share_prefixes": "execution.share_prefixes",
    "compile": "execution.compile",
    "checkpoint_minutes": "execution.checkpoint_minutes",
    "integrations": "integrations",
    "output_dir": "output_dir",
}
"""Parameter name of a command -> key of the recipe that it overrides."""

_DATA = "Model and data"
_KNOBS = "Knobs of the job"
_METHOD = "Method"
_EXECUTION = "Execution (never changes the result)"

Recipe = Annotated[
    Path | None,
    typer.Argument(metavar="[RECIPE]", help="A recipe (YAML), or the plan.json of a run, which repeats it."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Catalogue id, hub id, directory of a saved model, or a finished run's directory.",
        rich_help_panel=_DATA,
    ),
]
TrainingFile = Annotated[
    str | None, typer.Option("--training-file", help="Chat-JSONL to train on.", rich_help_panel=_DATA)
]
ValidationFile = Annotated[
    str | None, typer.Option("--validation-file", help="Chat-JSONL to validate on.", rich_help_panel=_DATA)
]
Suffix = Annotated[
    str | None, typer.Option("--suffix", help="Word for the fine-tuned model's name.", rich_help_panel=_DATA)
]
OutputDir = Annotated[
    str | None,
    typer.Option("--output-dir", help="Run directory; by default one under runs/.", rich_help_panel=_DATA),
]
BatchSize = Annotated[
    str | None,
    typer.Option(
        "--batch-size", help="Examples per optimizer step over all GPUs, 1..256, or auto (-1).", rich_help_panel=_KNOBS
    ),
]
LearningRateMultiplier = Annotated[
    str | None,
    typer.Option(
        "--learning-rate-multiplier",
        help="Times the model's base learning rate, > 0, or auto (-1). 0.5..2 suits LoRA.",
        rich_help_panel=_KNOBS,
    ),
]
Epochs = Annotated[
    str | None,
    typer.Option("--n-epochs", help="Passes over the data, 1..50, or auto (-1).", rich_help_panel=_KNOBS),
]
Seed = Annotated[
    str | None,
    typer.Option("--seed", help="0..2147483647, or auto: drawn and recorded.", rich_help_panel=_KNOBS),
]
Method = Annotated[str | None, typer.Option("--method", help="supervised", rich_help_panel=_METHOD)]
Lora = Annotated[
    str | None, typer.Option("--lora", help="none: full fine-tuning, without an adapter.", rich_help_panel=_METHOD)
]
LoraRank = Annotated[
    str | None, typer.Option("--lora-rank", help="Rank of the adapter; 16 by default.", rich_help_panel=_METHOD)
]
LoraAlpha = Annotated[
    str | None, typer.Option("--lora-alpha", help="Scale of the adapter; 32 by default.", rich_help_panel=_METHOD)
]
LoraDropout = Annotated[
    str | None, typer.Option("--lora-dropout", help="Dropout of the adapter; 0 by default.", rich_help_panel=_METHOD)
]
Quantization = Annotated[
    str | None,
    typer.Option("--quantization", help="none, or nf4 (QLoRA).", rich_help_panel=_METHOD),
]
MaxLength = Annotated[
    str | None,
    typer.Option(
        "--max-length", help="Tokens of the longest row, or auto: the model's context.", rich_help_panel=_METHOD
    ),
]
Overlong = Annotated[
    str | None,
    typer.Option("--overlong", help="Rows over it: refuse, truncate or drop.", rich_help_panel=_METHOD),
]
ChatTemplate = Annotated[
    str | None,
    typer.Option(
        "--chat-template", help="File of a chat template to use in place of the model's own.", rich_help_panel=_METHOD
    ),
]
Precision = Annotated[
    str | None,
    typer.Option("--precision", help="auto, float32 or bfloat16.", rich_help_panel=_EXECUTION),
]
TokensPerMicroBatch = Annotated[
    str | None,
    typer.Option(
        "--tokens-per-micro-batch",
        help="Token budget of one forward and backward pass, or auto.",
        rich_help_panel=_EXECUTION,
    ),
]
GradientCheckpointing = Annotated[
    str | None,
    typer.Option("--gradient-checkpointing", help="auto, off, selective or full.", rich_help_panel=_EXECUTION),
]
SharePrefixes = Annotated[
    str | None,
    typer.Option(
        "--share-prefixes",
        help="Compute what rows begin with in common once: auto, true or false.",
        rich_help_panel=_EXECUTION,
    ),
]
Compile = Annotated[
    str | None,
    typer.Option("--compile", help="Put the layers through torch.compile: true or false.", rich_help_panel=_EXECUTION),
]
CheckpointMinutes = Annotated[
    str | None,
    typer.Option(
        "--checkpoint-minutes",
        help="How old the last checkpoint gets between the ends of epochs.",
        rich_help_panel=_EXECUTION,
    ),
]
Integrations = Annotated[
    str | None,
    typer.Option(
        "--integrations",
        help="Trackers, separated by commas: mlflow, tensorboard, trackio, wandb; or none.",
        rich_help_panel=_EXECUTION,
    ),
]


def about_rows(chat_template: str | None, max_length: int | None, overlong: str | None) -> str:
    """The flags that decide what a row becomes, as they were given, to stand behind a command that is proposed."""
    given = {"--chat-template": chat_template, "--max-length": max_length, "--overlong": overlong}
    return "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in given.items() if value is not None)


def overrides(context: typer.Context) -> dict[str, str]:
    """The flags that were given, as recipe key -> text: `--batch-size 4` -> `{"method...batch_size": "4"}`."""
    return {key: context.params[flag] for flag, key in FLAGS.items() if context.params.get(flag) is not None}


def requested(context: typer.Context) -> TrainingRequest | TrainingPlan:
    """What the command line asks for: recipe and flags as a request, or the plan of an earlier run as it stands."""
    from localft.recipe import read_recipe_or_plan

    return read_recipe_or_plan(context.params.get("recipe"), overrides(context))
