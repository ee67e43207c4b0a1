"""Two processes that share one model, by FSDP 2 or by ZeRO-3, train what one process trains with the whole of it."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from localft.errors import TrainingFailed
from localft.progress import StepMetrics
from ranks import launched, on_two_ranks
from tiny_jobs import StopAfter, metrics, random_rows, rows_of, run, tiny_plan

SEVEN_OF_TEN: dict[str, Any] = {"examples": 10, "batch_size": 7, "n_epochs": 2}
FULL: dict[str, Any] = {"lora": None, "learning_rate": 1e-3}
PLANS: dict[str, dict[str, Any]] = {
    "lora": SEVEN_OF_TEN,
    "full": {**SEVEN_OF_TEN, **FULL},
    "lora over bfloat16": {**SEVEN_OF_TEN, "precision": "bfloat16"},
    "full, bfloat16": {**SEVEN_OF_TEN, **FULL, "precision": "bfloat16"},
    "an idle rank": {"examples": 4, "batch_size": 1, **FULL},
    "a row at a time": {**SEVEN_OF_TEN, "tokens_per_micro_batch": 1},
    "checkpointed": {**SEVEN_OF_TEN, **FULL, "gradient_checkpointing": "full", "tokens_per_micro_batch": 100},
    "selectively checkpointed": {**SEVEN_OF_TEN, **FULL, "gradient_checkpointing": "selective"},
    "nf4": {**SEVEN_OF_TEN, "quantization": "nf4"},
    "nf4, bfloat16": {**SEVEN_OF_TEN, "quantization": "nf4", "precision": "bfloat16", "gradient_checkpointing": "full"},
}
UNTIED = {"full": "tiny_phi3", "selectively checkpointed": "untied_llama"}
"""Models with an output matrix of their own; the other jobs train one whose embeddings are tied."""
METHODS = ("lora", "full", "nf4")
DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
WAYS = {"fsdp2": (), "zero3": DEEPSPEED}


def by_each_way(*names: str) -> pytest.MarkDecorator:
    """Runs a test for each way of sharding and each of the jobs that it can do: NF4 is FSDP 2's alone."""
    cases = [
        pytest.param(way, name, marks=marks, id=f"{name}, {way}")
        for way, marks in WAYS.items()
        for name in names
        if way == "fsdp2" or not name.startswith("nf4")
    ]
    return pytest.mark.parametrize(("sharded", "name"), cases, indirect=["sharded"], scope="module")


@pytest.fixture(scope="module")
def models(request: pytest.FixtureRequest) -> dict[str, Path]:
    """The model of each job."""
    return {name: request.getfixturevalue(UNTIED.get(name, "tiny_llama")) for name in PLANS}


@pytest.fixture(scope="module")
def steep_llama(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its gradients are finite numbers, the sum of their squares is none in float32."""
    directory = tmp_path_factory.mktemp("models") / "steep-llama"
    shutil.copytree(tiny_llama, directory)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "logit_scale": 1e20}))
    return directory


@pytest.fixture(scope="module")
def sharded(
    request: pytest.FixtureRequest,
    models: dict[str, Path],
    tiny_llama_bf16: Path,
    steep_llama: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[dict[str, Any]]:
    way = request.param
    root = tmp_path_factory.mktemp(way)
    jobs: dict[str, Any] = {
        name: {"model": str(models[name]), "directory": str(root / name), "plan": plan, "sharded": way}
        for name, plan in PLANS.items()
        if way == "fsdp2" or not name.startswith("nf4")
    }
    jobs["stored in bfloat16"] = {
        **jobs["full, bfloat16"],
        "model": str(tiny_llama_bf16),
        "directory": str(root / "stored in bfloat16"),
    }
    for offloaded in ("weights", "optimizer") if way == "zero3" else ():
        jobs[f"{offloaded} offloaded"] = {
            **jobs["full"],
            "directory": str(root / f"{offloaded} offloaded"),
            "sharded": f"zero3, {offloaded} offloaded",
        }
    jobs["padded"] = {**jobs["lora"], "directory": str(root / "padded"), "layout": "padded"}
    for method in (method for method in METHODS if method in jobs):
        kind = {"model": str(models[method]), "plan": PLANS[method], "sharded": way}
        stopped = {**kind, "directory": str(root / f"{method}, stopped")}
        jobs[f"{method}, stopped"] = {**stopped, "stop_after": 1}
        jobs[f"{method}, for one"] = {**stopped, "directory": str(root / f"{method}, for one"), "stop_after": 1}
        jobs[f"{method}, continued"] = {**stopped, "resume_from": str(root / f"{method}, stopped/checkpoint-1")}
        alone = root / f"{method}, begun on one"
        plan = tiny_plan(models[method], **PLANS[method])
        run(plan, alone, rows_of(plan), validation=random_rows(9, seed=8), should_stop=StopAfter(1))
        jobs[f"{method}, widened"] = {**kind, "directory": str(alone), "resume_from": str(alone / "checkpoint-1")}
    jobs["steep"] = {**jobs["lora"], "model": str(steep_llama), "directory": str(root / "steep")}
    return on_two_ranks(jobs, root)


@by_each_way(*PLANS)
def test_a_sharded_model_trains_what_a_whole_one_trains(
    sharded: list[dict[str, Any]], models: dict[str, Path], tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(models[name], **PLANS[name])
    _, events = run(plan, tmp_path, rows_of(plan), validation=random_rows(9, seed=8))
    half = plan.execution.precision == "bfloat16"
    assert_same_curve(curve(sharded, name), metrics(events), rel=1e-3 if half else 1e-5)
    directory = Path(sharded[0][name]["directory"])
    assert_same_weights(directory / "model", tmp_path / "model", half=half)
    assert names(directory) == names(tmp_path)


@by_each_way(*METHODS)
def test_each_rank_keeps_half_of_the_weights(sharded: list[dict[str, Any]], name: str) -> None:
    shares = [rank[name]["share_of_weights"] for rank in sharded]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == pytest.approx([0.5, 0.5], abs=0.05)


@by_each_way("lora")
def test_a_gradient_too_large_for_the_square_of_its_norm_fails_as_on_one_process(
    sharded: list[dict[str, Any]], steep_llama: Path, tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(steep_llama, **PLANS[name])
    with pytest.raises(TrainingFailed, match=r"Step 1 \(.*\): the gradient is not a finite number") as failed:
        run(plan, tmp_path, rows_of(plan))
    assert [rank["steep"]["failure"]["message"] for rank in sharded] == [str(failed.value)] * 2


@by_each_way("full, bfloat16")
def test_weights_that_were_gathered_and_cast_are_not_kept(sharded: list[dict[str, Any]], name: str) -> None:
    assert not sharded[0][name]["keeps_cast_weights"]


@by_each_way("full, bfloat16")
def test_full_fine_tuning_is_in_float32_also_where_the_model_is_stored_in_bfloat16(
    sharded: list[dict[str, Any]], tiny_llama_bf16: Path, tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(tiny_llama_bf16, **PLANS[name])
    _, events = run(plan, tmp_path, rows_of(plan), validation=random_rows(9, seed=8))
    assert_same_curve(curve(sharded, "stored in bfloat16"), metrics(events), rel=1e-3)
    last = f"checkpoint-{plan.total_steps}"
    stored = Path(sharded[0]["stored in bfloat16"]["directory"]) / last
    assert {weight.dtype for weight in weights(stored).values()} == {torch.float32}
    assert_same_weights(stored, tmp_path / last, half=True)


@DEEPSPEED
@pytest.mark.parametrize("sharded", ["zero3"], indirect=True)
@pytest.mark.parametrize("offloaded", ["weights", "optimizer"])
def test_what_waits_in_main_memory_trains_the_same(sharded: list[dict[str, Any]], offloaded: str) -> None:
    assert_same_curve(curve(sharded, f"{offloaded} offloaded"), curve(sharded, "full"))
    found, expected = (Path(sharded[0][job]["directory"]) for job in (f"{offloaded} offloaded", "full"))
    assert_same_weights(found / "model", expected / "model")


@by_each_way("lora")
def test_padded_rows_train_what_shared_ones_train(sharded: list[dict[str, Any]], name: str) -> None:
    assert_same_curve(curve(sharded, "padded"), curve(sharded, name))


@by_each_way(*PLANS)
def test_both_ranks_run_equally_many_passes(sharded: list[dict[str, Any]], name: str) -> None:
    assert sharded[0][name]["passes"] == sharded[1][name]["passes"]


@by_each_way("an idle rank", "a row at a time")
def test_ranks_with_fewer_rows_fill_up(sharded: list[dict[str, Any]], name: str) -> None:
    assert sharded[0][name]["passes_with_rows"] != sharded[1][name]["passes_with_rows"]


@by_each_way(*METHODS)
def test_a_sharded_run_goes_on_to_the_same_bits(sharded: list[dict[str, Any]], name: str) -> None:
    assert sharded[0][f"{name}, stopped"]["outcome"]["status"] == "interrupted"
    assert curve(sharded, f"{name}, continued") == curve(sharded, name)[1:]


@by_each_way(*METHODS)
def test_a_run_begun_with_a_whole_model_goes_on_sharded(
    sharded: list[dict[str, Any]], models: dict[str, Path], tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(models[name], **PLANS[name])
    _, events = run(plan, tmp_path, rows_of(plan), validation=random_rows(9, seed=8))
    assert_same_curve(curve(sharded, f"{name}, widened"), metrics(events)[1:])
    assert_same_weights(Path(sharded[0][f"{name}, widened"]["directory"]) / "model", tmp_path / "model")


@by_each_way(*METHODS)
def test_a_sharded_run_goes_on_on_one_process(
    sharded: list[dict[str, Any]], models: dict[str, Path], tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(models[name], **PLANS[name])
    rows, validation = rows_of(plan), random_rows(9, seed=8)
    whole = metrics(run(plan, tmp_path / "whole", rows, validation=validation)[1])
    stopped = Path(sharded[0][f"{name}, for one"]["directory"]) / "checkpoint-1"
    _, events = run(plan, tmp_path / "one", rows, validation=validation, resume_from=stopped)
    assert_same_curve(metrics(events), whole[1:])
    assert_same_weights(tmp_path / "one/model", tmp_path / "whole/model")


@pytest.mark.parametrize("way", [pytest.param(way, marks=marks) for way, marks in WAYS.items()])
def test_memory_that_runs_out_on_one_rank_ends_both_with_what_to_do(tiny_llama: Path, tmp_path: Path, way: str) -> None:
    job = {"model": str(tiny_llama), "directory": str(tmp_path / "run"), "plan": PLANS["lora"], "sharded": way}
    done = launched({"tight": {**job, "memory": 70}}, tmp_path)
    assert done.returncode != 0
    assert "Step 1: the memory of rank 1 did not suffice for a micro-batch, and" in done.stderr
    assert "Lower execution.tokens_per_micro_batch (now 1000000;" in done.stderr


def curve(sharded: list[dict[str, Any]], name: str) -> list[StepMetrics]:
    return [StepMetrics(**told) for told in sharded[0][name]["metrics"]]


def names(directory: Path) -> set[str]:
    """Of all files that a run left; those of random states name their rank."""
    files = (str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    return {name for name in files if "rng_state" not in name}


def assert_same_curve(found: list[StepMetrics], expected: list[StepMetrics], *, rel: float = 1e-5) -> None:
    assert [step.step for step in found] == [step.step for step in expected]
    assert found
    for a, b in zip(expected, found, strict=True):
        assert b.train_loss == pytest.approx(a.train_loss, rel=rel)
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=10 * rel)
        assert (b.examples, b.tokens, b.learning_rate) == (a.examples, a.tokens, a.learning_rate)
        for name in ("valid_loss", "full_valid_loss"):
            value = getattr(a, name)
            assert getattr(b, name) == (value and pytest.approx(value, rel=rel))


def assert_same_weights(found: Path, expected: Path, *, half: bool = False) -> None:
    a, b = weights(found), weights(expected)
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype
        torch.testing.assert_close(a[name].float(), b[name].float(), rtol=1e-3, atol=2e-2 if half else 2e-5)


def weights(model: Path) -> dict[str, torch.Tensor]:
    (file,) = model.glob("*.safetensors")
    return load_file(file)
