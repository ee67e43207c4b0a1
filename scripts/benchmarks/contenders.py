"""Who is compared. Each contender trains one epoch in a process of its own and leaves an adapter.

All get the same model, the same token ids, LoRA of the same rank from the same seed, AdamW, the same learning rate with
the same linear decay, and no limit on a row's length. What differs is named in each.
"""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers.trainer
import trl.trainer.utils
from datasets import Dataset
from peft import get_peft_model
from transformers import AutoTokenizer, TrainerCallback, set_seed
from transformers.models.llama import modeling_llama  # noqa: F401  # loaded lazily, and no part of a training's memory
from trl import SFTConfig, SFTTrainer

from localft.cli.progress import shown_progress
from localft.modeling.adapters import lora_config
from localft.progress import ProgressEvent, StepMetrics
from localft.runner import run_job
from localft.runner.run import Engine
from localft.training import trainer
from localft.training.collator import IGNORED
from localft.training.engine import train

from . import bare_loop
from .measuring import MeasuredStep, Meter
from .workspace import LORA, SEED, Workspace


@dataclass(frozen=True)
class Result:
    """What one training of one contender came to."""

    steps: list[MeasuredStep]
    peak_bytes: int
    held_out_loss: float


def measure(name: str, directory: Path) -> Result:
    """Trains the contender of this name; to be called in a fresh process."""
    space = Workspace(directory)
    torch.set_num_threads(space.settings.threads)
    meter = Meter(space.device)
    adapter = directory / f"adapter of {name}"
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CONTENDERS[name](space, meter, adapter)
        peak = meter.peak_bytes()
        return Result(meter.steps, peak, space.held_out_loss(adapter))


# --- localft


def _localft(*, engine: Engine | None = None, **execution: Any) -> Callable[[Workspace, Meter, Path], None]:
    """The runner as `localft train` calls it, with its records and its progress lines."""

    def run(space: Workspace, meter: Meter, adapter: Path) -> None:
        computed = _count_positions()
        run_directory = adapter.with_name(f"run of {adapter.name}")
        for left in (adapter, run_directory):  # of the training before, where there are several
            shutil.rmtree(left, ignore_errors=True)
        request = space.request(execution=execution, output_dir=str(run_directory))

        transformers.trainer.DEFAULT_CALLBACKS.append(_start(meter))

        def record(event: ProgressEvent) -> None:
            if isinstance(event, StepMetrics):
                positions = sum(computed)
                computed.clear()
                meter.step(
                    loss=event.train_loss,
                    tokens=event.tokens,
                    trained_tokens=event.trained_tokens,
                    positions=positions,
                )

        with shown_progress(io.StringIO()) as show:

            def report(event: ProgressEvent) -> None:
                show(event)
                record(event)

            outcome = run_job(request, resume="never", report=report, engine=engine)
        assert outcome.model_path is not None
        shutil.move(outcome.model_path, adapter)

    return run


def _start(meter: Meter) -> type[TrainerCallback]:
    """A callback that starts the meter where TRL's measurement starts too: behind the set-up, before the first batch."""

    class Start(TrainerCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            meter.start()

    return Start


def _count_positions() -> list[int]:
    """Positions of each micro-batch that the trainer scores from now on."""
    computed: list[int] = []
    score = trainer.score

    def counting(model: Any, batch: Any) -> Any:
        computed.append(batch.positions)
        return score(model, batch)

    trainer.score = counting
    return computed


# --- TRL


class _MeasuredTrainer(SFTTrainer):
    """TRL's trainer, counting what it is given."""

    meter: Meter

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        labels = inputs["labels"]
        counted = {
            "tokens": int(inputs["attention_mask"].sum()),
            "trained_tokens": int((labels[:, 1:] != IGNORED).sum()),
            "positions": labels.numel(),
        }
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.counted = {"loss": loss.detach(), **counted}
        return loss


class _MeterCallback(TrainerCallback):
    def __init__(self, owner: _MeasuredTrainer) -> None:
        self.owner = owner

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        self.owner.meter.start()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        counted = self.owner.counted
        self.owner.meter.step(**{**counted, "loss": float(counted["loss"])})


TUNED = {
    "gradient_checkpointing": False,
    "train_sampling_strategy": "group_by_length",
    "logging_steps": 1_000_000,
    "logging_nan_inf_filter": False,
    "disable_tqdm": True,
}


def _trl(*, tuned: bool = False, **settings: Any) -> Callable[[Workspace, Meter, Path], None]:
    """SFTTrainer on tokenised rows with labels, given the model's directory, as its documentation does."""

    def run(space: Workspace, meter: Meter, adapter: Path) -> None:
        plan = space.plan
        if tuned:
            _compact_head()
            settings["bf16"] = space.dtype is torch.bfloat16
        arguments = SFTConfig(
            output_dir=str(adapter.with_name(f"run of {adapter.name}")),
            per_device_train_batch_size=space.settings.batch_size,
            num_train_epochs=1,
            learning_rate=plan.learning_rate.value,
            warmup_steps=plan.warmup_steps,
            max_length=None,
            seed=SEED,
            use_cpu=space.device == "cpu",
            report_to="none",
            save_strategy="no",
            **settings,
        )
        owner = _MeasuredTrainer(
            model=space.load_base() if tuned or space.settings.quantization != "none" else str(space.model_directory),
            args=arguments,
            processing_class=AutoTokenizer.from_pretrained(space.model_directory),
            train_dataset=Dataset.from_list([_labelled(*row) for row in space.training]),
            peft_config=lora_config(LORA),
        )
        owner.meter = meter
        owner.add_callback(_MeterCallback(owner))
        owner.train()
        owner.model.save_pretrained(adapter)

    return run


def _compact_head() -> None:
    """TRL's head scores trained positions alone on a GPU, all of them elsewhere: let it do so everywhere."""
    trl.trainer.utils._use_triton = lambda device: True


def _labelled(ids: list[int], weights: list[float]) -> dict[str, list[int]]:
    return {
        "input_ids": ids,
        "labels": [token if weight else IGNORED for token, weight in zip(ids, weights, strict=True)],
    }


# --- nothing around it


def _bare(space: Workspace, meter: Meter, adapter: Path) -> None:
    """The steps of localft in its order, each as one flattened row; the beginning that its rows share is computed once."""
    base = space.load_base(attention=bare_loop.ATTENTION)
    set_seed(SEED)
    model: Any = get_peft_model(base, lora_config(LORA))
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, space.plan.learning_rate.value, weight_decay=0.0)
    steps = space.steps()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / len(steps))
    model.train()
    meter.start()
    for rows in steps:
        step = bare_loop.FlatStep.of(rows)
        with torch.autocast(space.device, dtype=space.dtype, enabled=space.dtype != torch.float32):
            loss = bare_loop.mean_loss(model, step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        meter.step(
            loss=loss.item(),
            tokens=sum(len(ids) for ids, _ in rows),
            trained_tokens=len(step.targets_N),
            positions=len(step.ids_T),
        )
    model.save_pretrained(adapter)


CONTENDERS: dict[str, Callable[[Workspace, Meter, Path], None]] = {
    "TRL defaults": _trl(),
    "TRL defaults, float32": _trl(bf16=False),
    "TRL tuned": _trl(tuned=True, **TUNED),
    "bare loop": _bare,
    "localft, padded": _localft(engine=functools.partial(train, layout="padded")),
    "localft, not sharing": _localft(share_prefixes=False),
    "localft": _localft(),
}
ONLY_IF_ASKED = ("localft, padded", "TRL defaults, float32")
ONCE = ("TRL defaults", "TRL defaults, float32")
"""Slow, and so far behind that a second training would change nothing."""
ONLY_ON_CPU = ("TRL defaults, float32",)
