"""Two processes train what one trains: the same steps, the same losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localft.progress import StepMetrics
from localft.training.forecast import forecast
from ranks import on_two_ranks
from tiny_jobs import StopAfter, metrics, random_rows, rows_of, run, tiny_plan

PLANS: dict[str, dict[str, Any]] = {
    "seven of ten": {"examples": 10, "batch_size": 7, "n_epochs": 2},
    "an idle rank": {"examples": 4, "batch_size": 1},
    "several micro-batches": {"examples": 10, "batch_size": 7, "n_epochs": 2, "tokens_per_micro_batch": 100},
    "nf4, checkpointed": {"examples": 10, "batch_size": 7, "quantization": "nf4", "gradient_checkpointing": "full"},
    "full": {"examples": 10, "batch_size": 7, "n_epochs": 2, "lora": None},
    "many that begin alike": {"examples": 32, "batch_size": 16, "tokens_per_micro_batch": 200},
}
WIDENED = {"one, then two": "seven of ten", "one, then two, full": "full"}
"""Begun on one process, continued on two: the job, and the plan that it is of."""


@pytest.fixture(scope="module")
def two_ranks(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes told of every job; all jobs in one launch, since starting takes the time."""
    root = tmp_path_factory.mktemp("two-ranks")
    jobs: dict[str, Any] = {
        name: {"model": str(tiny_llama), "directory": str(root / name), "plan": plan} for name, plan in PLANS.items()
    }
    stopped = {"model": str(tiny_llama), "directory": str(root / "stopped"), "plan": PLANS["seven of ten"]}
    jobs["stopped"] = {**stopped, "stop_after": 1}
    jobs["continued"] = {**stopped, "resume_from": str(root / "stopped/checkpoint-1")}
    jobs["stopped, for one"] = {**stopped, "directory": str(root / "for-one"), "stop_after": 1}
    for name, kind in WIDENED.items():
        alone = root / name
        plan = tiny_plan(tiny_llama, **PLANS[kind])
        run(plan, alone, rows_of(plan), validation=random_rows(9, seed=8), should_stop=StopAfter(1))
        resumed = {"resume_from": str(alone / "checkpoint-1"), "plan": PLANS[kind]}
        jobs[name] = {"model": str(tiny_llama), "directory": str(alone), **resumed}
    tight = {"model": str(tiny_llama), "directory": str(root / "tight"), "plan": PLANS["seven of ten"]}
    jobs["tight"] = {**tight, "memory": 70}
    jobs["tight for a row"] = {
        **tight,
        "directory": str(root / "row"),
        "memory": 20,
        "of_memory": {"checkpointed": 10**6},
    }
    jobs["tight once"] = {**tight, "directory": str(root / "once"), "memory": 1, "of_memory": {"only_in_call": 1}}
    jobs["tight once"] |= {"calm_steps": 2, "plan": {**PLANS["seven of ten"], "gradient_checkpointing": "full"}}
    jobs["tight in validation"] = {**tight, "directory": str(root / "validation"), "validation_memory": 70}
    jobs["too tight"] = {**tight, "directory": str(root / "too-tight"), "memory": 20}
    jobs["too tight in validation"] = {**tight, "directory": str(root / "too"), "validation_memory": 20}
    return on_two_ranks(jobs, root)


@pytest.mark.parametrize("name", PLANS)
def test_two_ranks_train_what_one_trains(
    two_ranks: list[dict[str, Any]], tiny_llama: Path, tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(tiny_llama, **PLANS[name])
    rows = rows_of(plan)
    outcome, events = run(plan, tmp_path, rows, validation=random_rows(9, seed=8))
    alone, found = metrics(events), two_ranks[0][name]
    assert len(found["metrics"]) == len(alone) == plan.total_steps
    assert found["outcome"]["trained_tokens"] == outcome.trained_tokens
    on_two = plan.model_copy(update={"execution": plan.execution.model_copy(update={"processes": 2})})
    first_epoch = found["metrics"][: plan.steps_per_epoch]
    assert sum(step["computed_tokens"] for step in first_epoch) == forecast(on_two, rows).computed_tokens
    for a, b in zip(alone, found["metrics"], strict=True):
        assert (b["examples"], b["tokens"], b["trained_tokens"]) == (a.examples, a.tokens, a.trained_tokens)
        assert b["train_loss"] == pytest.approx(a.train_loss, rel=1e-5)
        assert b["grad_norm"] == pytest.approx(a.grad_norm, rel=1e-4)
        assert b["train_mean_token_accuracy"] == pytest.approx(a.train_mean_token_accuracy)
        if a.full_valid_loss is not None:
            assert b["full_valid_loss"] == pytest.approx(a.full_valid_loss, rel=1e-5)
        if a.valid_loss is not None:
            assert b["valid_loss"] == pytest.approx(a.valid_loss, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "beginning", "footing"),
    [
        ("tight", "Step 1: the memory did not suffice", "gradient checkpointing full"),
        ("tight for a row", "Step 1: the memory did not suffice", "gradient checkpointing selective"),
        ("tight once", "Step 1: the memory did not suffice", "gradient checkpointing full"),
        ("tight in validation", "The memory did not suffice for a micro-batch of the validation", "tokens in each"),
    ],
)
def test_memory_that_runs_out_on_one_rank_makes_both_retreat_and_changes_no_result(
    two_ranks: list[dict[str, Any]], name: str, beginning: str, footing: str
) -> None:
    told = [StepMetrics(**step) for step in two_ranks[0][name]["metrics"]]
    assert_same_curve(told, [StepMetrics(**step) for step in two_ranks[0]["seven of ten"]["metrics"]])
    (sentence,) = two_ranks[0][name]["warnings"]
    assert sentence.startswith(beginning)
    assert footing in sentence


def test_micro_batches_of_all_ranks_grow_again_behind_a_calm_stretch(two_ranks: list[dict[str, Any]]) -> None:
    (sentence,) = two_ranks[0]["tight once"]["growth"]
    assert sentence.startswith("Step 3: the memory sufficed for 2 steps. Those behind it are computed with ")


@pytest.mark.parametrize("name", ["too tight", "too tight in validation"])
def test_a_row_that_is_too_large_for_one_rank_fails_on_both(two_ranks: list[dict[str, Any]], name: str) -> None:
    for rank in two_ranks:
        failure = rank[name]["failure"]
        assert (failure["code"], failure["on_every_process"]) == ("out_of_memory", True)


def test_steps_on_two_ranks_hold_seven_and_three_examples(two_ranks: list[dict[str, Any]]) -> None:
    assert [m["examples"] for m in two_ranks[0]["seven of ten"]["metrics"]] == [7, 3, 7, 3]


def test_only_the_first_rank_reports(two_ranks: list[dict[str, Any]]) -> None:
    assert all(job["events"] == 0 for job in two_ranks[1].values())


def test_a_stop_on_one_rank_stops_both_and_the_run_continues_to_the_same_bits(
    two_ranks: list[dict[str, Any]],
) -> None:
    for rank in two_ranks:
        assert (rank["stopped"]["outcome"]["status"], rank["stopped"]["outcome"]["last_step"]) == ("interrupted", 1)
    whole = two_ranks[0]["seven of ten"]["metrics"]
    assert two_ranks[0]["stopped"]["metrics"] == whole[:1]
    assert two_ranks[0]["continued"]["metrics"] == whole[1:]


@pytest.mark.parametrize("name", WIDENED)
def test_a_run_begun_on_one_process_goes_on_on_two_to_float_tolerance(
    two_ranks: list[dict[str, Any]], tiny_llama: Path, tmp_path: Path, name: str
) -> None:
    plan = tiny_plan(tiny_llama, **PLANS[WIDENED[name]])
    _, events = run(plan, tmp_path, rows_of(plan), validation=random_rows(9, seed=8))
    assert_same_curve([StepMetrics(**told) for told in two_ranks[0][name]["metrics"]], metrics(events)[1:])


def test_a_run_begun_on_two_processes_goes_on_on_one_to_float_tolerance(
    two_ranks: list[dict[str, Any]], tiny_llama: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(tiny_llama, **PLANS["seven of ten"])
    rows, validation = rows_of(plan), random_rows(9, seed=8)
    whole = metrics(run(plan, tmp_path / "whole", rows, validation=validation)[1])
    stopped = Path(two_ranks[0]["stopped, for one"]["directory"]) / "checkpoint-1"
    resumed, events = run(plan, tmp_path / "one", rows, validation=validation, resume_from=stopped)
    assert resumed.status == "succeeded"
    assert_same_curve(metrics(events), whole[1:])


def assert_same_curve(found: list[StepMetrics], expected: list[StepMetrics]) -> None:
    """The same steps to float tolerance."""
    assert [step.step for step in found] == [step.step for step in expected]
    assert found
    for a, b in zip(expected, found, strict=True):
        assert (b.examples, b.tokens, b.trained_tokens, b.epoch) == (a.examples, a.tokens, a.trained_tokens, a.epoch)
        assert b.train_loss == pytest.approx(a.train_loss, rel=1e-5)
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-4)
        assert b.learning_rate == pytest.approx(a.learning_rate)
        assert (b.full_valid_loss is None) == (a.full_valid_loss is None)
        if a.full_valid_loss is not None:
            assert b.full_valid_loss == pytest.approx(a.full_valid_loss, rel=1e-5)
