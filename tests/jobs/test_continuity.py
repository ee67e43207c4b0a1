"""The losses on both sides of an interruption."""

from __future__ import annotations

from localft.jobs.continuity import continuity
from localft.jobs.results import ResultRow
from runs import step_metrics


def told(before: dict[int, float], first: int, loss: float) -> list[str]:
    rows = [ResultRow(step, {"train_loss": value}) for step, value in before.items()]
    return [notice.message for notice in continuity(rows, step_metrics(first, 9, train_loss=loss))]


def test_a_run_that_goes_on_tells_the_losses_before_and_behind() -> None:
    assert told({1: 2.5, 2: 1 / 3}, 3, 0.25) == [
        "Continuity: step 2, before the interruption: training loss=0.333333333; step 3, behind it: training loss=0.25"
    ]


def test_a_step_that_is_trained_again_is_told_with_the_loss_it_had() -> None:
    assert told({1: 2.5, 2: 1.5, 3: 0.25, 4: 0.125}, 3, 0.25) == [
        "Continuity: step 2, before the interruption: training loss=1.5; "
        "step 3, behind it: training loss=0.25 (0.25 when it was trained before)"
    ]


def test_a_run_without_a_checkpoint_has_only_its_first_step_to_compare() -> None:
    assert told({1: 2.5, 2: 1.5}, 1, 2.5) == [
        "Continuity: step 1, behind it: training loss=2.5 (2.5 when it was trained before)"
    ]


def test_a_run_that_was_not_interrupted_tells_nothing() -> None:
    assert told({}, 1, 2.5) == []
