"""Whole files: the old one or the new one, never half of one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localft.jobs.files import AppendedFile, drop_torn_line, write_whole


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text("old")
    held = path.open()
    write_whole(path, "new ✓\n")
    assert path.read_text(encoding="utf-8") == "new ✓\n"
    assert held.read() == "old", "a reader that had it open still has the whole old one"
    held.close()


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "job.json"
    path.write_text("old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("job.json", "old")]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\nb", b"a\n"),
        (b"torn", b""),
        (b"a\n" + b"x" * 10_000, b"a\n"),
        (b"y" * 5000 + b"\n" + b"x" * 4096, b"y" * 5000 + b"\n"),
    ],
)
def test_an_unfinished_last_line_is_cut(tmp_path: Path, content: bytes, kept: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    assert drop_torn_line(path) == (content != kept)
    assert path.read_bytes() == kept


def test_what_is_appended_is_there_at_once_and_settling_closes_the_file(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "events.jsonl", tmp_path / "elsewhere"
    file = AppendedFile(path)
    file.write("a\n")
    assert path.read_text() == "a\n"
    path.rename(elsewhere)  # what is written now still goes there, until the file is closed
    file.write("b\n")
    file.settle()
    file.write("c\n")
    file.close()
    assert (elsewhere.read_text(), path.read_text()) == ("a\nb\n", "c\n")
