"""The token store: tokenised once, read from disk ever after, and made anew when anything that decides the tokens changes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localft.data.reading import read_examples
from localft.errors import DataError
from localft.tokenization.render import render_example
from localft.tokenization.tokenizer import ChatTokenizer, read_template
from localft.training import token_store
from localft.training.token_store import open_token_store


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tokenizer(tiny_llama) -> ChatTokenizer:
    return ChatTokenizer.from_directory(tiny_llama, date="2026-11-21")


@pytest.fixture
def data_file(tmp_path) -> Path:
    return write_rows(tmp_path / "train.jsonl", [f"answer {'word ' * n}" for n in range(12)])


def write_rows(path: Path, answers: list[str], question: str = "A question?") -> Path:
    lines = [
        json.dumps({"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]})
        for answer in answers
    ]
    path.write_text("\n\n".join(lines) + "\n")  # blank lines between: line numbers are the file's
    return path


def test_stored_rows_are_the_rendered_rows(data_file, tokenizer):
    store = open_token_store(data_file, tokenizer)
    assert list(store) == [render_example(example, tokenizer) for example in read_examples(data_file)]
    assert [row.line for row in store] == list(range(1, 25, 2))
    assert store[3] == list(store)[3] and store[-1] == list(store)[-1] and store[2:4] == list(store)[2:4]


def test_home_and_tokens_are_their_owners_alone(data_file, tokenizer, tmp_path, monkeypatch):
    home = tmp_path / "a" / "home"
    monkeypatch.setenv("LOCALFT_HOME", str(home))
    store = open_token_store(data_file, tokenizer)
    assert [path.stat().st_mode & 0o777 for path in (home, home / "tokens", store.directory)] == [0o700] * 3


def test_second_opening_tokenises_nothing(data_file, tokenizer, monkeypatch):
    first = open_token_store(data_file, tokenizer)

    def fail(*args, **kwargs):
        raise AssertionError("tokenised again")

    monkeypatch.setattr(token_store, "survey_rows", fail)
    again = open_token_store(data_file, tokenizer)
    assert (first.was_cached, again.was_cached) == (False, True)
    assert list(again) == list(first)
    assert again.statistics == first.statistics


@pytest.mark.parametrize("change", ["data", "template", "max_length", "overlong"])
def test_anything_that_decides_the_tokens_makes_another_store(change, data_file, tokenizer, tiny_llama):
    open_token_store(data_file, tokenizer, max_length=500)
    options = {"max_length": 500, "overlong": "refuse"}
    if change == "data":
        data_file.write_text(data_file.read_text().replace("answer", "reply"))
    elif change == "template":
        tokenizer = ChatTokenizer.from_directory(tiny_llama, chat_template=read_template("llama-3"))
    elif change == "max_length":
        options["max_length"] = 400
    else:
        options["overlong"] = "drop"
    assert not open_token_store(data_file, tokenizer, **options).was_cached


@pytest.mark.parametrize("damage", ["torn rows", "torn record", "no record"])
def test_damaged_store_is_made_again(damage, data_file, tokenizer):
    store = open_token_store(data_file, tokenizer)
    expected = list(store)
    rows, record = store.directory / "rows.arrow", store.directory / "store.json"
    if damage == "torn rows":
        rows.write_bytes(rows.read_bytes()[:-100])
    elif damage == "torn record":
        record.write_text("{")
    else:
        record.unlink()
    again = open_token_store(data_file, tokenizer)
    assert not again.was_cached and list(again) == expected


def test_refused_rows_are_all_named_and_nothing_is_kept(tmp_path, tokenizer, home):
    data_file = write_rows(tmp_path / "bad.jsonl", ["fine", "\U000f0000\U00100000", "fine", "\U000f0000\U00100000"])
    with pytest.raises(DataError) as caught:
        open_token_store(data_file, tokenizer)
    assert f"{data_file}:3: " in caught.value.message and f"{data_file}:7: " in caught.value.message
    assert [refused.line for refused in caught.value.report] == [3, 7]
    assert list((home / "tokens").iterdir()) == []


def test_overlong_rows_are_refused_truncated_or_dropped_and_counted(data_file, tokenizer):
    lengths = [len(row.input_ids) for row in open_token_store(data_file, tokenizer)]
    limit = sorted(lengths)[-3] - 1
    with pytest.raises(DataError, match=rf"3 rows are refused(.|\n)*{lengths[-1]} tokens, but max_length is {limit}"):
        open_token_store(data_file, tokenizer, max_length=limit)
    cut = open_token_store(data_file, tokenizer, max_length=limit, overlong="truncate")
    assert [len(row.input_ids) for row in cut] == [min(length, limit) for length in lengths]
    assert (cut.statistics.truncated, cut.statistics.truncated_tokens) == (3, sum(max(0, n - limit) for n in lengths))
    kept = open_token_store(data_file, tokenizer, max_length=limit, overlong="drop")
    assert [row.line for row in kept.dropped] == [19, 21, 23]
    assert (kept.statistics.rows, kept.statistics.examples, kept.statistics.dropped) == (12, 9, 3)


def test_row_with_nothing_trained_left_is_dropped_and_says_so(tmp_path, tokenizer):
    data_file = write_rows(tmp_path / "long.jsonl", ["one", "two"], question="why " * 200)
    with pytest.raises(DataError, match="no row is left to train: 2 read, 2 dropped"):
        open_token_store(data_file, tokenizer, max_length=100, overlong="truncate")


def test_statistics_count_the_stored_tokens(data_file, tokenizer):
    store = open_token_store(data_file, tokenizer)
    statistics = store.statistics
    assert statistics.tokens == sum(len(row.input_ids) for row in store)
    assert statistics.trained_tokens == sum(weight > 0 for row in store for weight in row.loss_weights)
    assert statistics.longest == max(len(row.input_ids) for row in store)
    assert (statistics.rows, statistics.examples) == (12, 12)


def test_progress_is_told_row_by_row(data_file, tokenizer):
    seen: list[int] = []
    open_token_store(data_file, tokenizer, progress=seen.append)
    assert seen == list(range(1, 13))


def left_behind(shelf: Path, name: str, *, days_old: float = 0.0) -> Path:
    directory = shelf / name
    directory.mkdir(parents=True)
    (directory / "rows.arrow").write_bytes(b"half of it")
    then = time.time() - 86400 * days_old
    for path in (directory / "rows.arrow", directory):
        os.utime(path, (then, then))
    return directory


def test_what_killed_makers_left_is_cleared_and_what_others_make_is_not(data_file, tokenizer, home):
    shelf, host = home / "tokens", socket.gethostname()
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    killed = left_behind(shelf, f".making-{host}-{dead.pid}-abc")
    running = left_behind(shelf, f".making-{host}-{os.getpid()}-abc", days_old=3)
    elsewhere = left_behind(shelf, f".making-other-{dead.pid}-abc", days_old=0.9)
    elsewhere_long_ago = left_behind(shelf, f".making-other-{os.getpid()}-abc", days_old=1.1)
    without_owner = left_behind(shelf, ".making-abc", days_old=1.1)
    store = open_token_store(data_file, tokenizer)
    assert not any(path.exists() for path in (killed, elsewhere_long_ago, without_owner))
    assert sorted(shelf.iterdir()) == sorted([running, elsewhere, store.directory])


def test_a_store_in_the_making_tells_who_makes_it(data_file, tokenizer, home):
    seen = []
    open_token_store(data_file, tokenizer, progress=lambda rows: seen.extend((home / "tokens").iterdir()))
    assert seen[0].name.startswith(f".making-{socket.gethostname()}-{os.getpid()}-")


def write_openings(path: Path, openings: list[dict[str, str] | None]) -> Path:
    """Rows that begin with these messages; None begins with the question."""
    talk = [{"role": "user", "content": "A question?"}, {"role": "assistant", "content": "An answer."}]
    lines = [json.dumps({"messages": [*([opening] if opening else []), *talk]}) for opening in openings]
    path.write_text("\n".join(lines))
    return path


SYSTEM = {"role": "system", "content": "You are brief."}


@pytest.mark.parametrize(
    ("openings", "shared"),
    [
        ([SYSTEM] * 3, SYSTEM),
        ([SYSTEM, SYSTEM, {"role": "system", "content": "You are verbose."}], None),
        ([SYSTEM, None, SYSTEM], None),
        ([None, SYSTEM, SYSTEM], None),
        ([None] * 3, None),
        ([{**SYSTEM, "role": "developer"}] * 3, SYSTEM),  # the Llama template has no developer
    ],
)
def test_a_store_knows_the_system_message_that_all_rows_share(openings, shared, tmp_path, tokenizer):
    path = write_openings(tmp_path / "train.jsonl", openings)
    assert [open_token_store(path, tokenizer).system_message for _ in range(2)] == [shared, shared]
