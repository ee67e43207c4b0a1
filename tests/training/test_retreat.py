"""The ladder of retreat, and when more is dared again: pure numbers."""

from __future__ import annotations

from localft.training.retreat import CALM_STEPS, CommonFooting, Footing, retreat

PLANNED = Footing(16384, "off")


def ladder(footing: Footing, row: int) -> list[tuple[int, str]]:
    """All footings below one, for a share of many rows of equal length that never fits."""
    rungs = []
    planned, below = footing.tokens, footing
    while True:
        rows = max(1, below.tokens // row)
        found = retreat(below, planned_tokens=planned, largest=rows * row, single_rows=rows == 1)
        if found is None:
            return rungs
        rungs.append((found.tokens, found.checkpointing))
        below = found


def test_the_ladder_halves_to_a_quarter_then_checkpoints_then_halves_to_single_rows() -> None:
    assert ladder(PLANNED, row=512) == [
        (8192, "off"), (4096, "off"),
        (4096, "selective"), (4096, "full"),
        (2048, "full"), (1024, "full"), (512, "full"),
    ]  # fmt: skip


def test_rows_that_go_alone_checkpoint_at_once_and_then_there_is_nothing_left() -> None:
    assert ladder(PLANNED, row=20000) == [(16384, "selective"), (16384, "full")]
    assert ladder(Footing(16384, "full"), row=20000) == []


def test_below_1024_tokens_checkpointing_comes_before_smaller_micro_batches() -> None:
    assert ladder(Footing(2048, "off"), row=400) == [
        (2048, "selective"), (2048, "full"),
        (1000, "full"), (400, "full"),
    ]  # fmt: skip


def test_a_budget_far_above_the_share_is_halved_from_what_the_share_has() -> None:
    below = retreat(Footing(10**6, "full"), planned_tokens=10**6, largest=3000, single_rows=False)
    assert below == Footing(1500, "full")


def calm(footing: CommonFooting, steps: int) -> list[str]:
    """What is told in steps for which the memory suffices."""
    notices = [footing.settle(footing.now, step) for step in range(1, steps + 1)]
    return [notice.message for notice in notices if notice]


def test_a_run_that_never_runs_short_stays_as_planned() -> None:
    footing = CommonFooting(PLANNED)
    assert calm(footing, 3 * CALM_STEPS) == []
    assert footing.now == PLANNED


def test_tokens_double_back_to_the_plan_each_time_behind_a_calm_stretch() -> None:
    footing = CommonFooting(Footing(10000, "off"))
    notice = footing.settle(Footing(4000, "off"), 7)
    assert notice is not None
    assert notice.level == "warn"
    assert notice.message.startswith("Step 7: the memory did not suffice for a micro-batch.")
    assert "4000 tokens in each micro-batch, gradient checkpointing off" in notice.message
    assert calm(footing, CALM_STEPS - 1) == []
    (told,) = calm(footing, 1)
    assert "the memory sufficed for 50 steps" in told
    assert footing.now == Footing(8000, "off")
    assert len(calm(footing, CALM_STEPS)) == 1
    assert footing.now == Footing(10000, "off")
    assert calm(footing, 10 * CALM_STEPS) == []


def test_each_shortage_doubles_the_calm_stretch_that_the_next_attempt_takes() -> None:
    footing = CommonFooting(PLANNED)
    for stretch in (CALM_STEPS, 2 * CALM_STEPS, 4 * CALM_STEPS):
        footing.settle(Footing(8192, "off"), 1)
        assert calm(footing, stretch - 1) == []
        assert len(calm(footing, 1)) == 1
        assert footing.now == PLANNED


def test_checkpointing_stays_and_begins_the_count_of_shortages_anew() -> None:
    footing = CommonFooting(PLANNED)
    footing.settle(Footing(8192, "off"), 1)
    footing.settle(Footing(4096, "off"), 2)
    footing.settle(Footing(4096, "selective"), 3)
    assert len(calm(footing, 2 * CALM_STEPS)) == 2
    assert footing.now == Footing(16384, "selective")


def test_a_growth_is_told_as_information() -> None:
    footing = CommonFooting(PLANNED)
    footing.settle(Footing(8192, "off"), 1)
    notices = [footing.settle(footing.now, step) for step in range(2, CALM_STEPS + 2)]
    assert notices[-1] is not None
    assert notices[-1].level == "info"
