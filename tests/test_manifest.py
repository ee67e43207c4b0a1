"""A manifest tells the first file that is not as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localft.manifest import MANIFEST_FILE, first_flaw, write_manifest

CONTENTS = {"a.json": b"{}", "b.bin": b"\0" * 1000}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    write_manifest(tmp_path)
    return tmp_path


def test_a_directory_as_it_was_written_has_no_flaw(directory: Path) -> None:
    assert first_flaw(directory, CONTENTS) is None


def test_one_changed_byte_is_told_by_file_and_both_sums(directory: Path) -> None:
    (directory / "b.bin").write_bytes(b"\0" * 999 + b"\1")
    expected = json.loads((directory / MANIFEST_FILE).read_text())["sha256"]["b.bin"]
    flaw = first_flaw(directory, CONTENTS)
    assert flaw is not None
    assert flaw.startswith(f"{directory / 'b.bin'}: expected the sha256 {expected}, found ")
    assert len(flaw.rpartition(" ")[2]) == 64


def test_a_missing_file_is_told(directory: Path) -> None:
    (directory / "a.json").unlink()
    assert (
        first_flaw(directory, CONTENTS) == f"{directory / 'a.json'}: expected a file, found: No such file or directory"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": []}', '{"sha256": null}', '["sha256"]', '{"sha256": {'])
def test_a_torn_manifest_is_told(directory: Path, text: str) -> None:
    (directory / MANIFEST_FILE).write_text(text)
    assert (
        first_flaw(directory, CONTENTS) == f"{directory / MANIFEST_FILE}: expected the sha256 of each file, found none"
    )


def test_a_missing_manifest_is_told(directory: Path) -> None:
    (directory / MANIFEST_FILE).unlink()
    assert MANIFEST_FILE in str(first_flaw(directory, CONTENTS))


def test_a_manifest_that_leaves_a_file_out_is_told(directory: Path) -> None:
    flaw = first_flaw(directory, ["a.json", "c.json"])
    assert flaw == f"{directory / MANIFEST_FILE}: expected the sha256 of c.json, found none"


def test_a_file_that_the_manifest_lists_is_looked_at_though_nobody_asks_for_it(directory: Path) -> None:
    (directory / "b.bin").write_bytes(b"")
    assert str(first_flaw(directory, ["a.json"])).startswith(f"{directory / 'b.bin'}: ")


def test_a_manifest_is_written_over_and_never_lists_itself(directory: Path) -> None:
    first = (directory / MANIFEST_FILE).read_bytes()
    write_manifest(directory)
    assert (directory / MANIFEST_FILE).read_bytes() == first
    assert list(json.loads(first)["sha256"]) == ["a.json", "b.bin"]


@pytest.mark.parametrize(("name", "is_flaw"), [("adapter.bin", True), (".DS_Store", False)])
def test_a_file_that_the_manifest_does_not_list_is_told_unless_it_is_hidden(
    directory: Path, name: str, is_flaw: bool
) -> None:
    (directory / name).write_bytes(b"")
    flaw = first_flaw(directory, CONTENTS)
    assert flaw == (f"{directory / name}: expected the manifest's files alone, found this one" if is_flaw else None)
