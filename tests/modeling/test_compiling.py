"""Compiled layers: the numbers of the plain ones, few compilations, and plain layers where there is no compiler."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from localft.modeling import compiling
from localft.modeling.adapters import make_trainable
from localft.modeling.attention import attend_by_segments
from localft.modeling.compiling import compile_layers
from localft.modeling.head import add_trained_positions_head
from localft.modeling.load import load_base_model
from localft.training.collator import MicroBatch, micro_batches
from localft.training.loss import score
from tiny_jobs import LORA, metrics, random_rows, rows_that_begin_alike, run, tiny_plan

BUDGETS = (300, 77, 1000, 120)
"""Tokens of a micro-batch: rows of many lengths and numbers of examples."""


@pytest.fixture(autouse=True)
def _compiles_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without code generation, unless a test asks for it; nothing compiled is kept from test to test."""
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    counters.clear()
    with torch._dynamo.config.patch(suppress_errors=False):
        yield
    torch._dynamo.reset()


def trainable(directory: Path, **options: Any) -> Any:
    plan = tiny_plan(directory, examples=10, **options)
    base = load_base_model(plan, directory)
    assert attend_by_segments(base)
    add_trained_positions_head(base)
    return make_trainable(base, plan)


def batches(tokens: int) -> list[MicroBatch]:
    """Packed rows, and rows that share what they begin with."""
    shared = micro_batches(rows_that_begin_alike(9), tokens, layout="shared")
    return [*micro_batches(random_rows(20), tokens), *shared]


def losses(model: Any, tokens: int) -> list[float]:
    found = []
    for batch in batches(tokens):
        loss = score(model, batch).weighted_nll
        loss.backward()
        found.append(loss.item())
    return found


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}


def assert_same_numbers(directory: Path, **options: Any) -> None:
    model = trainable(directory, **options)
    plain_losses = losses(model, 300)
    plain = gradients(model)
    model.zero_grad()
    names = list(model.state_dict())
    assert compile_layers(model, lambda: None, [].append)
    assert losses(model, 300) == pytest.approx(plain_losses, rel=1e-5)
    found = gradients(model)
    for name in plain:
        assert (found[name] - plain[name]).norm() <= 1e-4 * plain[name].norm(), name
    assert counters["stats"]["unique_graphs"] > 0
    assert list(model.state_dict()) == names


@pytest.mark.parametrize(
    ("fixture", "quantization"),
    [("tiny_llama", "none"), pytest.param("tiny_phi3", "nf4", marks=pytest.mark.slow)],
)
def test_compiled_layers_give_the_same_losses_and_gradients(
    request: pytest.FixtureRequest, fixture: str, quantization: str
) -> None:
    assert_same_numbers(request.getfixturevalue(fixture), quantization=quantization)


def test_micro_batches_of_all_lengths_share_what_is_compiled(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "eager")  # graphs alone count here
    model = trainable(tiny_llama)
    assert compile_layers(model, lambda: losses(model, 40), [].append)
    graphs = counters["stats"]["unique_graphs"]
    assert 0 < graphs <= 10
    assert any(batch.segments.keys_K is not None for tokens in BUDGETS for batch in batches(tokens))
    for tokens in BUDGETS:
        losses(model, tokens)
    assert counters["stats"]["unique_graphs"] == graphs
    model.eval()
    with torch.no_grad():
        score(model, batches(300)[0])
        evaluated = counters["stats"]["unique_graphs"]
        for tokens in BUDGETS:
            score(model, batches(tokens)[-1])
    assert graphs < evaluated <= 2 * graphs
    assert counters["stats"]["unique_graphs"] == evaluated


@pytest.mark.slow
def test_a_compiled_run_goes_as_a_plain_one_with_checkpointing_dropout_and_validation(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    curves = []
    for compile in (False, True):
        plan = tiny_plan(
            tiny_llama,
            examples=8,
            compile=compile,
            gradient_checkpointing="selective",
            lora=LORA.model_copy(update={"dropout": 0.1}),
        )
        outcome, events = run(plan, tmp_path / str(compile), random_rows(8), validation=random_rows(5, seed=6))
        assert outcome.status == "succeeded"
        said = [getattr(event, "message", "") for event in events]
        assert any("parts of layers are compiled" in sentence for sentence in said) == compile
        assert (counters["stats"]["unique_graphs"] > 0) == compile
        curves.append([value for step in metrics(events) for value in (step.train_loss, step.valid_loss) if value])
    assert len(curves[0]) == 4
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)


def test_without_a_compiler_a_run_goes_on_plain_and_says_so(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_found(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no working C++ compiler\nand more")

    monkeypatch.setattr(compiling, "BACKEND", none_found)
    plan = tiny_plan(tiny_llama, examples=4, compile=True)
    outcome, events = run(plan, tmp_path, random_rows(4))
    assert outcome.status == "succeeded"
    (notice,) = [event for event in events if "Nothing is compiled" in getattr(event, "message", "")]
    assert notice.level == "warn" and "no working C++ compiler" in notice.message and "and more" not in notice.message


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_generated_code_gives_the_same_losses_and_gradients(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "inductor")
    assert_same_numbers(tiny_llama)
