"""Resolves a request: the one place where everything left open gets its value."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import localft
from localft import hyperparameters
from localft.catalog import (
    ModelFacts,
    PlannedModel,
    adapter_settings,
    fallback_learning_rate,
    has_chat_template,
    model_facts,
    resolve_model,
    tokenizer_directory,
)
from localft.errors import ModelError, UsageError
from localft.hyperparameters import ResolvedHyperparameters
from localft.plan import memory
from localft.plan.data_file import DataFile, describe_file
from localft.plan.execution import GPU_TOKENS, Device, PlannedExecution, Quantization, plan_execution
from localft.plan.memory import MemoryEstimate
from localft.plan.request import LoraSettings, TrainingRequest
from localft.plan.sharding import LAUNCH, sharding_wanted
from localft.plan.training_plan import UNCOUNTED, LearningRate, TrainingPlan

if TYPE_CHECKING:
    from localft.tokenization.survey import TokenStatistics

FULL_FINE_TUNING_SHARE = 0.1
"""Full fine-tuning takes a tenth of the base learning rate, which suits LoRA."""
LORA_MULTIPLIERS = (0.5, 5.0)
"""Outside of these a multiplier is remarked on: 0.5 begins the range that suits LoRA, 5 is the service's limit."""
HIGH_LORA_LEARNING_RATE = 1e-3
"""The highest best rate of a public LoRA sweep over 27 models; three times that diverged often."""


def make_plan(
    request: TrainingRequest,
    *,
    statistics: TokenStatistics | None = None,
    processes: int | None = None,
    device: Device | None = None,
) -> TrainingPlan:
    """Resolves everything that the request leaves open.

    Reads each data file once, to count its examples and hash it; does not validate it. Loads no model and downloads nothing.
    Without `statistics` the plan has no token counts and takes every example to be trained. `processes` and `device` are
    those of this machine where they are not given.
    """
    training_file = describe_file(request.training_file, "training_file")
    validation_file = describe_file(request.validation_file, "validation_file") if request.validation_file else None
    model = resolve_model(request.model)
    facts = model_facts(model)
    lora, lora_notes = _lora_settings(request, model)
    knobs = hyperparameters.resolve(request.method.supervised.hyperparameters, request.seed, training_file.examples)
    execution, estimated = plan_execution(
        request.execution,
        request.precision,
        facts.shape,
        batch_size=int(knobs.batch_size.value),
        rank=lora.rank if lora else None,
        dropout=lora.dropout if lora else 0.0,
        quantization=request.quantization,
        longest=None,
        device=device,
        processes=processes,
    )
    learning_rate = _learning_rate(facts, float(knobs.learning_rate_multiplier.value), lora)
    plan = TrainingPlan(
        localft_version=_version(),
        model=model,
        method=request.method.type,
        suffix=request.suffix,
        training_file=training_file,
        validation_file=validation_file,
        hyperparameters=knobs,
        learning_rate=learning_rate,
        lora=lora,
        quantization=request.quantization,
        max_length=_max_length(request, facts),
        overlong=request.overlong,
        chat_template=_chat_template(request, model, facts),
        date=datetime.date.today().isoformat(),
        examples=training_file.examples,
        steps_per_epoch=0,
        total_steps=0,
        warmup_steps=0,
        trainer_arguments={},
        execution=execution,
        tokens=None,
        memory=estimated,
        integrations=request.integrations,
        output_dir=os.path.abspath(request.output_dir or default_output_dir(request)),
        notes=(
            *lora_notes,
            *_learning_rate_notes(
                learning_rate, float(knobs.learning_rate_multiplier.value), lora, facts.shape.hidden_size
            ),
            *_data_notes(training_file, validation_file),
            *_execution_notes(knobs, execution, estimated, facts, lora, request.quantization),
            *([_uncounted_note(model)] if statistics is None else []),
        ),
    )._rescheduled(knobs, training_file.examples)
    return plan if statistics is None else plan.with_statistics(statistics)


def _learning_rate(facts: ModelFacts, multiplier: float, lora: LoraSettings | None) -> LearningRate:
    base = facts.base_learning_rate
    share = 1.0 if lora else FULL_FINE_TUNING_SHARE
    value = base * multiplier if lora else base * FULL_FINE_TUNING_SHARE * multiplier
    tenth = "" if lora else f" x {share:g} (full fine-tuning)"
    return LearningRate(
        value=value,
        base=base,
        source=facts.base_learning_rate_source,
        rule=f"{base:.4g} (base){tenth} x {multiplier:g} (multiplier) = {value:.4g}",
    )


def _learning_rate_notes(
    learning_rate: LearningRate, multiplier: float, lora: LoraSettings | None, hidden_size: int
) -> list[str]:
    least, most = LORA_MULTIPLIERS
    notes = []
    if multiplier < least and lora:
        notes.append(
            f"learning_rate_multiplier {multiplier:g} is low for LoRA, which 0.5..2 suits; the advice of 0.02..0.2 is for full "
            "fine-tuning, and trains an adapter about ten times too slowly."
        )
    elif multiplier < least:
        notes.append(
            f"learning_rate_multiplier {multiplier:g} comes on top of the tenth that full fine-tuning takes already; the advice "
            "of 0.02..0.2 times the pretraining rate corresponds to 0.2..2 here."
        )
    elif multiplier > most:
        notes.append(
            f"learning_rate_multiplier {multiplier:g} is above {most:g}, the most that the service takes for Llama and Phi; "
            "expect the loss to diverge."
        )
    fitted = fallback_learning_rate(hidden_size)
    if lora and learning_rate.value > max(HIGH_LORA_LEARNING_RATE, 2 * fitted):
        notes.append(
            f"learning rate {learning_rate.value:.3g} is high for LoRA: in a public sweep over 27 models the best were "
            f"1e-4..1e-3, and 3e-3 diverged often. For a model of this width the fit of LoRA rates gives {fitted:.2g}, which is "
            f"learning_rate_multiplier {fitted / learning_rate.base:.2g}."
        )
    return notes


def _data_notes(training_file: DataFile, validation_file: DataFile | None) -> list[str]:
    if validation_file is not None and validation_file.sha256 == training_file.sha256:
        return ["validation_file has the content of training_file, so its loss says nothing about new data."]
    return []


def _execution_notes(
    knobs: ResolvedHyperparameters,
    execution: PlannedExecution,
    estimated: MemoryEstimate,
    facts: ModelFacts,
    lora: LoraSettings | None,
    quantization: Quantization,
) -> list[str]:
    notes = []
    if lora is not None and lora.dropout > 0:
        notes.append(
            f"dropout {lora.dropout:g} draws zeros in the order of computing: with another number of processes or tokens a "
            "micro-batch, others are drawn, and results agree as those of two seeds do."
        )
    if knobs.batch_size.value < execution.processes:
        notes.append(
            f"batch_size {knobs.batch_size.value} is below the {execution.processes} processes: in each step "
            f"{execution.processes - int(knobs.batch_size.value)} of them have nothing to do."
        )
    if estimated.fits is False:
        assert estimated.available_bytes is not None
        smaller = "a smaller model" if quantization == "nf4" else "quantization: nf4, a smaller model"
        alone = execution.processes > 1 and not sharding_wanted()
        spread = f" Several GPUs can hold one model together: {LAUNCH}." if alone else ""
        notes.append(
            f"memory: about {estimated.total_gib:g} GiB are needed, the GPU has "
            f"{estimated.available_bytes / memory.GIB:.1f}; set {smaller}, or fewer execution.tokens_per_micro_batch.{spread}"
        )
    elif not estimated.fits_what_is_free:
        assert estimated.available_bytes is not None and estimated.free_bytes is not None
        notes.append(
            f"memory: about {estimated.total_gib:g} GiB are needed, of the GPU's {estimated.available_bytes / memory.GIB:.1f} "
            f"only {estimated.free_bytes / memory.GIB:.1f} are free; end other programs that use it (`nvidia-smi` lists them)."
        )
    if execution.device == "cpu" and facts.shape.parameters > 500_000_000:
        on_gpu = memory.estimate(
            facts.shape,
            rank=lora.rank if lora else None,
            quantization=quantization,
            precision="bfloat16",
            tokens=GPU_TOKENS,
            gradient_checkpointing="full",
        )
        notes.append(
            f"no GPU is visible, so this plan is for the CPU, where a model of this size is very slow. On a GPU the "
            f"training needs about {on_gpu.total_gib:g} GiB (bfloat16, gradient checkpointing, {GPU_TOKENS} tokens a "
            "micro-batch)."
        )
    return notes


def _uncounted_note(model: PlannedModel) -> str:
    if tokenizer_directory(model) is not None:
        return f"{UNCOUNTED} in this plan."
    return (
        f"{UNCOUNTED}: the tokenizer is not on this machine. Fetch it with: "
        f'hf download {model.hub_id} --include "*.json" --include "*.jinja" (training fetches it too).'
    )


def _lora_settings(request: TrainingRequest, model: PlannedModel) -> tuple[LoraSettings | None, list[str]]:
    """The adapter's settings; an adapter that goes on being trained keeps its rank and alpha."""
    asked = request.lora if isinstance(request.lora, LoraSettings) else None
    if model.adapter_path is None:
        return asked, []
    if asked is None:
        raise UsageError(
            f"lora is none, but {model.id} is a LoRA adapter; leave lora out to go on training it, or merge it into its base "
            "model first.",
            param="lora",
        )
    rank, alpha, dropout = adapter_settings(Path(model.adapter_path))
    settled = asked.model_copy(update={"rank": rank, "alpha": alpha})
    changed = [
        f"lora.{name} is {getattr(asked, name)}, the adapter of {model.id} has {getattr(settled, name)}"
        for name in ("rank", "alpha")
        if name in asked.model_fields_set and getattr(asked, name) != getattr(settled, name)
    ]
    if changed:
        raise UsageError(
            "\n".join(f"{problem}; leave it out to go on training that adapter." for problem in changed),
            problems=tuple(changed),
            param="lora",
        )
    if "dropout" not in asked.model_fields_set:
        settled = settled.model_copy(update={"dropout": dropout})
    return settled, [f"training goes on with the adapter of {model.id}: rank {rank}, alpha {alpha}."]


def _max_length(request: TrainingRequest, facts: ModelFacts) -> int:
    if request.max_length == "auto":
        return facts.context_length
    if request.max_length > facts.context_length:
        raise UsageError(
            f"max_length is {request.max_length}; expected at most {facts.context_length}, the context length of "
            f"{request.model}.",
            param="max_length",
        )
    return request.max_length


def _chat_template(request: TrainingRequest, model: PlannedModel, facts: ModelFacts) -> str | None:
    """Text of the template that replaces the model's own: the user's file, else the catalogue's where the model has none."""
    if request.chat_template is not None:
        try:
            return Path(request.chat_template).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{request.chat_template}: expected a file with a chat template (Jinja), found: {error}.",
                param="chat_template",
            ) from None
    directory = tokenizer_directory(model)
    if directory is not None and has_chat_template(directory):
        return None
    if facts.fallback_template is not None:
        from localft.tokenization.tokenizer import read_template

        return read_template(facts.fallback_template)
    if directory is not None:
        raise ModelError(
            f"{model.id}: expected a chat template (chat_template.jinja, or chat_template in tokenizer_config.json), found "
            "none; give one with chat_template: FILE in the recipe, or --chat-template FILE.",
            code="no_chat_template",
            param="chat_template",
        )
    return None


def default_output_dir(request: TrainingRequest) -> str:
    """runs/<model>-<suffix, or the training file's name>: the same command finds its run again."""
    model = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(request.model.rstrip("/")).name).strip("-.") or "model"
    word = request.suffix or re.sub(r"[^A-Za-z0-9_-]+", "-", Path(request.training_file).stem).strip("-") or "run"
    return os.path.join("runs", f"{model}-{word}")


def _version() -> str:
    try:
        return importlib.metadata.version("localft")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return localft.__version__
