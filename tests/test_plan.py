"""What a plan decides, that it repeats its run, and what of it counts as its meaning."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localft import settings
from localft.catalog import find
from localft.errors import DataError, ModelError, UsageError
from localft.plan import LoraSettings, TrainingPlan, make_plan, memory
from localft.plan.data_file import describe_file
from localft.plan.execution import PlannedExecution, plan_execution
from localft.plan.memory import GpuMemory
from localft.plan.request import ExecutionRequest
from localft.tokenization.survey import TokenStatistics
from planning import SAMPLE, plan, request, write_examples
from test_catalog import write_adapter, write_model

GIB = 2**30
STATISTICS = TokenStatistics(rows=10, examples=10, tokens=480, trained_tokens=120, longest=60)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return write_examples(tmp_path / "ten.jsonl", 10)


@pytest.fixture
def on_gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretends that this machine has `count` GPUs of `gib` each, all of it free or `free`; None: of unknown memory."""

    def pretend(count: int, gib: float | None, free: float | None = None) -> None:
        monkeypatch.setattr(settings, "visible_gpus", lambda: count)
        found = None if gib is None else GpuMemory(int(gib * GIB), int((gib if free is None else free) * GIB))
        monkeypatch.setattr(memory, "gpu_memory", lambda: found)

    return pretend


# --- steps and knobs


@pytest.mark.parametrize(
    ("examples", "batch_size", "n_epochs", "total_steps"), [(10, 1, 10, 100), (101, 1, 3, 303), (2000, 4, 3, 1500)]
)
def test_published_jobs_of_the_service_are_planned_as_they_ran(
    tmp_path: Path, examples: int, batch_size: int, n_epochs: int, total_steps: int
) -> None:
    planned = plan(write_examples(tmp_path / "train.jsonl", examples))
    knobs = planned.hyperparameters
    assert (knobs.batch_size.value, knobs.n_epochs.value, planned.total_steps) == (batch_size, n_epochs, total_steps)


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 10), (3, 4), (7, 2), (10, 1), (256, 1)])
def test_an_epoch_has_the_examples_over_the_batch_size_rounded_up(ten: Path, batch_size: int, steps: int) -> None:
    planned = plan(ten, batch_size=batch_size, n_epochs=2)
    assert (planned.steps_per_epoch, planned.total_steps) == (steps, 2 * steps)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (33, 0), (34, 1), (100, 3), (303, 9)])
def test_warm_up_is_three_percent_of_the_steps_rounded_down(tmp_path: Path, steps: int, warmup: int) -> None:
    planned = plan(write_examples(tmp_path / "train.jsonl", steps), batch_size=1, n_epochs=1)
    assert planned.warmup_steps == warmup == planned.trainer_arguments["warmup_steps"]


@pytest.mark.parametrize(("processes", "share"), [(1, 7), (2, 4), (3, 3), (7, 1), (8, 1)])
def test_a_process_gets_the_share_of_the_largest_rank_and_nothing_is_accumulated(
    ten: Path, processes: int, share: int
) -> None:
    arguments = plan(ten, batch_size=7, processes=processes).trainer_arguments
    assert arguments["per_device_train_batch_size"] == share
    assert arguments["gradient_accumulation_steps"] == 1


def test_the_knobs_are_visible_in_the_trainer_arguments(ten: Path) -> None:
    planned = plan(ten, batch_size=5, n_epochs=4, seed=17, learning_rate_multiplier=0.5)
    arguments = planned.trainer_arguments
    assert arguments["num_train_epochs"] == 4
    assert arguments["seed"] == arguments["data_seed"] == 17
    assert arguments["learning_rate"] == planned.learning_rate.value == planned.learning_rate.base * 0.5


def test_trl_takes_the_trainer_arguments_as_they_stand(ten: Path, tmp_path: Path) -> None:
    from trl import SFTConfig

    arguments = plan(ten, batch_size=5, seed=2**31 - 1).trainer_arguments
    config = SFTConfig(output_dir=str(tmp_path / "out"), bf16=False, use_cpu=True, report_to="none", **arguments)
    assert {name: getattr(config, name) for name in arguments} == arguments


def test_a_seed_left_open_is_drawn_and_recorded(ten: Path) -> None:
    first, second = plan(ten), plan(ten)
    assert first.hyperparameters.seed.value == first.trainer_arguments["seed"]
    assert first.hyperparameters.seed.value != second.hyperparameters.seed.value


# --- learning rate


@pytest.mark.parametrize(("lora", "value"), [({}, 1.5e-4), ("none", 1.5e-5)])
def test_full_fine_tuning_takes_a_tenth_of_the_learning_rate(ten: Path, lora: object, value: float) -> None:
    rate = plan(ten, model="llama-3.1-8b-instruct", lora=lora, learning_rate_multiplier=0.5).learning_rate
    assert rate.base == 3e-4
    assert rate.value == pytest.approx(value, rel=1e-12)
    assert rate.source == "published: arXiv 2407.21783, table of model sizes"


def test_the_rule_of_the_learning_rate_shows_the_product(ten: Path) -> None:
    assert plan(ten, model="phi-4").learning_rate.rule == "0.0003 (base) x 1 (multiplier) = 0.0003"
    full = plan(ten, model="phi-4", lora="none").learning_rate
    assert full.rule == "0.0003 (base) x 0.1 (full fine-tuning) x 1 (multiplier) = 3e-05"


@pytest.mark.parametrize(
    ("multiplier", "lora", "words"),
    [
        (0.02, {}, "low for LoRA"), (0.2, {}, "low for LoRA"), (0.49, {}, "low for LoRA"), (5.1, {}, "above 5"),
        (0.1, "none", "on top of the tenth"),
    ],
)  # fmt: skip
def test_an_unusual_multiplier_is_remarked_on(ten: Path, multiplier: float, lora: object, words: str) -> None:
    notes = plan(ten, model="phi-4", learning_rate_multiplier=multiplier, lora=lora).notes
    assert any(words in note for note in notes)


@pytest.mark.parametrize("multiplier", [0.5, 1, 2, 5])
def test_a_usual_multiplier_is_not_remarked_on(ten: Path, multiplier: float) -> None:
    notes = plan(ten, learning_rate_multiplier=multiplier).notes
    assert not any(note.startswith("learning_rate_multiplier") for note in notes)


def test_a_published_rate_far_above_what_suits_lora_is_remarked_on(ten: Path) -> None:
    assert any("high for LoRA" in note for note in plan(ten, model="smollm2-135m-instruct").notes)
    assert not any("high for LoRA" in note for note in plan(ten, model="smollm2-1.7b-instruct").notes)


# --- data


def test_examples_are_the_lines_that_are_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'\xef\xbb\xbf\n{"a":1}\r\n  \r\n\n{"b":2}')
    assert describe_file(str(path), "training_file").examples == 2


def test_examples_are_counted_as_the_validation_counts_them(tmp_path: Path) -> None:
    from localft.data.validation import validate_file

    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + SAMPLE.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert describe_file(str(path), "training_file").examples == validate_file(path).examples


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_a_file_without_examples_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match="found none") as caught:
        plan(path)
    assert caught.value.param == "training_file"


def test_a_missing_file_is_refused_by_the_key_that_names_it(ten: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        plan(tmp_path / "gone.jsonl")
    with pytest.raises(DataError) as caught:
        plan(ten, validation_file=str(tmp_path / "gone.jsonl"))
    assert caught.value.param == "validation_file"


def test_validating_on_the_training_data_is_remarked_on(ten: Path) -> None:
    assert any("validation_file has the content" in note for note in plan(ten, validation_file=str(ten)).notes)


def test_a_changed_data_file_is_noticed(ten: Path) -> None:
    planned = plan(ten)
    planned.check_data()
    ten.write_text(ten.read_text() + "\n")
    with pytest.raises(DataError, match="another content") as caught:
        planned.check_data()
    assert caught.value.code == "data_changed"


# --- tokens


def test_token_counts_come_with_the_statistics(ten: Path) -> None:
    planned = make_plan(request(ten), statistics=STATISTICS, device="cpu")
    assert planned.tokens is not None
    assert planned.tokens.billed_tokens == 4800  # 10 rows, 480 tokens, 10 epochs
    assert not any("not counted" in note for note in planned.notes)


def test_without_statistics_the_plan_says_that_tokens_are_not_counted(ten: Path) -> None:
    planned = plan(ten, model="llama-3.1-8b-instruct")
    assert planned.tokens is None
    assert any("hf download meta-llama/Llama-3.1-8B-Instruct" in note for note in planned.notes)


def test_dropped_rows_are_no_examples_and_the_auto_rules_follow(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "train.jsonl", 34)
    kept = replace(STATISTICS, rows=34, examples=25, dropped=9)
    planned = plan(path).with_statistics(kept)
    assert (planned.examples, planned.training_file.examples) == (25, 34)
    assert (planned.hyperparameters.n_epochs.value, planned.total_steps) == (4, 100)
    asked = plan(path, n_epochs=2).with_statistics(kept)
    assert (asked.hyperparameters.n_epochs.value, asked.total_steps) == (2, 50)


def test_a_file_of_which_no_row_is_left_is_refused(ten: Path) -> None:
    with pytest.raises(DataError, match="overlong: truncate"):
        plan(ten).with_statistics(TokenStatistics(rows=10, dropped=10))


def test_a_launch_with_fsdp_is_estimated_as_sharded(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = plan(ten, model="llama-3.1-8b", lora="none", processes=8).memory
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    part = plan(ten, model="llama-3.1-8b", lora="none", processes=8).memory
    assert part.optimizer_bytes == whole.optimizer_bytes // 8
    assert whole.weights_bytes / 8 < part.weights_bytes < whole.weights_bytes / 3, "and what is gathered at a time"
    assert whole.gradients_bytes / 8 < part.gradients_bytes < whole.gradients_bytes / 3, "and what is whole at a time"
    assert part.activations_bytes == whole.activations_bytes


def test_of_a_sharded_model_in_nf4_the_scales_are_whole_on_each_gpu(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    asked: dict[str, Any] = {"quantization": "nf4", "precision": "bfloat16", "batch_size": 256}
    gib = plan(ten, model="llama-3.1-70b", **asked, processes=256).memory.weights_bytes / 2**30
    a_slice, embeddings_and_head, scales, two_blocks = 0.14, 3.92, 1.01, 0.80
    assert gib == pytest.approx(a_slice + embeddings_and_head + scales + two_blocks, rel=0.01)


def test_counting_tokens_changes_no_seed_and_no_processes(ten: Path) -> None:
    planned = plan(ten, batch_size=2, processes=2)
    counted = planned.with_statistics(STATISTICS)
    assert counted.meaning_fingerprint() == planned.meaning_fingerprint()
    no_words = {"rules": {}}
    assert counted.execution.model_copy(update=no_words) == planned.execution.model_copy(update=no_words)


# --- model, template, length


def test_the_longest_row_is_the_models_context_unless_asked(ten: Path) -> None:
    assert plan(ten).max_length == 2048
    assert plan(ten, max_length=100).max_length == 100
    with pytest.raises(UsageError, match="expected at most 2048, the context length of localft/tiny-llama") as caught:
        plan(ten, max_length=2049)
    assert caught.value.param == "max_length"


def test_a_base_model_gets_the_template_that_the_catalogue_names(ten: Path) -> None:
    from localft.tokenization.tokenizer import read_template

    assert plan(ten, model="llama-2-7b").chat_template == read_template("llama-2")
    assert plan(ten, model="llama-2-7b-chat").chat_template is None


def test_a_template_file_takes_the_place_of_the_models_own(ten: Path, tmp_path: Path) -> None:
    template = tmp_path / "mine.jinja"
    template.write_text("{{ messages }}")
    assert plan(ten, chat_template=str(template)).chat_template == "{{ messages }}"
    with pytest.raises(UsageError, match=r"gone\.jinja: expected a file"):
        plan(ten, chat_template=str(tmp_path / "gone.jinja"))


def test_a_local_model_without_a_template_is_refused_with_what_to_do(ten: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "mine")
    (model / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ModelError, match="--chat-template FILE") as caught:
        plan(ten, model=str(model))
    assert caught.value.param == "chat_template"


def test_an_adapter_that_goes_on_keeps_its_rank_and_alpha(ten: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", str(write_model(tmp_path / "base")))
    planned = plan(ten, model=str(adapter))
    assert planned.lora == LoraSettings(rank=8, alpha=16, dropout=0.1)
    assert any("rank 8, alpha 16" in note for note in planned.notes)
    assert plan(ten, model=str(adapter), lora={"rank": 8, "dropout": 0.0}).lora == LoraSettings(rank=8, alpha=16)


def test_another_rank_for_an_adapter_that_goes_on_is_refused(ten: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", str(write_model(tmp_path / "base")))
    with pytest.raises(UsageError) as caught:
        plan(ten, model=str(adapter), lora={"rank": 16, "alpha": 32})
    assert len(caught.value.problems) == 2
    with pytest.raises(UsageError, match="is a LoRA adapter"):
        plan(ten, model=str(adapter), lora="none")


# --- execution and memory


def test_on_the_cpu_training_is_float32_in_one_process(ten: Path, on_gpus: Any) -> None:
    on_gpus(0, None)
    execution = make_plan(request(ten)).execution
    assert (execution.device, execution.precision, execution.processes) == ("cpu", "float32", 1)
    assert (execution.tokens_per_micro_batch, execution.gradient_checkpointing) == (8192, "off")
    assert set(execution.rules) == {
        "device", "precision", "processes", "tokens_per_micro_batch", "gradient_checkpointing", "share_prefixes", "compile",
    }  # fmt: skip


@pytest.mark.parametrize(("gpus", "batch_size", "processes"), [(1, 8, 1), (4, 8, 4), (8, 4, 4), (8, 1, 1)])
def test_every_gpu_gets_a_process_but_none_without_examples(
    ten: Path, on_gpus: Any, gpus: int, batch_size: int, processes: int
) -> None:
    on_gpus(gpus, 80)
    execution = make_plan(request(ten, batch_size=batch_size)).execution
    assert (execution.device, execution.precision, execution.processes) == ("cuda", "bfloat16", processes)


def test_a_launcher_decides_the_processes(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    execution = make_plan(request(ten, batch_size=2)).execution
    assert (execution.processes, execution.rules["processes"]) == (3, "as many as the launcher started")


def test_more_processes_than_examples_in_a_step_are_remarked_on(ten: Path) -> None:
    notes = plan(ten, batch_size=2, processes=3).notes
    assert any("batch_size 2 is below the 3 processes" in note for note in notes)


@pytest.mark.parametrize(
    ("gib", "tokens", "checkpointing", "fits"),
    [
        (200, 16384, "off", True),
        (141, 8192, "off", True),
        (80, 4096, "off", True),
        (48, 16384, "selective", True),
        (24, 4096, "selective", True),
        (21, 4096, "full", True),
        (18.3, 1024, "full", True),
        (12, 1024, "full", False),
        (None, 8192, "full", None),
    ],
)
def test_memory_decides_micro_batches_and_checkpointing(
    ten: Path, on_gpus: Any, gib: float | None, tokens: int, checkpointing: str, fits: bool | None
) -> None:
    on_gpus(1, gib)
    planned = make_plan(request(ten, model="llama-3.1-8b-instruct"))
    execution = planned.execution
    assert (execution.tokens_per_micro_batch, execution.gradient_checkpointing) == (tokens, checkpointing)
    assert planned.memory.fits is fits
    assert any(note.startswith("memory: about") for note in planned.notes) == (fits is False)


@pytest.mark.parametrize("gpus", [1, 4])
def test_of_a_model_that_no_gpu_holds_the_plan_says_how_several_hold_it_together(
    ten: Path, on_gpus: Any, gpus: int
) -> None:
    on_gpus(gpus, 80)
    notes = make_plan(request(ten, model="llama-3.1-70b-instruct", batch_size=8)).notes
    (note,) = (note for note in notes if note.startswith("memory: about"))
    assert ("--config_file recipes/accelerate/fsdp2.yaml" in note) == (gpus > 1)


def test_micro_batches_are_chosen_by_what_is_free_and_the_verdict_by_what_there_is(ten: Path, on_gpus: Any) -> None:
    on_gpus(1, 141, free=24)
    planned = make_plan(request(ten, model="llama-3.1-8b-instruct"))
    execution = planned.execution
    assert (execution.tokens_per_micro_batch, execution.gradient_checkpointing) == (4096, "selective")
    assert execution.rules["tokens_per_micro_batch"] == (
        "auto: 4096, the most that fits; activations take 4.0 of 24.0 GiB free"
    )
    assert "49.2 without it do not fit 90% of 24.0 GiB free" in execution.rules["gradient_checkpointing"]
    assert (planned.memory.free_bytes, planned.memory.available_bytes) == (24 * GIB, 141 * GIB)
    assert planned.memory.fits is True
    on_gpus(1, 141, free=12)
    crowded = make_plan(request(ten, model="llama-3.1-8b-instruct"))
    assert crowded.execution.rules["tokens_per_micro_batch"].startswith("auto: 1024, the least, though 16.4 GiB")
    assert crowded.memory.fits is True
    assert any("of the GPU's 141.0 only 12.0 are free; end other programs" in note for note in crowded.notes)
    assert not any(note.startswith("memory:") for note in planned.notes)


def test_steps_of_few_tokens_do_without_checkpointing_where_long_ones_could_not(on_gpus: Any) -> None:
    shape = find("llama-3.1-8b").shape  # type: ignore[union-attr]
    on_gpus(1, 24)

    def planned(longest: int) -> PlannedExecution:
        settled = {"batch_size": 2, "rank": 16, "dropout": 0.0, "quantization": "none", "processes": 1}
        return plan_execution(ExecutionRequest(), "auto", shape, longest=longest, device="cuda", **settled)[0]

    short, long = planned(100), planned(4096)
    assert (short.tokens_per_micro_batch, short.gradient_checkpointing) == (16384, "off")
    assert (long.tokens_per_micro_batch, long.gradient_checkpointing) == (4096, "selective")
    assert planned(9000).gradient_checkpointing == "full"


@pytest.mark.parametrize(("asked", "found"), [(True, "full"), (False, "off"), ("selective", "selective")])
def test_checkpointing_is_asked_for_by_name_or_by_yes_and_no(ten: Path, asked: object, found: str) -> None:
    execution = plan(ten, execution={"gradient_checkpointing": asked}).execution
    assert execution.gradient_checkpointing == execution.requested.gradient_checkpointing == found


def test_what_is_asked_of_the_execution_is_done(ten: Path, on_gpus: Any) -> None:
    on_gpus(1, 24)
    asked = {"tokens_per_micro_batch": 333, "gradient_checkpointing": "off"}
    execution = make_plan(request(ten, model="llama-3.1-8b-instruct", execution=asked, precision="float32")).execution
    assert (execution.tokens_per_micro_batch, execution.gradient_checkpointing) == (333, "off")
    assert execution.precision == "float32"
    assert {execution.rules[name] for name in (*asked, "precision")} == {"as asked"}


def test_a_model_too_large_for_a_cpu_is_planned_with_what_a_gpu_needs(ten: Path, on_gpus: Any) -> None:
    on_gpus(0, None)
    notes = make_plan(request(ten, model="llama-3.1-8b-instruct", quantization="nf4")).notes
    assert any("no GPU is visible" in note and "GiB" in note for note in notes)


@pytest.mark.parametrize(
    ("model", "quantization", "weights_gib"),
    [
        ("llama-3.1-8b", "none", 14.96), ("llama-3.1-8b", "nf4", 5.31), ("llama-3.2-3b", "none", 5.98),
        ("llama-3.2-3b", "nf4", 2.09), ("llama-3.2-1b", "none", 2.30), ("phi-4-mini-instruct", "nf4", 2.69),
        ("phi-4", "none", 27.3), ("phi-4", "nf4", 8.46),
    ],
)  # fmt: skip
def test_weights_take_the_memory_computed_for_them(model: str, quantization: Any, weights_gib: float) -> None:
    entry = find(model)
    assert entry is not None
    estimated = memory.estimate(
        entry.shape, rank=16, quantization=quantization, precision="bfloat16", tokens=1, gradient_checkpointing="full"
    )
    assert estimated.weights_bytes / GIB == pytest.approx(weights_gib, rel=0.005)


def test_an_adapter_takes_sixteen_bytes_a_weight_with_gradient_and_moments() -> None:
    entry = find("llama-3.1-8b")
    assert entry is not None
    estimated = memory.estimate(
        entry.shape, rank=16, quantization="none", precision="bfloat16", tokens=1, gradient_checkpointing="full"
    )
    trained = estimated.adapter_bytes + estimated.gradients_bytes + estimated.optimizer_bytes
    assert trained == 16 * 41_943_040
    parts = [value for name, value in estimated.model_dump().items() if name.endswith("_bytes")]
    assert sum(parts[:6]) == estimated.total_bytes


def test_full_fine_tuning_keeps_float32_weights_and_trains_them_all() -> None:
    entry = find("llama-3.2-1b")
    assert entry is not None
    estimated = memory.estimate(
        entry.shape, rank=None, quantization="none", precision="bfloat16", tokens=1, gradient_checkpointing="full"
    )
    assert estimated.adapter_bytes == 0
    assert estimated.weights_bytes == estimated.gradients_bytes == 4 * entry.shape.parameters
    assert estimated.optimizer_bytes == 8 * entry.shape.parameters


def test_activations_rise_from_full_over_selective_to_no_checkpointing() -> None:
    shape = find("llama-3.1-8b").shape  # type: ignore[union-attr]
    full, selective, off = (
        memory.estimate(
            shape, rank=16, quantization="none", precision="bfloat16", tokens=1000, gradient_checkpointing=mode
        ).activations_bytes
        for mode in ("full", "selective", "off")
    )
    block = off / shape.layers
    assert full == 1000 * 32 * 4096 * 2 + block
    assert selective == 3 * (full - block) + block


@pytest.fixture
def nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Puts a program of that name on the path that answers so, and two GPUs into this machine."""
    program = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(settings, "visible_gpus", lambda: 2)

    def answering(answer: str | bytes, status: int = 0) -> None:
        (tmp_path / "answer").write_bytes(answer if isinstance(answer, bytes) else answer.encode())
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\nexit {status}\n")
        program.chmod(0o755)

    return answering


TWO_GPUS = "0, GPU-aaa-1, 24576, 1024\n1, GPU-bbb-2, 16384, 8192\n"


@pytest.mark.parametrize(
    ("visible", "total", "free"),
    [
        (None, 16, 1),
        ("0", 24, 1),
        ("1", 16, 8),
        ("GPU-bbb", 16, 8),
        ("0,1", 16, 1),
        ("MIG-7", 16, 1),
    ],
)
def test_nvidia_smi_is_read_for_the_visible_gpus(
    nvidia_smi: Any, monkeypatch: pytest.MonkeyPatch, visible: str | None, total: int, free: int
) -> None:
    nvidia_smi(TWO_GPUS)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert memory.gpu_memory() == GpuMemory(total * GIB, free * GIB)


def test_nvidia_smi_is_not_asked_where_no_gpu_is_visible(nvidia_smi: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(TWO_GPUS)
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)
    assert memory.gpu_memory() is None


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "\n\n",
        "No devices were found\n",
        "0, GPU-a, [N/A], [N/A]\n",
        "0, GPU-a, [Insufficient Permissions], 3\n",
        "0, GPU-a, 16384, 1\n1, GPU-b, [Not Supported], 1\n",
        "0, GPU-a, 0, 0\n",
        "0, GPU-a, \u00b2, 1\n",
        "0, GPU-a, -5, 1\n",
        "16384\n",
        b"0, \xff\xfe, \xff, 1\n",
    ],
)
def test_an_odd_answer_of_nvidia_smi_is_memory_that_is_not_known(
    ten: Path, nvidia_smi: Any, answer: str | bytes
) -> None:
    nvidia_smi(answer)
    assert memory.gpu_memory() is None
    assert make_plan(request(ten)).execution.tokens_per_micro_batch == 8192


def test_a_failing_or_missing_nvidia_smi_is_memory_that_is_not_known(nvidia_smi: Any, tmp_path: Path) -> None:
    nvidia_smi(TWO_GPUS, status=9)
    assert memory.gpu_memory() is None
    (tmp_path / "nvidia-smi").write_text("no program")
    assert memory.gpu_memory() is None
    (tmp_path / "nvidia-smi").unlink()
    assert memory.gpu_memory() is None


def test_where_free_memory_is_not_told_all_of_it_counts_as_free(nvidia_smi: Any) -> None:
    nvidia_smi("0, GPU-a, 16384, [N/A]\n")
    assert memory.gpu_memory() == GpuMemory(16 * GIB, 16 * GIB)


# --- the plan as a file


def test_a_plan_survives_its_json(ten: Path) -> None:
    planned = make_plan(request(ten, suffix="x", learning_rate_multiplier=0.3), statistics=STATISTICS, device="cpu")
    again = TrainingPlan.from_json(planned.to_json())
    assert again == planned
    assert again.to_json() == planned.to_json()


def test_the_json_has_the_published_shape(ten: Path) -> None:
    planned = make_plan(request(ten), statistics=STATISTICS, device="cpu")
    written = json.loads(planned.to_json())
    assert {
        "model", "method", "hyperparameters", "learning_rate", "examples", "steps_per_epoch", "total_steps",
        "trainer_arguments", "tokens", "memory",
    } <= set(written)  # fmt: skip
    assert {"value", "rule"} <= set(written["hyperparameters"]["batch_size"])
    root = Path(__file__).parent.parent
    schema = json.loads((root / "src/localft/schemas/plan.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(written, schema)
    del written["hyperparameters"]["seed"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, schema)


def test_a_broken_plan_is_refused_with_every_field(ten: Path) -> None:
    written = json.loads(plan(ten).to_json())
    written["steps_per_epoch"] = "ten"
    del written["total_steps"]
    with pytest.raises(UsageError, match=r"run/plan\.json: steps_per_epoch") as caught:
        TrainingPlan.from_json(json.dumps(written), where="run/plan.json")
    assert len(caught.value.problems) == 2
    with pytest.raises(UsageError, match="the file"):
        TrainingPlan.from_json("{")


def test_a_plan_is_frozen(ten: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        plan(ten).total_steps = 3  # type: ignore[misc]


# --- meaning


def test_execution_and_directories_do_not_change_the_meaning(ten: Path, on_gpus: Any) -> None:
    planned = plan(ten, batch_size=4, seed=1)
    other = plan(
        ten, batch_size=4, seed=1, processes=3, output_dir="elsewhere", suffix="x", precision="bfloat16",
        execution={"tokens_per_micro_batch": 64, "gradient_checkpointing": "full"},
    )  # fmt: skip
    assert other.meaning_fingerprint() == planned.meaning_fingerprint()
    assert planned.differences(other) == []
    on_gpus(8, 80)
    moved = planned.on_this_machine()
    assert (moved.execution.device, moved.execution.processes) == ("cuda", 4)
    assert moved.trainer_arguments["per_device_train_batch_size"] == 1
    assert moved.meaning_fingerprint() == planned.meaning_fingerprint()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("batch_size", {"batch_size": 5}),
        ("n_epochs", {"n_epochs": 2}),
        ("learning_rate_multiplier", {"learning_rate_multiplier": 0.5}),
        ("seed", {"seed": 2}),
        ("lora", {"lora": {"rank": 4}}),
        ("lora", {"lora": "none"}),
        ("quantization", {"quantization": "nf4"}),
        ("max_length", {"max_length": 64}),
        ("overlong", {"overlong": "drop"}),
        ("model", {"model": "phi-2"}),
    ],
)
def test_a_change_of_meaning_is_named(ten: Path, name: str, changes: dict[str, object]) -> None:
    settled: dict[str, object] = {"batch_size": 4, "n_epochs": 3, "seed": 1}
    planned, other = plan(ten, **settled), plan(ten, **{**settled, **changes})
    assert other.meaning_fingerprint() != planned.meaning_fingerprint()
    assert name in {difference.partition(":")[0] for difference in other.differences(planned)}


def test_other_data_is_another_meaning_and_a_copy_is_not(ten: Path, tmp_path: Path) -> None:
    planned = plan(ten, seed=1)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(ten.read_bytes())
    assert plan(copy, seed=1).meaning_fingerprint() == planned.meaning_fingerprint()
    other = plan(write_examples(tmp_path / "eleven.jsonl", 11), seed=1)
    assert any(difference.startswith("training_file: ") for difference in other.differences(planned))


def test_a_difference_shows_both_values(ten: Path) -> None:
    assert plan(ten, seed=1, batch_size=4).differences(plan(ten, seed=1, batch_size=8)) == ["batch_size: 4, was 8"]


def test_going_on_takes_over_what_was_left_to_chance(ten: Path) -> None:
    previous = plan(ten).model_copy(update={"date": "2020-02-02"})
    again = plan(ten).continuing(previous)
    assert again.meaning_fingerprint() == previous.meaning_fingerprint()
    assert again.trainer_arguments["seed"] == previous.hyperparameters.seed.value
    assert again.date == "2020-02-02"


def test_going_on_keeps_what_was_asked_for(ten: Path) -> None:
    again = plan(ten, seed=5).continuing(plan(ten, seed=6))
    assert again.differences(plan(ten, seed=6)) == ["seed: 5, was 6"]


def test_the_same_request_finds_its_run_directory_again(
    ten: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan(ten).output_dir == str(tmp_path / "runs" / "tiny-llama-ten")
    assert plan(ten, suffix="travel").output_dir == str(tmp_path / "runs" / "tiny-llama-travel")
    assert plan(ten, output_dir="here").output_dir == str(tmp_path / "here")


def test_learning_rates_are_finite_numbers_for_every_model(ten: Path) -> None:
    from localft.catalog import entries

    for entry in entries():
        assert math.isfinite(entry.base_learning_rate) and 1e-5 < entry.base_learning_rate < 1e-2, entry.id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"hyperparameters.batch_size.value": 0},
            "hyperparameters.batch_size.value: expected an integer from 1 to 256",
        ),
        ({"hyperparameters.batch_size.requested": "many"}, "hyperparameters.batch_size.requested"),
        ({"hyperparameters.n_epochs.value": 7}, "hyperparameters.n_epochs.requested: expected auto or the value 7"),
        ({"hyperparameters.seed.value": -1}, "hyperparameters.seed.value"),
        ({"learning_rate.value": -1.0}, "learning_rate.value: expected a number above 0, found -1"),
        ({"trainer_arguments": {}}, "trainer_arguments.lr_scheduler_type: missing"),
        ({"examples": -1}, "examples: expected at least 1, found -1"),
    ],
    ids=str,
)
def test_a_plan_changed_by_hand_is_refused_by_field(ten: Path, change: dict[str, Any], said: str) -> None:
    fields = json.loads(plan(ten, batch_size=2, n_epochs=2).to_json())
    for dotted, value in change.items():
        *parents, last = dotted.split(".")
        inner = fields
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
    with pytest.raises(UsageError, match=re.escape(said)):
        TrainingPlan.from_json(json.dumps(fields))
