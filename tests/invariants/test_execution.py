"""How a step is carried out never changes what it computes: packed or padded, cut small or large, memory or not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from localft.errors import TrainingFailed
from localft.progress import ExecutionChanged, Notice, ProgressEvent, StepMetrics
from localft.training import engine, retreat, trainer
from localft.training import metrics as evaluation
from tiny_jobs import LORA, Memory, StopAfter, metrics, random_rows, rows_that_begin_alike, run, tiny_plan, with_budget

ROWS = random_rows(10, fractional=True)
VALIDATION = random_rows(5, seed=8)
METHODS: dict[str, dict[str, Any]] = {
    "lora": {},
    "nf4": {"quantization": "nf4"},
    "full": {"lora": None, "learning_rate": 1e-3},
    "checkpointed": {"gradient_checkpointing": "full"},
    "selective": {"gradient_checkpointing": "selective"},
}


def assert_equal(found: list[StepMetrics], expected: list[StepMetrics]) -> None:
    """To the tolerance of floats: losses 1e-5, gradient norms 1e-4."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.examples, a.tokens, a.trained_tokens) == (b.examples, b.tokens, b.trained_tokens)
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-5)
        assert a.grad_norm == pytest.approx(b.grad_norm, rel=1e-4)
        assert a.train_mean_token_accuracy == pytest.approx(b.train_mean_token_accuracy)
        assert a.full_valid_loss == (b.full_valid_loss and pytest.approx(b.full_valid_loss, rel=1e-5))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_packed_rows_train_what_padded_rows_train(
    request: pytest.FixtureRequest, tmp_path: Path, fixture: str, method: str
) -> None:
    plan = tiny_plan(
        request.getfixturevalue(fixture), examples=10, batch_size=7, tokens_per_micro_batch=150, **METHODS[method]
    )
    packed, padded = (
        metrics(run(plan, tmp_path / layout, ROWS, validation=VALIDATION, layout=layout)[1])
        for layout in ("packed", "padded")
    )
    assert packed != padded, "they are two ways, not one"
    assert_equal(packed, padded)


ALIKE = rows_that_begin_alike(16)
VALIDATION_ALIKE = rows_that_begin_alike(8, seed=9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_shared_prefixes_train_what_each_row_alone_trains(
    request: pytest.FixtureRequest, tmp_path: Path, fixture: str, method: str
) -> None:
    """Trained tokens within the shared part, rows that occur twice, beginnings within beginnings."""
    plan = tiny_plan(
        request.getfixturevalue(fixture), examples=16, batch_size=11, tokens_per_micro_batch=400, **METHODS[method]
    )
    shared, packed, padded = (
        metrics(run(plan, tmp_path / layout, ALIKE, validation=VALIDATION_ALIKE, layout=layout)[1])
        for layout in ("shared", "packed", "padded")
    )
    assert shared != packed, "they are two ways, not one"
    assert_equal(shared, packed)
    assert_equal(shared, padded)


def test_the_plan_decides_whether_prefixes_are_shared(tiny_llama: Path, tmp_path: Path) -> None:
    plans = {share: tiny_plan(tiny_llama, examples=16, batch_size=16, share_prefixes=share) for share in (True, False)}
    found = {share: metrics(run(plan, tmp_path / str(share), ALIKE)[1]) for share, plan in plans.items()}
    for share, layout in ((True, "shared"), (False, "packed")):
        assert found[share] == metrics(run(plans[True], tmp_path / layout, ALIKE, layout=layout)[1])


def test_rows_of_a_model_with_dropout_share_nothing(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(tiny_llama, examples=16, batch_size=16, lora=LORA.model_copy(update={"dropout": 0.1}))
    expected = metrics(run(plan, tmp_path / "packed", ALIKE, layout="packed")[1])
    _, events = run(plan, tmp_path / "shared", ALIKE, layout="shared")
    assert metrics(events) == expected
    assert any("is not shared" in event.message for event in events if isinstance(event, Notice))


@pytest.mark.parametrize("budget", [1, 60, 150])
def test_shared_prefixes_train_the_same_in_any_cut(tiny_llama: Path, tmp_path: Path, budget: int) -> None:
    plan = tiny_plan(tiny_llama, examples=16, batch_size=16, n_epochs=2)
    assert_equal(*(metrics(run(with_budget(plan, b), tmp_path / str(b), ALIKE)[1]) for b in (budget, 64_000)))


@pytest.fixture(scope="module")
def long_rope_phi3(tiny_phi3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phi-3 whose rotary frequencies are others in rows of more than 32 tokens, as in Phi-3.5-mini's above 4096."""
    directory = tmp_path_factory.mktemp("long-rope") / "phi3"
    shutil.copytree(tiny_phi3, directory)
    config = json.loads((directory / "config.json").read_text("utf-8"))
    half = config["hidden_size"] // config["num_attention_heads"] // 2
    config["rope_parameters"] = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * half,
        "long_factor": [1.0 + 3 * n for n in range(half)],
        "original_max_position_embeddings": 32,
        "factor": 64.0,
    }
    config["original_max_position_embeddings"] = 32
    (directory / "config.json").write_text(json.dumps(config), "utf-8")
    return directory


@pytest.mark.parametrize("layout", ["shared", "packed", "padded"])
def test_rows_of_two_rotary_lengths_do_not_touch_each_other(
    long_rope_phi3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Any
) -> None:
    plan = tiny_plan(long_rope_phi3, examples=10, batch_size=10, n_epochs=2)

    def trained(name: str, budget: int) -> list[StepMetrics]:
        return metrics(run(with_budget(plan, budget), tmp_path / name, ROWS, validation=VALIDATION, layout=layout)[1])

    alone = trained("alone", 1)
    assert_equal(trained("together", 10_000), alone)
    monkeypatch.setattr(engine, "rotary_switch", lambda config: None)
    mixed = trained("mixed", 10_000)
    assert mixed[0].train_loss != pytest.approx(alone[0].train_loss, rel=1e-5), "the frequencies make a difference"


def test_budgets_of_1k_and_64k_tokens_train_the_same(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [*random_rows(8, fractional=True), *random_rows(8, seed=6, shortest=300)]
    plan = tiny_plan(tiny_llama, examples=16, batch_size=16, n_epochs=2)
    assert_equal(*(metrics(run(with_budget(plan, b), tmp_path / str(b), rows)[1]) for b in (1_000, 64_000)))


def warnings(events: list[ProgressEvent]) -> list[str]:
    return [event.message for event in events if isinstance(event, Notice) and event.level == "warn"]


@pytest.mark.parametrize("options", [{}, {"quantization": "nf4"}, {"lora": None, "learning_rate": 1e-3}], ids=str)
@pytest.mark.parametrize("in_backward", [False, True], ids=["forward", "backward"])
def test_running_out_of_memory_changes_the_cut_and_not_the_result(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], in_backward: bool
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2, **options)
    calm = metrics(run(plan, tmp_path / "calm", ROWS, validation=VALIDATION)[1])
    monkeypatch.setattr(trainer, "score", Memory(130, in_backward=in_backward))
    _, events = run(plan, tmp_path / "tight", ROWS, validation=VALIDATION)
    assert_equal(metrics(events), calm)
    (sentence,) = warnings(events)
    assert sentence.startswith("Step 1: the memory did not suffice")
    changes = {event.setting: event for event in events if isinstance(event, ExecutionChanged)}
    assert all(change.step == 1 for change in changes.values())
    budget = changes["tokens_per_micro_batch"]
    assert budget.before == 1_000_000 and f" {budget.after} tokens" in sentence


def test_a_step_that_ran_out_of_memory_half_way_is_the_step_of_the_smaller_cut_to_the_same_bits(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients of the micro-batches that did fit are dropped, and dropout is drawn as if they had never been."""
    lora = LORA.model_copy(update={"dropout": 0.1})
    plan = tiny_plan(
        tiny_llama,
        examples=10,
        batch_size=10,
        n_epochs=2,
        lora=lora,
        tokens_per_micro_batch=120,
        gradient_checkpointing="full",
    )
    monkeypatch.setattr(trainer, "score", Memory(0, only_in_call=2))
    _, events = run(plan, tmp_path / "tight", ROWS)
    monkeypatch.undo()
    (sentence,) = warnings(events)
    budget = int(sentence.split(" tokens in each")[0].split()[-1])
    assert budget < 120
    assert metrics(events) == metrics(run(with_budget(plan, budget), tmp_path / "calm", ROWS)[1])
    found, expected = (load_file(tmp_path / d / "model/adapter_model.safetensors") for d in ("tight", "calm"))
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_single_row_that_does_not_fit_fails_by_its_line_and_with_advice(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "score", Memory(20))
    longest = max(ROWS, key=lambda row: len(row.input_ids))
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10)
    expected = rf"a single row of {len(longest.input_ids)} tokens \(line {longest.line}\)\. Choose `quantization: nf4`"
    with pytest.raises(TrainingFailed, match=expected) as caught:
        run(plan, tmp_path, ROWS)
    assert caught.value.code == "out_of_memory"


@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_a_row_that_does_not_fit_without_checkpointing_is_trained_with_it_to_the_same_result(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixture: str, quantization: str
) -> None:
    model: Path = request.getfixturevalue(fixture)
    plan = tiny_plan(model, examples=10, batch_size=7, n_epochs=2, quantization=quantization)
    calm = metrics(run(plan, tmp_path / "calm", ROWS, validation=VALIDATION)[1])
    monkeypatch.setattr(trainer, "score", Memory(20, checkpointed=10**6))
    _, events = run(plan, tmp_path / "tight", ROWS, validation=VALIDATION)
    assert_equal(metrics(events), calm)
    (sentence,) = warnings(events)
    assert "gradient checkpointing selective" in sentence


def test_micro_batches_grow_again_behind_a_calm_stretch_and_change_no_result(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retreat, "CALM_STEPS", 2)
    monkeypatch.setattr(retreat, "LEAST_TOKENS", 1)
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10, n_epochs=8, tokens_per_micro_batch=250)
    calm = metrics(run(plan, tmp_path / "calm", ROWS)[1])
    monkeypatch.setattr(trainer, "score", Memory(130))
    _, events = run(plan, tmp_path / "tight", ROWS)
    assert_equal(metrics(events), calm)
    told = [event for event in events if isinstance(event, Notice) and event.message.startswith("Step")]
    tokens = int(told[0].message.split(" tokens in each")[0].split()[-1])
    assert [(event.level, event.message.split(".")[0], f"{2 * tokens} tokens" in event.message) for event in told] == [
        ("warn", "Step 1: the memory did not suffice for a micro-batch", False),
        ("info", "Step 3: the memory sufficed for 2 steps", True),
        ("warn", "Step 4: the memory did not suffice for a micro-batch", False),
        ("info", "Step 8: the memory sufficed for 4 steps", True),
    ]


def test_a_resumed_run_begins_with_the_planned_micro_batches_again(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    calm = metrics(run(plan, tmp_path / "calm", ROWS)[1])
    monkeypatch.setattr(trainer, "score", Memory(130))
    run(plan, tmp_path / "tight", ROWS, should_stop=StopAfter(1))
    monkeypatch.undo()
    _, events = run(plan, tmp_path / "tight", ROWS, resume_from=tmp_path / "tight/checkpoint-1")
    assert_equal(metrics(events), calm[1:])
    assert warnings(events) == []


def test_a_validation_that_runs_out_of_memory_measures_the_same_and_stays_smaller(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    calm = metrics(run(plan, tmp_path / "calm", ROWS, validation=VALIDATION)[1])
    monkeypatch.setattr(evaluation, "score", Memory(100))
    _, events = run(plan, tmp_path / "tight", ROWS, validation=VALIDATION)
    assert_equal(metrics(events), calm)
    (sentence,) = warnings(events)
    assert sentence.startswith("The memory did not suffice for a micro-batch of the validation.")


def test_one_shortage_in_a_validation_of_single_rows_is_no_failure(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10, tokens_per_micro_batch=1)
    calm = metrics(run(plan, tmp_path / "calm", ROWS, validation=VALIDATION)[1])
    monkeypatch.setattr(evaluation, "score", Memory(0, only_in_call=2))
    found = metrics(run(plan, tmp_path / "tight", ROWS, validation=VALIDATION)[1])
    assert_equal(found, calm)
