"""Makes a set's workspace, and describes what is in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from localft.plan import TrainingPlan, make_plan
from localft.progress import ProgressEvent
from localft.runner.preparation import open_rows
from localft.tiny.model import SHIPPED_DIRECTORY

from .measuring import Work, gemm_rate
from .page import SetFacts
from .row_sets import ROW_SETS, RowSet
from .workspace import LORA, SEED, Settings, Workspace, training_request

DTYPES = {"cpu": torch.float32, "cuda": torch.bfloat16}
HELD_OUT_SHARE = 8
"""One held-out row for so many training rows."""


def prepare(directory: Path, models: Path, name: str, shape: dict[str, Any], settings: Settings) -> None:
    """Writes model and rows, tokenises the rows once, and makes the plan."""
    model = models / "-".join(str(shape[key]) for key in ("hidden_size", "num_hidden_layers", "vocab_size"))
    if not model.exists():
        _make_model(model, shape, settings.device)
    directory.mkdir(parents=True)
    (directory / "model").symlink_to(model)
    (directory / "settings.json").write_text(json.dumps(asdict(settings)))
    _write_rows(directory, ROW_SETS[name], settings)
    (directory / "plan.json").write_text(_tokenised(directory, settings).to_json())


def describe(directory: Path, what: str) -> SetFacts:
    """Counts the work of a workspace's rows, and measures how fast this machine could do it."""
    space = Workspace(directory)
    torch.set_num_threads(space.settings.threads)
    steps = space.steps()
    plain, shared = Work.of(steps, shared=False), Work.of(steps, shared=True)
    rate = gemm_rate(space.shape, space.device, space.dtype)
    return SetFacts(
        what=what,
        rows=len(space.training),
        batch_size=space.settings.batch_size,
        tokens=plain.positions,
        trained_tokens=plain.trained,
        positions_once=shared.positions,
        model=_sentence(space),
        precision=space.plan.execution.precision,
        learning_rate=space.plan.learning_rate.value,
        weights_bytes=space.plan.memory.weights_bytes,
        untrained_loss=space.held_out_loss(None),
        gemm_flops=rate,
        limit=plain.positions * rate / plain.flops(space.shape, LORA.rank),
        limit_shared=plain.positions * rate / shared.flops(space.shape, LORA.rank),
    )


def _make_model(directory: Path, shape: dict[str, Any], device: str) -> None:
    """Saves a Llama of random weights with the embedded tokenizer beside it, whose ids are the vocabulary's first ones."""
    shipped = json.loads((SHIPPED_DIRECTORY / "config.json").read_text())
    special = {name: shipped[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    torch.manual_seed(SEED)
    with torch.device(device):
        model = LlamaForCausalLM(LlamaConfig(**shape, **special, dtype=DTYPES[device]))
    model.to(DTYPES[device]).save_pretrained(directory)
    for name in ("tokenizer.json", "chat_template.jinja"):
        (directory / name).write_bytes((SHIPPED_DIRECTORY / name).read_bytes())
    tokenizer = json.loads((SHIPPED_DIRECTORY / "tokenizer_config.json").read_text())
    tokenizer["model_max_length"] = shape["max_position_embeddings"]
    (directory / "tokenizer_config.json").write_text(json.dumps(tokenizer))


def _write_rows(directory: Path, row_set: RowSet, settings: Settings) -> None:
    """The held-out rows go on where the training rows end, so that their system messages are the same."""
    held_out = max(settings.batch_size, settings.rows // HELD_OUT_SHARE)
    lines = row_set.jsonl(settings.rows + held_out).splitlines(keepends=True)
    (directory / "training.jsonl").write_text("".join(lines[: settings.rows]))
    (directory / "held_out.jsonl").write_text("".join(lines[settings.rows :]))


def _tokenised(directory: Path, settings: Settings) -> TrainingPlan:
    """Writes ids and weights as localft makes them; returns the plan of the training."""
    request = training_request(directory, settings, validation_file=str(directory / "held_out.jsonl"))
    rows = open_rows(make_plan(request, processes=1, device=settings.device), _silent)
    assert rows.validation is not None
    for name, store in (("training", rows.training), ("held_out", rows.validation)):
        (directory / f"{name}.json").write_text(json.dumps([(row.input_ids, row.loss_weights) for row in store]))
    plan = make_plan(training_request(directory, settings), processes=1, device=settings.device)
    return plan.with_statistics(rows.training.statistics)


def _sentence(space: Workspace) -> str:
    shape, quantization = space.shape, space.settings.quantization
    held = "NF4" if quantization == "nf4" else space.plan.execution.precision
    return (
        f"A Llama of {shape.layers} layers of width {shape.hidden_size} with {shape.vocab_size:,} tokens in its vocabulary, "
        f"random weights in {held}"
    )


def _silent(event: ProgressEvent) -> None:
    """Tokenising has nothing to tell here."""
