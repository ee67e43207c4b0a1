"""The event log: shapes the official client reads, and a file that only grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from openai.types.fine_tuning import FineTuningJobEvent as ClientEvent
from runs import step_metrics

from localft.jobs.events import EventLog, has_metrics_event, message_event, metrics_event, read_events


def test_the_official_client_reads_messages_and_metrics() -> None:
    for ours in (message_event("Job started.", now=1.5), metrics_event(step_metrics(10), now=2)):
        theirs = ClientEvent.model_validate_json(ours.model_dump_json(), strict=True)
        assert theirs.to_dict() == ours.model_dump(mode="json")
        assert theirs.id.startswith("ftevent-") and len(theirs.id) == len("ftevent-") + 32


@pytest.mark.parametrize("level", ["info", "warn", "error"])
def test_the_official_client_knows_every_level(level: str) -> None:
    event = message_event("x", now=1, level=level)  # type: ignore[arg-type]
    assert ClientEvent.model_validate_json(event.model_dump_json(), strict=True).level == level


def test_a_metrics_event_has_the_step_in_words_and_as_data() -> None:
    event = metrics_event(step_metrics(3, valid_loss=2 / 3, valid_mean_token_accuracy=0.25), now=1)
    assert event.message == "Step 3: training loss=0.333333333"
    assert event.type == "metrics"
    assert event.data == {
        "step": 3,
        "train_loss": 0.333333333,
        "train_mean_token_accuracy": 0.5,
        "valid_loss": 0.666666667,
        "valid_mean_token_accuracy": 0.25,
        "total_steps": 6,
    }


def test_the_data_at_an_epochs_end_holds_the_whole_validation_file() -> None:
    event = metrics_event(step_metrics(6, full_valid_loss=0.5, full_valid_mean_token_accuracy=0.75), now=1)
    assert event.data is not None
    assert (event.data["full_valid_loss"], event.data["full_valid_mean_token_accuracy"]) == (0.5, 0.75)


def test_metrics_come_at_the_first_step_every_tenth_and_the_last() -> None:
    assert [step for step in range(1, 34) if has_metrics_event(step, 33)] == [1, 10, 20, 30, 33]


def test_the_log_only_grows_and_mends_a_torn_line_first(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(message_event("one", now=1))
    log.close()
    path.write_bytes(path.read_bytes() + b'{"id": "ftev')
    log = EventLog(path)
    log.append(message_event("two", now=2))
    log.close()
    assert [event.message for event in read_events(path)] == ["one", "two"]


def test_an_event_can_be_read_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append(message_event("one\ntwo", now=1))
    assert [event.message for event in read_events(tmp_path / "events.jsonl")] == ["one\ntwo"]
    log.close()
