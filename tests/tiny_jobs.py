"""Plans, rows and runs for the tests of training: small enough for seconds, complete enough to be real."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from localft.plan import (
    DataFile,
    LearningRate,
    LoraSettings,
    MemoryEstimate,
    PlannedExecution,
    PlannedModel,
    Resolved,
    ResolvedHyperparameters,
    TrainingPlan,
)
from localft.plan.schedule import trainer_arguments
from localft.progress import ProgressEvent, StepMetrics, TrainingOutcome
from localft.tokenization.examples import TokenizedExample
from localft.training.collator import Layout

LORA = LoraSettings(rank=8, alpha=16, dropout=0.0)
NO_MEMORY = MemoryEstimate(
    weights_bytes=0,
    adapter_bytes=0,
    gradients_bytes=0,
    optimizer_bytes=0,
    activations_bytes=0,
    head_bytes=0,
    total_bytes=0,
    total_gib=0.0,
    available_bytes=None,
    fits=None,
)
"""A plan's estimate, which training does not look at."""


def tiny_plan(
    model: Path,
    *,
    examples: int,
    batch_size: int = 4,
    n_epochs: int = 1,
    seed: int = 7,
    learning_rate: float = 5e-3,
    warmup_steps: int = 0,
    lora: LoraSettings | None = LORA,
    quantization: str = "none",
    tokens_per_micro_batch: int = 1_000_000,
    gradient_checkpointing: str = "off",
    share_prefixes: bool = True,
    compile: bool = False,
    precision: str = "float32",
    adapter_path: Path | None = None,
    chat_template: str | None = None,
) -> TrainingPlan:
    """A plan as `make_plan` would resolve it, for rows that the test makes itself."""

    def knob(value: float) -> Resolved:
        return Resolved(value=value, rule="test")

    steps_per_epoch = -(-examples // batch_size)
    knobs = ResolvedHyperparameters(
        batch_size=knob(batch_size), learning_rate_multiplier=knob(1.0), n_epochs=knob(n_epochs), seed=knob(seed)
    )
    return TrainingPlan(
        localft_version="0",
        model=PlannedModel(
            id=model.name, path=str(model), hub_id=None, adapter_path=str(adapter_path) if adapter_path else None
        ),
        method="supervised",
        suffix=None,
        training_file=DataFile(path="/data/train.jsonl", sha256="0" * 64, examples=examples),
        validation_file=None,
        hyperparameters=knobs,
        learning_rate=LearningRate(value=learning_rate, base=learning_rate, source="test", rule="test"),
        lora=lora,
        quantization=quantization,
        max_length=2048,
        overlong="refuse",
        chat_template=chat_template,
        date="2026-01-31",
        examples=examples,
        steps_per_epoch=steps_per_epoch,
        total_steps=steps_per_epoch * n_epochs,
        warmup_steps=warmup_steps,
        trainer_arguments=trainer_arguments(knobs, learning_rate, warmup_steps, processes=1),
        execution=PlannedExecution(
            tokens_per_micro_batch=tokens_per_micro_batch,
            gradient_checkpointing=gradient_checkpointing,
            share_prefixes=share_prefixes,
            compile=compile,
            device="cpu",
            precision=precision,
            processes=1,
            rules={},
        ),
        tokens=None,
        memory=NO_MEMORY,
        output_dir="/runs/test",
    )


def with_budget(plan: TrainingPlan, tokens_per_micro_batch: int) -> TrainingPlan:
    """The same meaning, cut into other micro-batches."""
    execution = plan.execution.model_copy(update={"tokens_per_micro_batch": tokens_per_micro_batch})
    return plan.model_copy(update={"execution": execution})


def random_rows(n: int, *, seed: int = 5, fractional: bool = False, shortest: int = 10) -> list[TokenizedExample]:
    """Rows of 10 to 60 random tokens whose second half is trained, some with fractional weights."""
    rng = random.Random(seed)
    rows = []
    for line in range(1, n + 1):
        length = rng.randint(shortest, shortest + 50)
        ids = [rng.randrange(500) for _ in range(length)]
        prompt = length // 2
        weights = [0.0] * prompt + [rng.choice([0.25, 0.5, 1.0]) if fractional else 1.0] * (length - prompt)
        rows.append(TokenizedExample(line=line, input_ids=ids, loss_weights=weights))
    return rows


def rows_that_begin_alike(n: int, *, seed: int = 5) -> list[TokenizedExample]:
    """Rows of two families of beginnings, with trained tokens inside what is common, whole rows twice, and one apart.

    A family begins with 24 tokens, half of its rows with 20 more; weights in the common part differ from row to row.
    """
    rng = random.Random(seed)
    heads = [[rng.randrange(500) for _ in range(24)] for _ in range(2)]
    turns = [[rng.randrange(500) for _ in range(20)] for _ in range(2)]
    rows: list[TokenizedExample] = []
    for line in range(1, n):
        ids = heads[line % 2] + (turns[line % 2] if line % 4 < 2 else [])
        ids += [rng.randrange(500) for _ in range(rng.randint(0, 25))]
        weights = [0.0] * 10 + [rng.choice([0.0, 0.25, 1.0]) for _ in ids[10:-1]] + [1.0]
        rows.append(TokenizedExample(line, ids, weights))
        if line % 5 == 4:
            rows[-1] = TokenizedExample(line, rows[-2].input_ids, rows[-2].loss_weights)
    return [*rows, TokenizedExample(n, *_tokens_and_weights(random_rows(1, seed=seed)[0]))]


def rows_of(plan: TrainingPlan) -> list[TokenizedExample]:
    """Rows for a plan, the same in every process; an even share of them begin alike."""
    alike = rows_that_begin_alike(plan.examples // 2, seed=6)
    return alike + [
        TokenizedExample(len(alike) + row.line, row.input_ids, row.loss_weights)
        for row in random_rows(plan.examples - len(alike), fractional=True)
    ]


def _tokens_and_weights(row: TokenizedExample) -> tuple[list[int], list[float]]:
    return row.input_ids, row.loss_weights


def chat_row(tokenizer: Any, line: int, turns: Sequence[tuple[str, str, float]]) -> TokenizedExample:
    """Renders (role, content, weight) turns; the content and end-of-turn of assistant turns carry the weight given."""
    ids: list[int] = []
    weights: list[float] = []
    messages: list[dict[str, str]] = []

    def render(generation_prompt: bool) -> str:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation_prompt)

    def add(text: str, weight: float) -> None:
        new = tokenizer.encode(text, add_special_tokens=False)
        ids.extend(new)
        weights.extend([weight] * len(new))

    end = tokenizer.eos_token if tokenizer.pad_token else ""  # Phi-3 ends every render in end-of-text
    done = ""
    for role, content, weight in turns:
        if role == "assistant":
            header = render(generation_prompt=True).removesuffix(end)
            add(header.removeprefix(done), 0.0)
            done = header
        messages.append({"role": role, "content": content})
        whole = render(generation_prompt=False).removesuffix(end)
        assert whole.startswith(done)
        add(whole.removeprefix(done), weight if role == "assistant" else 0.0)
        done = whole
    return TokenizedExample(line=line, input_ids=ids, loss_weights=weights)


def never() -> bool:
    return False


def run(
    plan: TrainingPlan,
    directory: Path,
    rows: Sequence[TokenizedExample],
    *,
    validation: Sequence[TokenizedExample] | None = None,
    resume_from: Path | None = None,
    should_stop: Callable[[], bool] = never,
    layout: Layout | None = None,
) -> tuple[TrainingOutcome, list[ProgressEvent]]:
    """Trains in this process; returns how it ended and everything it told."""
    from localft.training.engine import train

    events: list[ProgressEvent] = []
    outcome = train(
        plan,
        directory,
        events.append,
        training=rows,
        validation=validation,
        tokenizer_files=Path(plan.model.path or ""),
        resume_from=resume_from,
        should_stop=should_stop,
        layout=layout,
    )
    return outcome, events


def metrics(events: Sequence[ProgressEvent]) -> list[StepMetrics]:
    """The steps' metrics without wall time and memory, which no run repeats."""
    return [replace(event, seconds=0.0, peak_memory_bytes=None) for event in events if isinstance(event, StepMetrics)]


class StopAfter:
    """Asks to stop behind the given step, once."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == self.step


class Memory:
    """A scoring function for which only so many positions of a micro-batch fit into memory; more with checkpointing."""

    def __init__(
        self,
        positions: int,
        *,
        checkpointed: int | None = None,
        only_in_call: int | None = None,
        in_backward: bool = False,
    ) -> None:
        from localft.training.loss import score

        self.positions = positions
        self.checkpointed = positions if checkpointed is None else checkpointed
        self.only_in_call = only_in_call
        self.in_backward = in_backward
        self.calls = 0
        self._score = score

    def __call__(self, model: Any, batch: Any) -> Any:
        self.calls += 1
        scores = self._score(model, batch)
        checkpoints = any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
        fitting = self.checkpointed if checkpoints else self.positions
        if batch.positions > fitting and self.only_in_call in (None, self.calls):
            if not self.in_backward:
                _run_out()
            scores.weighted_nll.register_hook(_run_out)
        return scores


def _run_out(gradient: Any = None) -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory.")
