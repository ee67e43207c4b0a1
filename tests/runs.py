"""Jobs for the tests of the runner and of what it records: real data, plan and tokens, and an engine that only pretends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localft.plan import TrainingPlan, TrainingRequest, make_plan
from localft.progress import CheckpointSaved, Report, StageStarted, StepMetrics, TrainingOutcome

MODEL = "localft/tiny-llama"


def write_chats(path: Path, count: int = 12, *, word: str = "train") -> Path:
    """A valid file of `count` short chats."""
    path.write_text("".join(chat_line(f"{word} {number}") for number in range(count)), encoding="utf-8")
    return path


def chat_line(question: str) -> str:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": f"{question}, you said."}]
    return json.dumps({"messages": messages}) + "\n"


def request_for(directory: Path, **changes: Any) -> TrainingRequest:
    """A job of 12 rows in steps of 4, 2 epochs: 6 steps, epochs ending at 3 and 6. Writes its file where it is missing."""
    training_file = directory / "train.jsonl"
    if not training_file.exists():
        write_chats(training_file)
    knobs = {"batch_size": 4, "n_epochs": 2, **changes.pop("hyperparameters", {})}
    settings = {
        "model": MODEL,
        "training_file": str(training_file),
        "seed": 7,
        "method": {"type": "supervised", "supervised": {"hyperparameters": knobs}},
        "output_dir": str(directory / "run"),
        **changes,
    }
    return TrainingRequest.model_validate(settings)


def plan_for(directory: Path, **changes: Any) -> TrainingPlan:
    return make_plan(request_for(directory, **changes), processes=1, device="cpu")


def step_metrics(step: int, total_steps: int = 6, **measured: Any) -> StepMetrics:
    """Metrics whose loss is 1/step, so that a row tells which step it is of."""
    values: dict[str, Any] = {
        "epoch": 1,
        "train_loss": 1 / step,
        "train_mean_token_accuracy": 0.5,
        "learning_rate": 1e-3,
        "grad_norm": 1.0,
        "examples": 4,
        "tokens": 40,
        "trained_tokens": 20,
        "computed_tokens": 40,
        "seconds": 0.5,
        "peak_memory_bytes": None,
    }
    return StepMetrics(step=step, total_steps=total_steps, **{**values, **measured})


@dataclass
class FakeEngine:
    """Steps through a plan without a model, saving checkpoints that the real check accepts."""

    after_step: Callable[[int], None] = lambda step: None
    """Called behind each step: raise here, or send a signal."""
    resumed_from: list[str | None] = field(default_factory=list)

    def __call__(
        self,
        plan: TrainingPlan,
        run_directory: Path,
        report: Report,
        *,
        training: Sequence[Any],
        validation: Sequence[Any] | None,
        tokenizer_files: Path,
        resume_from: Path | None,
        should_stop: Callable[[], bool],
    ) -> TrainingOutcome:
        assert len(training) == plan.examples
        assert (tokenizer_files / "tokenizer.json").is_file()
        self.resumed_from.append(resume_from.name if resume_from else None)
        done = int(resume_from.name.removeprefix("checkpoint-")) if resume_from else 0
        report(StageStarted("load_model", plan.model.id))
        report(StageStarted("train"))
        for step in range(done + 1, plan.total_steps + 1):
            metrics = step_metrics(step, plan.total_steps)
            report(metrics)
            self.after_step(step)
            stops = should_stop() and step < plan.total_steps
            if stops or step % plan.steps_per_epoch == 0:
                path = save_checkpoint(run_directory, plan, step)
                report(CheckpointSaved(step, str(path), not stops, metrics))
            if stops:
                return TrainingOutcome("interrupted", step, 40 * step, None)
        model = run_directory / "model"
        model.mkdir(exist_ok=True)
        (model / "adapter_model.safetensors").write_bytes(b"weights")
        report(StageStarted("save_model"))
        return TrainingOutcome("succeeded", plan.total_steps, 40 * plan.total_steps, str(model))


def save_checkpoint(run_directory: Path, plan: TrainingPlan, step: int) -> Path:
    from localft.training import checkpoints

    target = checkpoints.checkpoint_path(run_directory, step)
    state = checkpoints.CheckpointState(
        step=step,
        epoch=1,
        epoch_end=step % plan.steps_per_epoch == 0,
        seed=7,
        meaning_fingerprint=plan.meaning_fingerprint(),
        trainable_dtype="float32",
        trained_tokens=40 * step,
        ranks=1,
    )
    with checkpoints.staged(target) as staging:
        checkpoints.write_state(staging, state)
    return target


def environment(home: Path) -> dict[str, str]:
    """For a process of its own that runs this source tree, offline and on one core, so that two runs give equal bytes."""
    import localft

    paths = [str(Path(localft.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {
        "PYTHONPATH": os.pathsep.join(paths),
        "LOCALFT_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "", **ours}


def snapshot(directory: Path) -> dict[str, bytes]:
    """All files below a directory and what is in them; empty for one that does not exist."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}
