"""What the process of a tracker does with what it is told, and with a tracker that fails."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from localft.jobs.results import METRICS
from localft.trackers import delivery
from localft.trackers.delivery import Delivery, Inbox, Row, Started, Status


class Recorder:
    """A tracker that fails as often as it is asked to."""

    def __init__(self, *failures: Exception, last_step: int = 0) -> None:
        self.failures = list(failures)
        self.last_step = last_step
        self.calls: list[list[int]] = []
        self.ended: Status | None = None

    def start(self) -> Started:
        return Started("here", self.last_step)

    def log(self, rows: Sequence[Row]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.calls.append([row.step for row in rows])

    def end(self, status: Status) -> None:
        self.ended = status


def delivered(tracker: Any, steps: int, end: str | None = "succeeded") -> list[dict[str, Any]]:
    """Everything that the process says where it is told `steps` steps at once, and how the run ended."""
    messages = [{"step": step, "metrics": {"train_loss": 1 / step}} for step in range(1, steps + 1)]
    lines = [*messages, *([{"end": end}] if end else [])]
    said: list[dict[str, Any]] = []
    inbox = Inbox(io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
    Delivery("Tracker", tracker, inbox, said.append).run()
    return said


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FLUSH_SECONDS", 0.0)


def test_every_step_arrives_once_in_order_and_no_call_holds_more_than_250_metrics() -> None:
    tracker = Recorder()
    said = delivered(tracker, steps=100)
    assert [step for call in tracker.calls for step in call] == list(range(1, 101))
    assert max(map(len, tracker.calls)) * len(METRICS) <= delivery.BATCH_METRICS == 250
    assert (said, tracker.ended) == ([{"notice": "Tracker: here"}, {"done": True}], "succeeded")


def test_steps_that_are_there_already_are_not_told_again() -> None:
    tracker = Recorder(last_step=4)
    delivered(tracker, steps=6)
    assert [step for call in tracker.calls for step in call] == [5, 6]


def test_a_failure_is_one_warning_and_what_failed_is_tried_again() -> None:
    tracker = Recorder(ConnectionError("no way"))
    said = delivered(tracker, steps=3)
    warnings = [message["warning"] for message in said if "warning" in message]
    assert warnings == [
        "Tracker: no way. The training goes on without it, and results.csv has every step; Tracker is tried again from time "
        "to time."
    ]
    assert [step for call in tracker.calls for step in call] == [1, 2, 3]


def test_of_a_long_reason_the_beginning_and_the_end_are_told() -> None:
    said = delivered(Recorder(ConnectionError(f"calling http://127.0.0.1:9 {'x' * 900} Connection refused")), steps=1)
    (warning,) = [message["warning"] for message in said if "warning" in message]
    assert "calling http://127.0.0.1:9" in warning and "Connection refused." in warning and len(warning) < 500


def test_each_kind_of_failure_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Recorder):
        tries = 0

        def log(self, rows: Sequence[Row]) -> None:
            self.tries += 1
            raise (ConnectionError if self.tries % 2 else TimeoutError)("no way")

    monkeypatch.setattr(delivery, "LAST_ATTEMPTS", 6)
    tracker = Broken()
    said = delivered(tracker, steps=1)
    assert tracker.tries >= 6
    assert len([message for message in said if "warning" in message]) == 2


def test_a_run_whose_training_was_killed_gets_its_rows_and_no_end() -> None:
    tracker = Recorder()
    delivered(tracker, steps=2, end=None)
    assert ([step for call in tracker.calls for step in call], tracker.ended) == ([1, 2], None)


def test_a_tracker_that_never_starts_is_not_ended() -> None:
    class Absent(Recorder):
        def start(self) -> Started:
            raise ModuleNotFoundError("No module named 'tracker'")

    tracker = Absent()
    said = delivered(tracker, steps=2)
    assert [list(message) for message in said] == [["warning"], ["done"]]
    assert tracker.ended is None
