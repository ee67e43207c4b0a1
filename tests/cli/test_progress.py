"""What a training shows: numbers, plain lines, and the bar."""

from __future__ import annotations

import io
import re

import pytest

from localft.cli.progress import PlainLines, Speed, duration, numbers, shown_count, shown_progress
from localft.progress import CheckpointSaved, Notice, StageStarted
from runs import step_metrics


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (125, "2:05"), (11045, "3:04:05")])
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_speed_leaves_out_the_first_step_which_warms_up() -> None:
    speed = Speed()
    speed.add(step_metrics(1, trained_tokens=100, seconds=50.0))
    assert speed.trained_tokens_a_second == 2.0
    speed.add(step_metrics(2, trained_tokens=100, seconds=2.0))
    speed.add(step_metrics(3, trained_tokens=100, seconds=2.0))
    assert speed.trained_tokens_a_second == 50.0
    assert speed.seconds_left(step_metrics(3, total_steps=10)) == 14.0


def test_the_speed_of_a_continued_run_counts_its_own_steps_only() -> None:
    speed = Speed()
    for step in (101, 102, 103):
        speed.add(step_metrics(step, total_steps=110, seconds=1.0))
    assert speed.seconds_left(step_metrics(103, total_steps=110)) == 7.0


def test_the_numbers_are_loss_accuracy_speed_padding_memory_and_time_left() -> None:
    speed = Speed()
    step = step_metrics(2, valid_loss=1.25, trained_tokens=2000, seconds=2.0, peak_memory_bytes=3_100_000_000)
    speed.add(step)
    assert numbers(step, speed) == (
        "loss 0.5000, accuracy 50.0%, valid loss 1.2500, 1,000 trained tokens/s, padding 0%, 3.1 GB, 0:08 left"
    )


def test_the_last_step_has_no_time_left() -> None:
    speed = Speed()
    speed.add(step_metrics(6))
    assert "left" not in numbers(step_metrics(6), speed)


def test_plain_lines_come_at_the_first_step_every_tenth_the_epochs_ends_and_the_last() -> None:
    lines: list[str] = []
    report = PlainLines(lines.append, clock=lambda: 0.0)
    for step in range(1, 26):
        report(step_metrics(step, total_steps=25, full_valid_loss=1.0 if step == 13 else None))
    assert [line.partition(":")[0] for line in lines] == [f"step {n}/25" for n in (1, 10, 13, 20, 25)]


def test_plain_lines_of_slow_steps_come_every_half_minute() -> None:
    now = iter([0.0, *[20.0 * n for n in range(1, 20)]])
    lines: list[str] = []
    report = PlainLines(lines.append, clock=lambda: next(now))
    for step in range(1, 6):
        report(step_metrics(step, total_steps=100))
    assert [line.partition(":")[0] for line in lines] == ["step 1/100", "step 3/100", "step 5/100"]


def test_what_is_no_step_is_a_sentence() -> None:
    lines: list[str] = []
    report = PlainLines(lines.append)
    report(StageStarted("tokenize", "train.jsonl"))
    report(Notice("two rows were cut", "warn"))
    report(Notice("continuing"))
    report(CheckpointSaved(3, "checkpoint-3", True, step_metrics(3)))
    assert lines == [
        "tokenising: train.jsonl",
        "warning: two rows were cut",
        "continuing",
        "checkpoint saved at step 3",
    ]


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    with shown_progress(stream) as report:
        report(step_metrics(1))
    assert stream.getvalue().startswith("step 1/6: loss 1.0000")
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_there_is_a_bar_with_the_newest_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    with shown_progress(stream) as report:
        report(Notice("[not] markup"))
        for step in range(1, 7):
            report(step_metrics(step, full_valid_loss=0.5 if step == 6 else None))
    shown = stream.getvalue()
    assert "[not] markup" in shown
    assert "6/6" in shown and "loss 0.1667" in shown and "valid loss 0.5000" in shown


def test_a_bar_of_80_columns_shows_the_time_left_once_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    with shown_progress(terminal) as report:
        report(step_metrics(3, tokens=1000, seconds=1.0))
    last = re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", terminal.getvalue()).strip().splitlines()[-1]
    assert last.rstrip().endswith(" left") and len(re.findall(r"\d:\d\d", last)) == 1, last


@pytest.mark.parametrize("columns", range(80, 150))
def test_a_narrow_bar_goes_without_some_numbers_rather_than_cutting_one(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal()
    with shown_progress(terminal) as report:
        report(step_metrics(150, total_steps=1200, valid_loss=1.25, peak_memory_bytes=3_100_000_000))
    shown = re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", terminal.getvalue()).rpartition("training ")[2]
    assert "…" not in shown and "valid loss 1.2500" in shown, shown
    assert "150/1200" in shown and shown.rstrip().endswith(" left"), shown


@pytest.mark.parametrize(("computed", "words"), [(40, "padding 0%"), (50, "padding 20%"), (30, "shared 25%")], ids=str)
def test_the_numbers_tell_what_was_padded_or_shared(computed: int, words: str) -> None:
    assert words in numbers(step_metrics(2, tokens=40, computed_tokens=computed), Speed())


def test_a_count_is_a_line_every_few_seconds_where_there_is_no_terminal() -> None:
    stream, seconds = io.StringIO(), iter([0.0, 4.0, 6.0, 6.0, 10.0, 12.0, 12.0])
    with shown_count("asking", 128, stream, clock=lambda: next(seconds)) as done:
        for count in (32, 64, 96, 128):
            done(count)
    assert stream.getvalue() == "asking: 64 of 128\nasking: 128 of 128\n"


def test_a_count_is_a_bar_on_a_terminal_that_goes_when_all_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with shown_count("asking", 128, stream) as done:
        done(96)
    assert re.search(r"asking .* 96/128", stream.getvalue())
    assert stream.getvalue().endswith("\x1b[2K"), "the line is wiped"
