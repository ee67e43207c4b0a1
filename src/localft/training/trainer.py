"""TRL's SFTTrainer with one optimizer step as the loader's unit.

The loader yields this rank's share of a step, `gradient_accumulation_steps` is 1, and `training_step` runs one backward
per micro-batch, exchanging gradients in the last one only. What is overridden, and why:

    get_train_dataloader           yields steps; not prepared by accelerate, which would spread them over ranks again
    _get_num_items_in_batch        the divisor of the loss is the step's sum of weights, known beforehand
    training_step, compute_loss    micro-batches; the weighted loss
    _maybe_log_save_evaluate       the stock hook behind a step: hands the finished step to the engine
    _load_from_checkpoint          the stock one lets peft change the adapter's precision

Data preparation, logging, evaluation and saving of the base classes are off.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from datasets import Dataset
from peft import PeftModel
from safetensors import SafetensorError
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from localft.errors import CheckpointError, TrainingFailed, UsageError
from localft.modeling.adapters import Trainable, read_adapter
from localft.modeling.load import read_weights
from localft.plan import TrainingPlan
from localft.training.batching import Step, Steps, cut
from localft.training.collator import MicroBatch, collate, idle_micro_batch
from localft.training.loss import score
from localft.training.metrics import Pooled, pooled, sum_over_ranks

TRAINER_STATE = "trainer_state.json"


@dataclass(frozen=True)
class FinishedStep:
    """One optimizer step behind us, the same on every rank."""

    step: Step
    number: int
    """1-based, over all epochs."""
    train: Pooled
    learning_rate: float
    grad_norm: float
    """Before clipping."""
    seconds: float


AfterStep = Callable[[FinishedStep], bool]
"""Called on every rank behind each optimizer step; True ends the training."""


def trainer_arguments(plan: TrainingPlan, output_dir: Path, *, ranks: int) -> SFTConfig:
    """The plan's arguments as they stand, and around them all that keeps the base classes to the steps alone."""
    checkpointing = plan.execution.gradient_checkpointing
    execution: dict[str, Any] = {
        "output_dir": str(output_dir),
        "per_device_train_batch_size": -(-int(plan.hyperparameters.batch_size.value) // ranks),
        "gradient_accumulation_steps": 1,
        "use_cpu": plan.execution.device == "cpu",
        "bf16": plan.execution.precision == "bfloat16",
        "activation_checkpointing": checkpointing,  # the new name of gradient_checkpointing, on by default in TRL
        "activation_checkpointing_kwargs": {"use_reentrant": False} if checkpointing else None,
        "ddp_find_unused_parameters": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "max_length": None,
        "report_to": "none",
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "log_level": "error",
    }
    _refuse_other_sharding()
    arguments = SFTConfig(**{**plan.trainer_arguments, **execution})
    # A configured `accelerate launch` would choose a precision of its own through the environment.
    arguments.mixed_precision = "bf16" if plan.execution.precision == "bfloat16" else "no"
    return arguments


class StepTrainer(SFTTrainer):
    """Trains on steps. `after_step` sees each finished one; everything else happens where the module's docstring says."""

    def __init__(
        self,
        model: Trainable,
        arguments: SFTConfig,
        tokenizer: PreTrainedTokenizerBase,
        steps: Steps,
        *,
        tokens_per_micro_batch: int,
        after_step: AfterStep,
    ) -> None:
        weights = {parameter: parameter.data for parameter in model.parameters() if parameter.requires_grad}
        super().__init__(
            model=model,
            args=arguments,
            processing_class=tokenizer,
            # The base class wants rows to look at, but only the loader below is ever read.
            train_dataset=Dataset.from_list([{"input_ids": [0], "labels": [0]}]),
            data_collator=collate,
            callbacks=[_EpochOfSteps(steps)],
        )
        for parameter, data in weights.items():
            parameter.data = data.to(parameter.device)  # TRL has cast the adapters of a quantised model to bfloat16
        self.remove_callback(PrinterCallback)
        self._steps = steps
        self._tokens_per_micro_batch = tokens_per_micro_batch
        self._after_step = after_step
        self._step: Step | None = None
        self._train = Pooled(0.0, 0.0)
        self._started = 0.0
        self._reported_step = 0

    # The unit of work

    def get_train_dataloader(self) -> DataLoader:
        """One step a batch. Indices alone are drawn for the steps before the one where a resumed run starts."""
        return DataLoader(self._steps, batch_size=1, shuffle=False, collate_fn=_only_step)  # type: ignore[arg-type]

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> None:
        return None

    def micro_batches(self, step: Step) -> list[MicroBatch]:
        """Cuts this rank's share of a step; at least one, since every rank takes part in the exchange of gradients."""
        lengths = [len(example.input_ids) for example in step.share]
        parts = cut(lengths, self._tokens_per_micro_batch)
        return [collate([step.share[position] for position in part]) for part in parts] or [idle_micro_batch()]

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Computes the gradients of one optimizer step; returns its loss over all ranks."""
        self._started = time.perf_counter()
        step: Step = inputs["step"]
        _assert_trained(step, self.state.global_step + 1)
        model.train()
        batches = self.micro_batches(step)
        sums_by_batch = []
        for position, batch in enumerate(batches):
            is_last = position == len(batches) - 1
            with nullcontext() if is_last else self.accelerator.no_sync(model):
                loss, batch_sums = self._micro_batch_loss(model, batch.to(self.args.device), step.total_weight)
                self.accelerator.backward(loss)
            sums_by_batch.append(batch_sums)
        sums = sum_over_ranks(torch.stack(sums_by_batch).sum(dim=0))
        if not bool(torch.isfinite(sums[0])):
            mine = [b.lines for b, s in zip(batches, sums_by_batch, strict=True) if not bool(torch.isfinite(s[0]))]
            lines = _gather_lines([line for part in mine for line in part])
            raise _everywhere(_not_finite("loss", self.state.global_step + 1, lines))
        self._step = step
        self._train = pooled(sums, step.total_weight)
        return torch.tensor(self._train.loss, device=self.args.device)

    def _micro_batch_loss(
        self, model: torch.nn.Module, batch: MicroBatch, total_weight: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = {"batch": batch, "total_weight": total_weight}
        with self.compute_loss_context_manager():
            return self.compute_loss(model, inputs, return_outputs=True)  # type: ignore[return-value]

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Returns a micro-batch's part of the step's loss, and its sums (see `Scores.sums`) if asked for outputs.

        DDP averages gradients over ranks; the factor of the number of ranks makes a sum of that average.
        """
        scores = score(model, inputs["batch"])
        loss = scores.weighted_nll / inputs["total_weight"] * self.accelerator.num_processes
        return (loss, scores.sums) if return_outputs else loss

    # Behind a step

    def _maybe_log_save_evaluate(
        self,
        tr_loss: torch.Tensor,
        grad_norm: torch.Tensor | float | None,
        *args: Any,
        learning_rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Called behind each step, and once more behind each epoch, when there is nothing new to tell."""
        number = self.state.global_step
        if number == self._reported_step or self._step is None:
            return
        self._reported_step = number
        assert grad_norm is not None and learning_rate is not None
        norm = float(grad_norm)
        if not torch.isfinite(torch.tensor(norm)):
            raise _everywhere(_not_finite("gradient", number, self._step.lines))
        stop = self._after_step(
            FinishedStep(
                step=self._step,
                number=number,
                train=self._train,
                learning_rate=float(learning_rate),
                grad_norm=norm,
                seconds=time.perf_counter() - self._started,
            )
        )
        self.control.should_training_stop = self.control.should_training_stop or stop

    # Checkpoints

    def save_state(self, directory: Path) -> None:
        """Writes all that continuing needs, in the files and names that transformers uses. Every rank calls this."""
        self._save_rng_state(str(directory))
        self._save_optimizer_and_scheduler(str(directory))
        if self.accelerator.is_main_process:
            self.state.save_to_json(str(directory / TRAINER_STATE))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        """Copies saved weights into the ones in place, which keeps their precision."""
        checkpoint = Path(resume_from_checkpoint)
        try:
            if isinstance(self.model, PeftModel):
                read_adapter(self.model, checkpoint)
            else:
                read_weights(self.model, checkpoint)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"{checkpoint}: the weights do not fit the model: {error}.") from error


class _EpochOfSteps(TrainerCallback):
    """Tells the steps which epoch it is, also where a resumed run starts inside one."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._steps.epoch = state.global_step // len(self._steps)


def _refuse_other_sharding() -> None:
    for variable, name in (("ACCELERATE_USE_DEEPSPEED", "DeepSpeed"), ("ACCELERATE_USE_FSDP", "FSDP")):
        if os.environ.get(variable, "false").lower() == "true":
            raise UsageError(
                f"accelerate is configured for {name}; localft trains with the whole model on each GPU. Launch with "
                "`accelerate launch --multi_gpu -m localft ...`, or change `accelerate config`."
            )


def _only_step(batch: list[Step]) -> dict[str, Step]:
    (step,) = batch
    return {"step": step}


def _assert_trained(step: Step, number: int) -> None:
    if not step.total_weight > 0:
        raise _everywhere(
            f"Step {number} ({_named(step.lines)}): expected at least one trained token, found none. Check max_length: "
            "a row that is cut may lose all it was to teach."
        )


def _everywhere(message: str) -> TrainingFailed:
    """A failure that all ranks find by the same numbers, so that none is left waiting."""
    error = TrainingFailed(message)
    error.on_every_process = True
    return error


def _gather_lines(lines: list[int]) -> tuple[int, ...]:
    """Returns the line numbers of all ranks, rising."""
    if not (dist.is_initialized() and dist.get_world_size() > 1):
        return tuple(sorted(lines))
    gathered: list[list[int]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(gathered, lines)
    return tuple(sorted(line for part in gathered for line in part))


def _not_finite(what: str, number: int, lines: tuple[int, ...]) -> str:
    return (
        f"Step {number} ({_named(lines)}): the {what} is not a finite number. Lower learning_rate_multiplier, and look "
        "at these rows with `localft show`."
    )


def _named(lines: tuple[int, ...]) -> str:
    shown = ", ".join(str(line) for line in lines[:10])
    more = f" and {len(lines) - 10} more" if len(lines) > 10 else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}{more}"
