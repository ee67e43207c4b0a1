"""A whole training on tiny real models: what it tells, what it writes, how it ends."""

from __future__ import annotations

import json
import platform
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.llama.modeling_llama import LlamaMLP

from localft.errors import CheckpointError, TrainingFailed
from localft.plan import TrainingPlan
from localft.progress import (
    CheckpointSaved,
    ExecutionChosen,
    Notice,
    ProgressEvent,
    StageStarted,
    StepMetrics,
    TrainingOutcome,
)
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.tokenizer import ChatTokenizer
from localft.training import disk_space
from localft.training.batching import Steps
from localft.training.metrics import validation_rows
from tiny_jobs import StopAfter, metrics, never, random_rows, run, tiny_plan, with_budget

ROWS = random_rows(10, fractional=True)
VALIDATION = random_rows(9, seed=8)
Run = tuple[TrainingOutcome, list[ProgressEvent], Path]


@pytest.fixture(scope="module")
def finished(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Steps of 7 and 3 rows, two epochs, with validation."""
    directory = tmp_path_factory.mktemp("finished")
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    outcome, events = run(plan, directory, ROWS, validation=VALIDATION)
    return outcome, events, directory


def plain_loss(model: Any, rows: list[TokenizedExample]) -> tuple[float, float]:
    """sum(weight * nll) / sum(weight) and top-1 accuracy from plain logits, row by row, in float64."""
    nll = weight = right = targets = 0.0
    for row in rows:
        with torch.no_grad():
            logits_TV = model(input_ids=torch.tensor([row.input_ids])).logits[0].double()
        for t, w in enumerate(row.loss_weights):
            if w:
                nll -= w * logits_TV[t - 1].log_softmax(-1)[row.input_ids[t]].item()
                weight += w
                right += int(logits_TV[t - 1].argmax() == row.input_ids[t])
                targets += 1
    return nll / weight, right / targets


def test_events_tell_the_run_in_order(finished: Run) -> None:
    _, events, directory = finished
    kinds = [(type(e).__name__, e.stage if isinstance(e, StageStarted) else getattr(e, "step", None)) for e in events]
    assert kinds == [
        ("StageStarted", "load_model"),
        ("Notice", None),
        ("ExecutionChosen", None),
        ("StageStarted", "train"),
        ("StepMetrics", 1),
        ("StepMetrics", 2),
        ("StageStarted", "save_checkpoint"),
        ("CheckpointSaved", 2),
        ("StepMetrics", 3),
        ("StepMetrics", 4),
        ("StageStarted", "save_checkpoint"),
        ("CheckpointSaved", 4),
        ("StageStarted", "save_model"),
    ]
    saved = [event for event in events if isinstance(event, CheckpointSaved)]
    assert [event.path for event in saved] == [str(directory / "checkpoint-2"), str(directory / "checkpoint-4")]
    assert all(event.epoch_end and event.metrics.step == event.step for event in saved)


def test_the_execution_that_was_chosen_is_told(finished: Run) -> None:
    (chosen,) = [event for event in finished[1] if isinstance(event, ExecutionChosen)]
    assert chosen.devices == (f"CPU ({platform.machine()})",)
    assert chosen.attention == "sdpa of torch, one segment after the other"
    assert {"python", "localft", "torch", "transformers", "trl", "peft"} <= set(chosen.versions)


def test_each_step_tells_the_positions_that_it_computed_and_the_memory_held_so_far(
    tiny_llama: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10)
    longest = max(len(row.input_ids) for row in ROWS)
    for layout, computed in (("packed", sum(len(row.input_ids) for row in ROWS)), ("padded", 10 * longest)):
        _, events = run(plan, tmp_path / layout, ROWS, layout=layout)
        (step,) = [event for event in events if isinstance(event, StepMetrics)]
        assert step.computed_tokens == computed
        assert step.peak_memory_bytes is not None and step.peak_memory_bytes > 2**20


def test_steps_hold_exactly_batch_size_examples(finished: Run) -> None:
    _, events, _ = finished
    assert [(m.epoch, m.examples) for m in metrics(events)] == [(1, 7), (1, 3), (2, 7), (2, 3)]


def test_outcome_counts_tokens_times_epochs(finished: Run) -> None:
    outcome, _, directory = finished
    tokens = sum(len(row.input_ids) for row in ROWS)
    assert outcome == TrainingOutcome("succeeded", 4, 2 * tokens, str(directory / "model"))


def test_first_train_loss_is_that_of_the_base_model_by_hand(finished: Run, tiny_llama: Path) -> None:
    lines = Steps(ROWS, batch_size=7, seed=7)[0].lines
    loss, accuracy = plain_loss(AutoModelForCausalLM.from_pretrained(tiny_llama), [ROWS[line - 1] for line in lines])
    first = metrics(finished[1])[0]
    assert first.train_loss == pytest.approx(loss, rel=1e-6)
    assert first.train_mean_token_accuracy == pytest.approx(accuracy)


def test_a_later_train_loss_is_that_of_the_checkpoint_before_it(finished: Run) -> None:
    _, events, directory = finished
    steps = Steps(ROWS, batch_size=7, seed=7)
    steps.epoch = 1
    model = AutoPeftModelForCausalLM.from_pretrained(directory / "checkpoint-2")
    loss, _ = plain_loss(model, [ROWS[line - 1] for line in steps[0].lines])
    assert metrics(events)[2].train_loss == pytest.approx(loss, rel=1e-6)


def test_validation_metrics_come_where_they_belong_and_equal_the_plain_logits(finished: Run) -> None:
    _, events, directory = finished
    found = metrics(events)
    assert [m.valid_loss is not None for m in found] == [True, False, False, True]
    assert [m.full_valid_loss is not None for m in found] == [False, True, False, True]
    model = AutoPeftModelForCausalLM.from_pretrained(directory / "model")
    loss, accuracy = plain_loss(model, VALIDATION)
    assert found[3].full_valid_loss == pytest.approx(loss, rel=1e-6)
    assert found[3].full_valid_mean_token_accuracy == pytest.approx(accuracy)
    drawn = [VALIDATION[row] for row in validation_rows(7, 4, n=9, batch_size=7)]
    loss, accuracy = plain_loss(model, drawn)
    assert found[3].valid_loss == pytest.approx(loss, rel=1e-6)
    assert found[3].valid_mean_token_accuracy == pytest.approx(accuracy)


def test_validation_changes_nothing_of_the_training(finished: Run, tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    _, events = run(plan, tmp_path, ROWS)
    assert [m.train_loss for m in metrics(events)] == [m.train_loss for m in metrics(finished[1])]
    assert all(m.full_valid_loss is None and m.valid_loss is None for m in metrics(events))


def test_the_same_seed_repeats_every_bit_and_another_does_not(finished: Run, tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    _, again = run(plan, tmp_path / "again", ROWS, validation=VALIDATION)
    assert metrics(again) == metrics(finished[1])
    for name in ("checkpoint-2", "model"):
        weights = [(d / name / "adapter_model.safetensors").read_bytes() for d in (finished[2], tmp_path / "again")]
        assert weights[0] == weights[1]
    other = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2, seed=8)
    _, different = run(other, tmp_path / "other", ROWS, validation=VALIDATION)
    assert metrics(different) != metrics(again)


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_micro_batches_of_one_row_give_the_step_of_a_single_micro_batch(
    tiny_llama: Path, tmp_path: Path, quantization: str
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2, quantization=quantization)
    runs = [
        metrics(run(with_budget(plan, budget), tmp_path / str(budget), ROWS, validation=VALIDATION)[1])
        for budget in (10**6, 130, 1)
    ]
    for other in runs[1:]:
        for a, b in zip(runs[0], other, strict=True):
            assert b.train_loss == pytest.approx(a.train_loss, rel=1e-5)
            assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-4)
            assert b.full_valid_loss == (a.full_valid_loss and pytest.approx(a.full_valid_loss, rel=1e-5))


@pytest.mark.parametrize("options", [{}, {"lora": None}, {"quantization": "nf4"}], ids=str)
def test_gradient_checkpointing_runs_each_layer_again_in_the_backward(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    forwards = 0
    plain = LlamaMLP.forward

    def counted(self: Any, *args: Any) -> Any:
        nonlocal forwards
        forwards += self.training  # a model is tried before, in evaluation mode
        return plain(self, *args)

    monkeypatch.setattr(LlamaMLP, "forward", counted)
    for checkpointing, expected in (("off", 2), ("selective", 4), ("full", 4)):
        forwards = 0
        plan = tiny_plan(tiny_llama, examples=10, batch_size=10, gradient_checkpointing=checkpointing, **options)
        run(plan, tmp_path / checkpointing, ROWS)
        assert forwards == expected


@pytest.mark.parametrize("mode", ["selective", "full"])
def test_gradient_checkpointing_changes_no_number(finished: Run, tiny_llama: Path, tmp_path: Path, mode: str) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2, gradient_checkpointing=mode)
    found = metrics(run(plan, tmp_path, ROWS, validation=VALIDATION)[1])
    for a, b in zip(found, metrics(finished[1]), strict=True):
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-6)
        assert a.grad_norm == pytest.approx(b.grad_norm, rel=1e-5)


def test_learning_rate_falls_linearly_from_the_planned_peak(finished: Run) -> None:
    rates = [m.learning_rate for m in metrics(finished[1])]
    assert rates == pytest.approx([5e-3, 3.75e-3, 2.5e-3, 1.25e-3])


def test_checkpoint_holds_float32_weights_and_all_that_continuing_needs(finished: Run) -> None:
    checkpoint = finished[2] / "checkpoint-4"
    weights = load_file(checkpoint / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert {path.name for path in checkpoint.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "generation_config.json",
        "manifest.json",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "state.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "trainer_state.json",
    }
    assert json.loads((checkpoint / "state.json").read_text())["trainable_dtype"] == "float32"


def test_nothing_but_checkpoints_and_the_model_is_left_in_the_run_directory(finished: Run) -> None:
    assert sorted(path.name for path in finished[2].iterdir()) == ["checkpoint-2", "checkpoint-4", "model"]


def test_the_model_directory_loads_as_adapter_with_tokenizer_and_template(finished: Run, tiny_llama: Path) -> None:
    model = finished[2] / "model"
    tokenizer = AutoTokenizer.from_pretrained(model)
    base = AutoTokenizer.from_pretrained(tiny_llama)
    assert tokenizer.chat_template == base.chat_template
    text = "Who wrote the play? <|eot_id|>"
    assert tokenizer(text)["input_ids"] == base(text)["input_ids"]
    assert json.loads((model / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_llama)
    assert AutoPeftModelForCausalLM.from_pretrained(model).peft_config["default"].r == 8
    assert ChatTokenizer.from_directory(model).fingerprint == ChatTokenizer.from_directory(tiny_llama).fingerprint
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in model.iterdir()), "others may read it too"


def test_a_template_of_the_plan_takes_the_place_of_the_models(tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10, chat_template="{{ messages }} own")
    run(plan, tmp_path, ROWS)
    assert AutoTokenizer.from_pretrained(tmp_path / "model").chat_template == "{{ messages }} own"


@pytest.mark.parametrize("fixture", ["tiny_llama", "tiny_phi3"])
def test_full_fine_tuning_writes_a_whole_model(request: pytest.FixtureRequest, fixture: str, tmp_path: Path) -> None:
    base: Path = request.getfixturevalue(fixture)
    plan = tiny_plan(base, examples=10, batch_size=7, n_epochs=2, lora=None)
    _, events = run(plan, tmp_path, ROWS, validation=VALIDATION)
    found = metrics(events)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    loss, _ = plain_loss(model, VALIDATION)
    assert found[-1].full_valid_loss == pytest.approx(loss, rel=1e-6)
    assert found[2].train_loss < found[0].train_loss
    for name in ("config.json", "generation_config.json"):
        kept, given = (json.loads((directory / name).read_text()) for directory in (tmp_path / "model", base))
        assert kept == given, name


def test_bfloat16_trains_float32_weights(tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10, n_epochs=2, precision="bfloat16")
    found = metrics(run(plan, tmp_path / "lora", ROWS)[1])
    assert found[1].train_loss == pytest.approx(found[0].train_loss, rel=0.5)
    assert {t.dtype for t in load_file(tmp_path / "lora/model/adapter_model.safetensors").values()} == {torch.float32}
    full = tiny_plan(tiny_llama, examples=10, batch_size=10, lora=None, precision="bfloat16")
    run(full, tmp_path / "full", ROWS)
    assert {t.dtype for t in load_file(tmp_path / "full/checkpoint-1/model.safetensors").values()} == {torch.float32}
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "full/model").dtype is torch.bfloat16


def test_a_finished_adapter_is_trained_further(finished: Run, tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=10, adapter_path=finished[2] / "model")
    first = metrics(run(plan, tmp_path, ROWS)[1])[0]
    loss, _ = plain_loss(AutoPeftModelForCausalLM.from_pretrained(finished[2] / "model"), ROWS)
    assert first.train_loss == pytest.approx(loss, rel=1e-6)
    assert loss < metrics(finished[1])[0].train_loss


def test_a_loss_that_is_no_number_fails_with_the_step_and_the_line_at_fault(tiny_phi3: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in tiny_phi3.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = load_file(broken / "model.safetensors")
    weights["model.embed_tokens.weight"][500] = float("inf")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    rows = [TokenizedExample(line, [500 if line == 3 else 5, 6, 7], [0.0, 0.0, 1.0]) for line in range(1, 11)]
    plan = tiny_plan(broken, examples=10, batch_size=10, tokens_per_micro_batch=3)
    with pytest.raises(TrainingFailed, match=r"Step 1 \(line 3\): the loss is not a finite number"):
        run(plan, tmp_path / "run", rows)
    assert list((tmp_path / "run").glob("checkpoint-*")) == []


def test_a_step_without_a_trained_token_fails_by_its_lines(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [TokenizedExample(line, [5, 6, 7], [0.0, 0.0, 0.0]) for line in range(1, 4)]
    with pytest.raises(TrainingFailed, match=r"Step 1 \(lines .*\): expected at least one trained token"):
        run(tiny_plan(tiny_llama, examples=3), tmp_path, rows)


def test_a_checkpoint_of_another_plan_is_not_continued(finished: Run, tiny_llama: Path, tmp_path: Path) -> None:
    other = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2, seed=8)
    with pytest.raises(CheckpointError, match="of another job"):
        run(other, tmp_path, ROWS, resume_from=finished[2] / "checkpoint-2")


def test_a_run_that_was_stopped_while_its_model_was_written_finishes(
    finished: Run, tiny_llama: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    outcome, events = run(plan, tmp_path, ROWS, validation=VALIDATION, resume_from=finished[2] / "checkpoint-4")
    assert metrics(events) == []
    assert (outcome.status, outcome.last_step, outcome.trained_tokens) == ("succeeded", 4, finished[0].trained_tokens)
    weights = [(d / "model/adapter_model.safetensors").read_bytes() for d in (finished[2], tmp_path)]
    assert weights[0] == weights[1]


def test_a_stop_asked_at_the_last_step_lets_the_run_finish(tiny_llama: Path, tmp_path: Path) -> None:
    outcome, _ = run(tiny_plan(tiny_llama, examples=10, batch_size=5), tmp_path, ROWS, should_stop=StopAfter(2))
    assert outcome.status == "succeeded"


def with_checkpoints_every(plan: TrainingPlan, minutes: float) -> TrainingPlan:
    requested = plan.execution.requested.model_copy(update={"checkpoint_minutes": minutes})
    return plan.model_copy(update={"execution": plan.execution.model_copy(update={"requested": requested})})


def test_between_the_ends_of_epochs_a_run_is_saved_once_its_last_checkpoint_is_old(
    finished: Run, tiny_llama: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    _, events = run(with_checkpoints_every(plan, 1e-9), tmp_path / "first", ROWS, should_stop=StopAfter(3))
    saved = [(event.step, event.epoch_end) for event in events if isinstance(event, CheckpointSaved)]
    assert saved == [(1, False), (2, True), (3, False)]
    assert {path.name for path in (tmp_path / "first").iterdir()} == {"checkpoint-2", "checkpoint-3"}
    run(plan, tmp_path / "second", ROWS, resume_from=tmp_path / "first" / "checkpoint-3", should_stop=never)
    weights = [(d / "model/adapter_model.safetensors").read_bytes() for d in (finished[2], tmp_path / "second")]
    assert weights[0] == weights[1]


def test_a_disk_with_room_for_the_run_alone_gets_no_checkpoint_between_epochs(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=4, n_epochs=1)
    needed: list[int] = []
    monkeypatch.setattr(
        disk_space, "shortage", lambda directory, bytes_, target: needed.append(bytes_)
    )  # as on a disk that has room
    run(plan, tmp_path / "measured", ROWS)
    monkeypatch.undo()
    monkeypatch.setattr(disk_space, "free_bytes", lambda directory: needed[0])
    outcome, events = run(with_checkpoints_every(plan, 1e-9), tmp_path / "run", ROWS)
    assert outcome.status == "succeeded"
    assert [event.step for event in events if isinstance(event, CheckpointSaved)] == [3]
    told = [event.message for event in events if isinstance(event, Notice) and event.level == "warn"]
    assert told == ["The disk has no room for checkpoints between the ends of epochs; there are none."]


def test_resuming_says_where_it_goes_on(finished: Run, tiny_llama: Path, tmp_path: Path) -> None:
    plan = tiny_plan(tiny_llama, examples=10, batch_size=7, n_epochs=2)
    _, events = run(plan, tmp_path, ROWS, resume_from=finished[2] / "checkpoint-2", should_stop=never)
    sentences = [event.message for event in events if isinstance(event, Notice)]
    assert any("Continues behind step 2 of 4" in sentence for sentence in sentences)
    assert [m.step for m in metrics(events)] == [3, 4]


@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_a_process_group_that_the_engine_made_is_destroyed(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launched = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    weights = [0.0, 0.0, 0.0] if fails else [0.0, 0.0, 1.0]
    rows = [TokenizedExample(line, [5, 6, 7], weights) for line in range(1, 4)]
    was_initialized: list[bool] = []

    def stop() -> bool:
        was_initialized.append(dist.is_initialized())
        return True

    plan = tiny_plan(tiny_llama, examples=3, batch_size=1)
    if fails:
        with pytest.raises(TrainingFailed):
            run(plan, tmp_path, rows, should_stop=stop)
    else:
        outcome, _ = run(plan, tmp_path, rows, should_stop=stop)
        assert outcome.status == "interrupted"
        assert was_initialized == [True]
    assert not dist.is_initialized()
