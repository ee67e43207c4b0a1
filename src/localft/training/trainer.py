"""TRL's SFTTrainer with one optimizer step as the loader's unit.

The loader yields this rank's share of a step, `gradient_accumulation_steps` is 1, and `training_step` runs one backward
per micro-batch. Where there are several ranks, gradients are exchanged behind all of them, so that a rank whose memory
did not suffice can compute its share again, cut smaller, before anyone sees a gradient of it. What is overridden, and why:

    get_train_dataloader           yields steps; not prepared by accelerate, which would spread them over ranks again
    _get_num_items_in_batch        the divisor of the loss is the step's sum of weights, known beforehand
    training_step, compute_loss    micro-batches; the weighted loss
    _maybe_log_save_evaluate       the stock hook behind a step: hands the finished step to the engine
    _load_from_checkpoint          the stock one lets peft change the adapter's precision
    _move_model_to_device, _prepare_for_training, create_optimizer, _sync_replicated_trainable_parameters,
    _load_optimizer_and_scheduler  a sharded model: `modeling.sharding` spreads it, not accelerate

Data preparation, logging, evaluation and saving of the base classes are off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.distributed as dist
from accelerate.utils import AutocastKwargs
from datasets import Dataset
from peft import PeftModel
from safetensors import SafetensorError
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from localft.errors import CheckpointError, TrainingFailed
from localft.modeling.adapters import Trainable, assert_float32, read_adapter
from localft.modeling.checkpointing import set_checkpointing
from localft.modeling.load import read_weights
from localft.modeling.sharding import Sharding, fill
from localft.plan import TrainingPlan
from localft.progress import ExecutionChanged, Report
from localft.training.batching import Step, Steps
from localft.training.collator import Layout, MicroBatch, idle_micro_batch, micro_batches
from localft.training.device import peak_memory_bytes
from localft.training.loss import score
from localft.training.metrics import Pooled, least_over_ranks, pooled, side_by_side, sum_over_ranks
from localft.training.retreat import MODES, CommonFooting, Footing, retreat, too_large
from localft.training.sharding import in_step, no_second_try

TRAINER_STATE = "trainer_state.json"
OPTIMIZER = "optimizer.pt"
SCHEDULER = "scheduler.pt"


@dataclass(frozen=True)
class _Share:
    """This rank's part of a step, its gradients computed; or why they could not be."""

    sums: torch.Tensor
    """See `HeadScores.sums`."""
    computed_tokens: int
    """Positions of its micro-batches."""
    lines_at_fault: list[int]
    """Lines of micro-batches whose loss is not finite."""
    footing: Footing
    """With which memory sufficed."""
    too_large: MicroBatch | None
    """A micro-batch of a single row for which it did not on any."""


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
    computed_tokens: int
    peak_memory_bytes: int | None
    """See `StepMetrics`."""


class RandomStateFile(NamedTuple):
    """What one rank draws its next random numbers from."""

    name: str
    content: bytes


class GatheredState(NamedTuple):
    """What a checkpoint takes from all ranks."""

    random_states: list[RandomStateFile]
    """In the order of ranks."""
    optimizer: Any
    """Of a sharded model, put together on the first rank; None where each rank has the whole."""


AfterStep = Callable[[FinishedStep], bool]
"""Called on every rank behind each optimizer step; True ends the training."""


def trainer_arguments(plan: TrainingPlan, output_dir: Path, *, ranks: int) -> SFTConfig:
    """The plan's arguments as they stand, and around them all that keeps the base classes to the steps alone."""
    execution: dict[str, Any] = {
        "output_dir": str(output_dir),
        "per_device_train_batch_size": -(-int(plan.hyperparameters.batch_size.value) // ranks),
        "gradient_accumulation_steps": 1,
        "use_cpu": plan.execution.device == "cpu",
        "bf16": plan.execution.precision == "bfloat16",
        "activation_checkpointing": False,  # on by default in TRL; here it is switched by the footing
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
        footing: Footing,
        layout: Layout,
        apart_above: int | None,
        sharding: Sharding | None,
        tell: Report,
        after_step: AfterStep,
    ) -> None:
        self._sharding = sharding
        self._checkpoint: Path | None = None
        weights = {parameter: parameter.data for parameter in model.parameters() if parameter.requires_grad}
        super().__init__(
            model=model,
            args=arguments,
            processing_class=tokenizer,
            # The base class wants rows to look at, but only the loader below is ever read.
            train_dataset=Dataset.from_list([{"input_ids": [0], "labels": [0]}]),
            data_collator=_only_step,
            callbacks=[_EpochOfSteps(steps)],
        )
        for parameter, data in weights.items():
            parameter.data = data.to(parameter.device)  # TRL has cast the adapters of a quantised model to bfloat16
        self.remove_callback(PrinterCallback)
        self._steps = steps
        self._footing = CommonFooting(footing)
        set_checkpointing(model, footing.checkpointing)
        self._layout = layout
        self._cut = partial(micro_batches, layout=layout, apart_above=apart_above)
        self._tell = tell
        self._after_step = after_step
        self._step: Step | None = None
        self._computing: MicroBatch | None = None
        self._train = Pooled(0.0, 0.0)
        self._computed_tokens = 0
        self._peak_memory_bytes: int | None = None
        self._started = 0.0
        self._reported_step = 0

    # The unit of work

    def get_train_dataloader(self) -> DataLoader:
        """One step a batch. Indices alone are drawn for the steps before the one where a resumed run starts."""
        return DataLoader(self._steps, batch_size=1, shuffle=False, collate_fn=_only_step)  # type: ignore[arg-type]

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> None:
        return None

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Computes the gradients of one optimizer step; returns its loss over all ranks."""
        self._started = time.perf_counter()
        step: Step = inputs["step"]
        number = self.state.global_step + 1
        _assert_trained(step, number)
        model.train()
        if self._sharding is not None:
            share = self._sharded_share(self.model, step, number)
        else:
            share = self._share(self.model, step)
            self._agree_on_footing(share, number)
            if self.accelerator.num_processes > 1:
                self._exchange_gradients(model, step)
        sums = self._sum_over_ranks(share)
        if not bool(torch.isfinite(sums[0])):
            raise _everywhere(_not_finite("loss", number, _gather_lines(share.lines_at_fault)))
        self._step = step
        self._train = pooled(sums, step.total_weight)
        return torch.tensor(self._train.loss, device=self.args.device)

    def _sum_over_ranks(self, share: _Share) -> torch.Tensor:
        """Sums of the step; what it cost travels with them."""
        device = self.args.device
        cost = torch.tensor([share.computed_tokens], dtype=torch.float64, device=device)
        peaks_R = side_by_side(peak_memory_bytes(device) or 0, device)
        sums, cost, peaks_R = sum_over_ranks(torch.cat([share.sums, cost, peaks_R])).split([3, 1, len(peaks_R)])
        self._computed_tokens = int(cost.item())
        self._peak_memory_bytes = int(peaks_R.max().item()) or None
        return sums

    def _share(self, model: torch.nn.Module, step: Step) -> _Share:
        """Adds up the gradients of this rank's share; again one rung down the ladder where memory did not suffice.

        A share is a sum over rows whatever the cut, so the result is the same. Random numbers begin again where they were.
        The model is given bare: ranks run different numbers of micro-batches, and data parallelism counts forward passes.
        """
        footing = self._footing.now
        random_state = _random_state(self.args.device)
        while True:
            batches = self._cut(step.share, footing.tokens)
            try:
                return self._backward(model, batches, step.total_weight, footing)
            except torch.OutOfMemoryError:
                pass  # what follows must be outside, where the error no longer holds on to the tensors
            model.zero_grad(set_to_none=True)
            _restore_random_state(random_state, self.args.device)
            if self.args.device.type == "cuda":
                torch.cuda.empty_cache()
            largest = max(batches, key=lambda batch: batch.positions)
            lower = retreat(
                footing,
                planned_tokens=self._footing.planned.tokens,
                largest=largest.positions,
                single_rows=all(len(batch.lines) == 1 for batch in batches),
            )
            if lower is None:
                return _Share(
                    torch.zeros(3, dtype=torch.float64, device=self.args.device), 0, [], footing, self._computing
                )
            footing = lower
            set_checkpointing(model, footing.checkpointing)

    def _sharded_share(self, model: torch.nn.Module, step: Step, number: int) -> _Share:
        """Adds up the gradients of this rank's share, in as many micro-batches as every rank; blocks exchange them."""
        footing = self._footing.now
        batches = self._cut(step.share, footing.tokens)
        batches = in_step(batches, idle_micro_batch(self._layout), self.args.device)
        with no_second_try(f"Step {number}", footing.tokens):
            return self._backward(model, batches, step.total_weight, footing)

    def _backward(self, model: Any, batches: list[MicroBatch], total_weight: float, footing: Footing) -> _Share:
        self._computing = None
        sums_by_batch = [torch.zeros(3, dtype=torch.float64, device=self.args.device)]
        for batch in batches:
            self._computing = batch
            loss, sums = self._micro_batch_loss(model, batch.to(self.args.device), total_weight)
            (self._sharding or self.accelerator).backward(loss)
            sums_by_batch.append(sums)
        sums_BS = torch.stack(sums_by_batch)
        finite = torch.isfinite(sums_BS[1:, 0]).tolist()
        lines = [line for batch, fine in zip(batches, finite, strict=True) if not fine for line in batch.lines]
        computed_tokens = sum(batch.positions for batch in batches)
        return _Share(sums_BS.sum(dim=0), computed_tokens, lines, footing, too_large=None)

    def _agree_on_footing(self, share: _Share, number: int) -> None:
        """Takes over the lowest footing of all ranks; fails on all of them where a single row is too much for one."""
        tokens, mode = least_over_ranks(
            [0 if share.too_large else share.footing.tokens, -MODES.index(share.footing.checkpointing)],
            self.args.device,
        )
        if tokens == 0:
            raise too_large(f"Step {number}, with full gradient checkpointing", share.too_large)
        agreed = Footing(tokens, MODES[-mode])
        if agreed.checkpointing != share.footing.checkpointing:
            set_checkpointing(self.accelerator.unwrap_model(self.model), agreed.checkpointing)
        before = self._footing.now
        if notice := self._footing.settle(agreed, number):
            self._tell(notice)
            self._tell_changes(before, first_step=number if agreed != before else number + 1)

    def _tell_changes(self, before: Footing, *, first_step: int) -> None:
        now = self._footing.now
        if now.tokens != before.tokens:
            self._tell(ExecutionChanged(first_step, "tokens_per_micro_batch", before.tokens, now.tokens))
        if now.checkpointing != before.checkpointing:
            self._tell(ExecutionChanged(first_step, "gradient_checkpointing", before.checkpointing, now.checkpointing))

    def _exchange_gradients(self, model: torch.nn.Module, step: Step) -> None:
        """Sums all ranks' gradients: the exchange rides on the backward pass of a row without weight."""
        batch = idle_micro_batch(self._layout).to(self.args.device)
        loss, _ = self._micro_batch_loss(model, batch, step.total_weight)
        self.accelerator.backward(loss)

    def _micro_batch_loss(
        self, model: torch.nn.Module, batch: MicroBatch, total_weight: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = {"batch": batch, "total_weight": total_weight}
        with self.compute_loss_context_manager():
            return self.compute_loss(model, inputs, return_outputs=True)  # type: ignore[return-value]

    def try_out(self) -> None:
        """Runs a row without weight forward and backward, and once more for evaluation. Nothing is left of it."""
        batch = idle_micro_batch(self._layout).to(self.args.device)
        on_gpu = self.args.device.type == "cuda"
        with torch.random.fork_rng([self.args.device] if on_gpu else []):
            with self.accelerator.autocast():
                loss = score(self.model.train(), batch).weighted_nll
            loss.backward()
            with self.accelerator.autocast(), torch.no_grad():
                score(self.model.eval(), batch)
        self.model.zero_grad(set_to_none=True)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Returns a micro-batch's part of the step's loss, and its sums (see `HeadScores.sums`) if asked for outputs.

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
        norm = float(grad_norm) if self._sharding is None else self._sharding.grad_norm(grad_norm)
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
                computed_tokens=self._computed_tokens,
                peak_memory_bytes=self._peak_memory_bytes,
            )
        )
        self.control.should_training_stop = self.control.should_training_stop or stop

    # Checkpoints

    def random_state(self) -> RandomStateFile:
        """This rank's random state, as the file that continuing reads."""
        with TemporaryDirectory() as directory:
            self._save_rng_state(directory)
            (file,) = Path(directory).iterdir()
            return RandomStateFile(file.name, file.read_bytes())

    def gather_state(self, own: RandomStateFile) -> GatheredState:
        """What lies with other ranks of all that continuing needs. Every rank calls this."""
        files = [own]
        if self.accelerator.num_processes > 1:
            files *= self.accelerator.num_processes
            dist.all_gather_object(files, own)
        is_main = self.accelerator.is_main_process
        optimizer = self._sharding and self._sharding.whole_optimizer_state(self.optimizer, keep=is_main)
        return GatheredState(files, optimizer)

    def save_state(self, directory: Path, gathered: GatheredState) -> None:
        """Writes all that continuing needs, in the files and names that transformers uses. For the first rank alone.

        Other machines may see the directory through a mount of their own, which shows new files late.
        """
        for name, content in gathered.random_states:
            (directory / name).write_bytes(content)
        if gathered.optimizer is None:
            self._save_optimizer_and_scheduler(str(directory))
        else:
            torch.save(gathered.optimizer, directory / OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), directory / SCHEDULER)
        self.state.save_to_json(str(directory / TRAINER_STATE))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """The stock one puts the whole state on each GPU."""
        if self._sharding is None or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        saved = Path(checkpoint)
        state = torch.load(saved / OPTIMIZER, map_location="cpu", mmap=True, weights_only=True)
        self._sharding.load_optimizer_state(self.optimizer, state)
        self.lr_scheduler.load_state_dict(torch.load(saved / SCHEDULER, weights_only=True))

    # Sharding

    def _move_model_to_device(self, model: torch.nn.Module, device: torch.device) -> None:
        if self._sharding is None:  # a sharded model goes there slice by slice
            super()._move_model_to_device(model, device)

    def _prepare_for_training(self, *args: Any, **kwargs: Any) -> Any:
        """Comes behind the reading of a checkpoint's weights and before the making of the optimizer."""
        if self._sharding is not None:
            self._sharding.shard(self.model, self.args.device)
            if self._checkpoint is not None:
                self._read_checkpoint(self._checkpoint)
            self.is_distributed_loading_by_transformers = True  # so accelerate does not wrap it in DDP
            # The cache would hold every block's weights, gathered and cast, to the end of a forward pass.
            self.accelerator.autocast_handler = AutocastKwargs(cache_enabled=False)
        assert_float32(self.model)
        return super()._prepare_for_training(*args, **kwargs)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        optimizer = super().create_optimizer(model)
        if self._sharding is not None:
            self.optimizer = optimizer = self._sharding.drive(self.model, optimizer, self.args.max_grad_norm)
        return optimizer

    def _sync_replicated_trainable_parameters(self, model: torch.nn.Module) -> None:
        """Nothing is left over that is trained and not sharded."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        """Copies saved weights into the ones in place, which keeps their precision; slices of them once there are slices.

        Adapters are small and peft knows them whole alone.
        """
        checkpoint = Path(resume_from_checkpoint)
        if self._sharding is not None and not isinstance(self.model, PeftModel):
            self._checkpoint = checkpoint
        else:
            self._read_checkpoint(checkpoint)

    def _read_checkpoint(self, checkpoint: Path) -> None:
        try:
            if isinstance(self.model, PeftModel):
                read_adapter(self.model, checkpoint)
            else:
                read_weights(self.model, checkpoint, fill if self._sharding is None else self._sharding.fill)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"{checkpoint}: the weights do not fit the model: {error}.") from error


class _EpochOfSteps(TrainerCallback):
    """Tells the steps which epoch it is, also where a resumed run starts inside one."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._steps.epoch = state.global_step // len(self._steps)


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


RandomState: TypeAlias = tuple[torch.Tensor, torch.Tensor | None]


def _random_state(device: torch.device) -> RandomState:
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _restore_random_state(state: RandomState, device: torch.device) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)


def _named(lines: tuple[int, ...]) -> str:
    shown = ", ".join(str(line) for line in lines[:10])
    more = f" and {len(lines) - 10} more" if len(lines) > 10 else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}{more}"
