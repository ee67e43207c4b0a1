"""Runs the training of a plan: the flat story from a planned job to a trained model on disk.

It knows nothing of jobs. What happens is told through one callback taking small typed events (`localft.progress`).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoTokenizer, PreTrainedConfig

from localft import settings
from localft.errors import CheckpointError, TrainingFailed
from localft.modeling.adapters import Trainable, make_trainable, trainable_parameters
from localft.modeling.attention import attend_by_segments, attention_in_use, has_dropout
from localft.modeling.compiling import compile_layers
from localft.modeling.head import add_trained_positions_head
from localft.modeling.kernels import apply_layer_kernels
from localft.modeling.load import file_digests, load_base_model, local_directory, rotary_switch
from localft.modeling.nf4 import pack_later
from localft.modeling.quiet import quiet_libraries
from localft.modeling.save import copy_tokenizer, write_weights
from localft.modeling.sharding import Sharding
from localft.plan import TrainingPlan
from localft.progress import (
    CheckpointSaved,
    ExecutionChosen,
    Notice,
    ProgressEvent,
    Report,
    StageStarted,
    StepMetrics,
    TrainingOutcome,
)
from localft.training import checkpoints, disk_space
from localft.training.batching import Example, Steps
from localft.training.checkpoints import CheckpointState
from localft.training.collator import Layout
from localft.training.device import device_names, versions
from localft.training.disk_space import SpaceNeeded
from localft.training.metrics import Pooled, agreed, agreed_each, evaluate, validates_at, validation_rows
from localft.training.retreat import Footing
from localft.training.sharding import chosen_sharding, require_units
from localft.training.trainer import FinishedStep, RandomStateFile, StepTrainer, trainer_arguments

MODEL_DIRECTORY = "model"


def train(
    plan: TrainingPlan,
    run_directory: Path,
    report: Report,
    *,
    training: Sequence[Example],
    validation: Sequence[Example] | None,
    tokenizer_files: Path,
    resume_from: Path | None,
    should_stop: Callable[[], bool],
    layout: Layout | None = None,
) -> TrainingOutcome:
    """Trains, checkpoints into `run_directory` and leaves the result in `run_directory/model`.

    Called once in every process of the job; only the first reports. `resume_from` is a checkpoint of the same plan (see
    `checkpoints.newest_valid`): training goes on with the step behind it. `should_stop` is asked behind each step; True
    on any process ends all of them there, saved. `layout` is the plan's choice unless given; "padded" is also that of models
    which cannot keep the examples of one row apart: slower, the same result, and the reference in tests.
    """
    had_group = dist.is_initialized()
    sharding = chosen_sharding()
    try:
        chosen = layout or ("shared" if plan.execution.share_prefixes else "packed")
        with settings.without_launched_sharding():
            return _train(
                plan,
                run_directory,
                report,
                training,
                validation,
                tokenizer_files,
                resume_from,
                should_stop,
                chosen,
                sharding,
            )
    except torch.OutOfMemoryError as error:
        raise TrainingFailed(
            "The GPU's memory did not suffice outside of a step's micro-batches, for weights, gradients or the optimizer's "
            "moments. End other programs that use the GPU (`nvidia-smi` lists them), choose quantization: nf4, a lower "
            "lora.rank, or a smaller model.",
            code="out_of_memory",
        ) from error
    finally:
        if dist.is_initialized() and not had_group:
            dist.destroy_process_group()


def _train(
    plan: TrainingPlan,
    run_directory: Path,
    report: Report,
    training: Sequence[Example],
    validation: Sequence[Example] | None,
    tokenizer_files: Path,
    resume_from: Path | None,
    should_stop: Callable[[], bool],
    layout: Layout,
    sharding: Sharding | None,
) -> TrainingOutcome:
    group = settings.process_group()
    tell = report if group.is_main else _silent
    assert len(training) == plan.examples, f"planned for {plan.examples} examples, given {len(training)}"
    resumed = _resumable(resume_from, plan) if resume_from is not None else None
    quiet_libraries()

    arguments = trainer_arguments(plan, run_directory, ranks=group.world_size)  # joins the process group
    tell(StageStarted("load_model", plan.model.id))
    base_directory = local_directory(plan.model)
    model_files = file_digests(base_directory)
    if plan.model.adapter_path is not None:
        model_files |= {
            f"adapter {name}": digest for name, digest in file_digests(Path(plan.model.adapter_path)).items()
        }
    if resumed is not None:
        _same_model(resumed, model_files, base_directory)
    base = load_base_model(plan, base_directory, local_rank=None if sharding else group.local_rank)
    config = copy.deepcopy(base.config)
    apart_above = rotary_switch(config)
    compiling = plan.execution.compile and sharding is None
    if plan.execution.compile and sharding is not None:
        tell(
            Notice("Nothing is compiled: localft compiles layers that are whole, and these are sharded.", level="warn")
        )
    # A compiler fuses what these kernels do itself, and layers yet to be sharded lie where the kernels do not run.
    kernels = None if compiling or sharding else apply_layer_kernels(base, arguments.device, tell)
    if layout != "padded" and not attend_by_segments(base):
        layout = "padded"
        tell(Notice(_padded_sentence(plan), level="warn"))
    add_trained_positions_head(base)
    if sharding is not None:
        require_units(base)
        if plan.quantization == "nf4":
            pack_later(base, getattr(torch, plan.execution.precision))
    model = make_trainable(base, plan)
    if layout == "shared" and has_dropout(model):
        layout = "packed"
        tell(Notice(f"{plan.model.id} has dropout of its own, so what rows begin with in common is not shared."))
    tell(Notice(_trainable_sentence(model)))
    if sharding is not None:
        tell(Notice(f"The model is sharded over {group.world_size} processes ({sharding.name})."))
    space = disk_space.space_needed(model, plan, tokenizer_files)

    hyperparameters = plan.hyperparameters
    steps = Steps(
        training,
        batch_size=int(hyperparameters.batch_size.value),
        seed=int(hyperparameters.seed.value),
        rank=group.rank,
        ranks=group.world_size,
    )
    assert len(steps) == plan.steps_per_epoch
    run = _Run(
        plan,
        run_directory,
        tell,
        should_stop=should_stop,
        validation=validation or None,
        config=config,
        base_directory=base_directory,
        model_files=model_files,
        tokenizer_files=tokenizer_files,
        group=group,
        space=space,
        device=arguments.device,
        layout=layout,
        apart_above=apart_above,
        sharding=sharding,
        trained_tokens=resumed.trained_tokens if resumed else 0,
    )
    run.require_space(
        disk_space.needed_for_run(space, plan, run_directory, resumed.step if resumed else 0), run_directory
    )
    trainer = StepTrainer(
        model,
        arguments,
        AutoTokenizer.from_pretrained(tokenizer_files),
        steps,
        footing=Footing(plan.execution.tokens_per_micro_batch, plan.execution.gradient_checkpointing),
        layout=layout,
        apart_above=apart_above,
        sharding=sharding,
        tell=tell,
        after_step=run.after_step,
    )
    run.trainer = trainer
    compiled = compiling and compile_layers(trainer.model, trainer.try_out, tell)
    tell(
        ExecutionChosen(
            devices=device_names(arguments.device),
            precision=plan.execution.precision,
            layout=layout,
            attention=attention_in_use(base, getattr(torch, plan.execution.precision)),
            head="TRL's, on all positions" if layout == "padded" else "trained positions only",
            kernels=(kernels,) if kernels else (),
            compiled=compiled,
            gradient_checkpointing=plan.execution.gradient_checkpointing,
            tokens_per_micro_batch=plan.execution.tokens_per_micro_batch,
            versions=versions(),
        )
    )

    if resumed is not None:
        tell(Notice(f"Continues behind step {resumed.step} of {plan.total_steps}, from {resume_from}."))
        if resumed.ranks != group.world_size and plan.lora is not None and plan.lora.dropout > 0:
            sentence = f"The run was on {resumed.ranks} processes, now {group.world_size}: dropout is drawn anew."
            tell(Notice(sentence, level="warn"))
    tell(StageStarted("train", f"{plan.total_steps} steps"))
    trainer.train(resume_from_checkpoint=str(resume_from) if resume_from is not None else None)

    last_step = trainer.state.global_step
    if run.interrupted:
        return TrainingOutcome("interrupted", last_step, run.trained_tokens, model_path=None)
    assert last_step == plan.total_steps
    tell(StageStarted("save_model"))
    path = run.save_model()
    return TrainingOutcome("succeeded", last_step, run.trained_tokens, model_path=str(path))


class _Run:
    """What happens behind each step: validation, the report, checkpoints, and the question whether to stop."""

    trainer: StepTrainer

    def __init__(
        self,
        plan: TrainingPlan,
        run_directory: Path,
        tell: Report,
        *,
        should_stop: Callable[[], bool],
        validation: Sequence[Example] | None,
        config: PreTrainedConfig,
        base_directory: Path,
        model_files: dict[str, str],
        tokenizer_files: Path,
        group: settings.ProcessGroup,
        space: SpaceNeeded,
        device: torch.device,
        layout: Layout,
        apart_above: int | None,
        sharding: Sharding | None,
        trained_tokens: int,
    ) -> None:
        self.plan = plan
        self.run_directory = run_directory
        self.tell = tell
        self.should_stop = should_stop
        self.validation = validation
        self.config = config
        self.base_directory = base_directory
        self.model_files = model_files
        self.tokenizer_files = tokenizer_files
        self.group = group
        self.space = space
        self.device = device
        self.layout = layout
        self.apart_above = apart_above
        self.sharding = sharding
        self.trained_tokens = trained_tokens
        self.interrupted = False
        self.evaluation_tokens = plan.execution.tokens_per_micro_batch
        self.last_save = time.monotonic()
        self.told_of_no_room = False

    def after_step(self, done: FinishedStep) -> bool:
        """Reports the step and saves where it is time to; True ends the training. Every rank comes here."""
        self.trained_tokens += done.step.tokens
        is_last = done.number == self.plan.total_steps
        epoch_end = done.number % self.plan.steps_per_epoch == 0
        valid = self._valid(done.number)
        full_valid = self._evaluate(self.validation) if self.validation and epoch_end else None
        metrics = StepMetrics(
            step=done.number,
            total_steps=self.plan.total_steps,
            epoch=done.step.epoch + 1,
            train_loss=done.train.loss,
            train_mean_token_accuracy=done.train.mean_token_accuracy,
            learning_rate=done.learning_rate,
            grad_norm=done.grad_norm,
            examples=done.step.examples,
            tokens=done.step.tokens,
            trained_tokens=done.step.trained_tokens,
            computed_tokens=done.computed_tokens,
            seconds=done.seconds,
            peak_memory_bytes=done.peak_memory_bytes,
            valid_loss=valid.loss if valid else None,
            valid_mean_token_accuracy=valid.mean_token_accuracy if valid else None,
            full_valid_loss=full_valid.loss if full_valid else None,
            full_valid_mean_token_accuracy=full_valid.mean_token_accuracy if full_valid else None,
        )
        self.tell(metrics)
        stop, late = agreed_each([self.should_stop(), self._is_late()], self.device)
        self.interrupted = stop and not is_last
        if epoch_end or self.interrupted or (late and self._has_room_between_epochs(done.number)):
            path = self._save_checkpoint(metrics, epoch_end=epoch_end)
            self.tell(CheckpointSaved(done.number, str(path), epoch_end, metrics))
        if epoch_end or late:
            self.last_save = time.monotonic()
        return self.interrupted

    def _is_late(self) -> bool:
        """Whether a machine that goes away now would lose more than it may."""
        return time.monotonic() - self.last_save >= 60 * self.plan.execution.requested.checkpoint_minutes

    def _has_room_between_epochs(self, step: int) -> bool:
        """Whether the disk takes one checkpoint more than the run needs anyway; it is told once that it does not."""
        needed = self.space.checkpoint + disk_space.needed_for_run(self.space, self.plan, self.run_directory, step)
        short = self.group.is_main and disk_space.shortage(self.run_directory, needed, self.run_directory) is not None
        short = agreed(short, self.device)
        if short and not self.told_of_no_room:
            self.told_of_no_room = True
            self.tell(
                Notice("The disk has no room for checkpoints between the ends of epochs; there are none.", "warn")
            )
        return not short

    def _valid(self, number: int) -> Pooled | None:
        """Measures one batch of validation rows, drawn by the seed and the step, where it is time to."""
        if self.validation is None or not validates_at(number, self.plan.total_steps):
            return None
        knobs = self.plan.hyperparameters
        rows = validation_rows(
            int(knobs.seed.value), number, len(self.validation), batch_size=int(knobs.batch_size.value)
        )
        return self._evaluate([self.validation[row] for row in rows])

    def _evaluate(self, examples: Sequence[Example]) -> Pooled:
        return evaluate(
            self.trainer.model,
            examples,
            tokens_per_micro_batch=self.evaluation_tokens,
            shrunk=self._evaluate_smaller,
            layout=self.layout,
            apart_above=self.apart_above,
            device=self.trainer.args.device,
            rank=self.group.rank,
            ranks=self.group.world_size,
            sharded=self.sharding is not None,
            autocast=self.trainer.accelerator.autocast(),
        )

    def _evaluate_smaller(self, tokens: int) -> None:
        self.evaluation_tokens = tokens
        sentence = (
            f"The memory did not suffice for a micro-batch of the validation. It went on with {tokens} tokens in each, as "
            "all validations from here on; the result is the same."
        )
        self.tell(Notice(sentence, level="warn"))

    def require_space(self, needed: int, target: Path) -> None:
        """Raises on every rank where the disk has too little room; the first rank looks."""
        error = disk_space.shortage(self.run_directory, needed, target) if self.group.is_main else None
        if agreed(error is not None, self.device):
            raise _everywhere(error or disk_space.not_written(target, needed, None))

    def _save_checkpoint(self, metrics: StepMetrics, *, epoch_end: bool) -> Path:
        """Writes a checkpoint that is whole or not there. The first rank writes; what others have is brought to it."""
        target = checkpoints.checkpoint_path(self.run_directory, metrics.step)
        staging = checkpoints.staging_path(target)
        self.tell(StageStarted("save_checkpoint"))
        self.require_space(self.space.checkpoint, target)
        own: list[RandomStateFile] = []

        def begin() -> None:
            checkpoints.discard(staging)
            staging.mkdir(parents=True)

        def finish() -> None:
            self._write_model(staging, weights)
            checkpoints.write_state(staging, self._state(metrics, epoch_end=epoch_end))
            checkpoints.commit(staging, target)
            checkpoints.prune(self.run_directory, newest_step=metrics.step)

        self._write(begin, target, self.space.checkpoint, on=[0])
        self._write(lambda: own.append(self.trainer.random_state()), target, self.space.checkpoint)
        write_state = partial(self.trainer.save_state, staging, self.trainer.gather_state(own[0]))
        self._write(write_state, target, self.space.checkpoint, on=[0])
        del write_state  # with all of the optimizer's state, before the weights are gathered
        weights = self._gathered_weights()
        self._write(finish, target, self.space.checkpoint, on=[0])
        return target

    def save_model(self) -> Path:
        """Writes the finished model to `model/`; full weights in the plan's precision."""
        target = self.run_directory / MODEL_DIRECTORY
        self.require_space(self.space.model, target)
        full_fine_tuned = not isinstance(self.trainer.model, PeftModel)
        precision = getattr(torch, self.plan.execution.precision) if full_fine_tuned else None
        weights = self._gathered_weights(precision)

        def write() -> None:
            if precision is not None and weights is None:
                self.trainer.model.to(precision)
            with checkpoints.staged(target) as staging:
                self._write_model(staging, weights)

        self._write(write, target, self.space.model, on=[0])
        return target

    def _write(self, write: Callable[[], None], target: Path, needed: int, *, on: Sequence[int] | None = None) -> None:
        """Runs one part of a save on all ranks or some, and waits for all; where one fails, all do, and nothing is left."""
        failure: Exception | None = None
        try:
            if on is None or self.group.rank in on:
                write()
        except (OSError, SafetensorError, RuntimeError) as error:
            failure = error
        if agreed(failure is not None, self.device):
            if self.group.is_main:
                checkpoints.discard(checkpoints.staging_path(target))
            raise _everywhere(disk_space.not_written(target, needed, failure)) from failure

    def _gathered_weights(self, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor] | None:
        """What a save writes of a sharded model, on the first rank; None where the model itself is whole."""
        if self.sharding is None:
            return None
        return self.sharding.whole_weights(
            self.trainer.model, keep=self.group.is_main, trained_only=self.plan.lora is not None, dtype=dtype
        )

    def _write_model(self, directory: Path, weights: dict[str, torch.Tensor] | None) -> None:
        write_weights(self.trainer.model, directory, self.config, weights)
        copy_tokenizer(self.tokenizer_files, directory, chat_template=self.plan.chat_template, base=self.base_directory)

    def _state(self, metrics: StepMetrics, *, epoch_end: bool) -> CheckpointState:
        trainable = next(p for p in self.trainer.model.parameters() if p.requires_grad)
        return CheckpointState(
            step=metrics.step,
            epoch=metrics.epoch,
            epoch_end=epoch_end,
            seed=int(self.plan.hyperparameters.seed.value),
            meaning_fingerprint=self.plan.meaning_fingerprint(),
            trainable_dtype=str(trainable.dtype).removeprefix("torch."),
            trained_tokens=self.trained_tokens,
            ranks=self.group.world_size,
            model_files=self.model_files,
        )


def _resumable(checkpoint: Path, plan: TrainingPlan) -> CheckpointState:
    """Proves that the checkpoint is whole and of this plan; returns what it says of itself."""
    checkpoints.verify(checkpoint)
    state = checkpoints.read_state(checkpoint)
    if state.meaning_fingerprint != plan.meaning_fingerprint():
        raise CheckpointError(
            f"{checkpoint}: the checkpoint is of another job (data, model, method, hyperparameters or seed differ). It "
            "cannot be continued with this plan. Use the recipe it was started with, or another output_dir.",
            code="plan_changed",
        )
    return state


def _same_model(resumed: CheckpointState, files: dict[str, str], directory: Path) -> None:
    """Refuses to go on where the model's files are others than those that the checkpoint was trained on."""
    changed = sorted(
        name for name in resumed.model_files.keys() | files if resumed.model_files.get(name) != files.get(name)
    )
    if resumed.model_files and changed:
        error = CheckpointError(
            f"{directory}: expected the model that this run was started with, found other files: {', '.join(changed)}. Bring "
            "them back to go on with the run, or give another output_dir to train the model as it is now.",
            code="model_changed",
        )
        error.on_every_process = True
        raise error


def _trainable_sentence(model: Trainable) -> str:
    trained = trainable_parameters(model)
    return f"{trained:,} trainable parameters."


def _everywhere(error: TrainingFailed) -> TrainingFailed:
    """The error as one that all ranks raise together."""
    error.on_every_process = True
    return error


def _padded_sentence(plan: TrainingPlan) -> str:
    return (
        f"{plan.model.id}: this architecture does not keep the examples of one row apart, or does it in a way of its own. "
        "Rows are padded to the longest of their micro-batch; the result is the same, it takes longer."
    )


def _silent(event: ProgressEvent) -> None:
    """Ranks other than the first tell nothing."""
