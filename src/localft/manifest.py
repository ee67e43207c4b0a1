"""Sums of the files of an embedded model, in a manifest.json beside them: they tell a whole directory from a torn one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path

MANIFEST_FILE = "manifest.json"


def write_manifest(directory: Path) -> None:
    """Writes down the sum of every other file of the directory."""
    files = sorted(path for path in directory.iterdir() if path.name != MANIFEST_FILE)
    sums = {path.name: _sha256(path) for path in files}
    (directory / MANIFEST_FILE).write_text(json.dumps({"sha256": sums}, indent=2) + "\n", encoding="utf-8")


def first_flaw(directory: Path, names: Collection[str]) -> str | None:
    """The first file that is missing or not as the manifest says, in words; None where all are whole.

    The manifest has to list `names`, and may list more; a file that it does not list, and that loading might read, is a flaw
    too. Every listed file is read to its end, so that a changed byte is found wherever it is.
    """
    manifest = directory / MANIFEST_FILE
    try:
        sums = json.loads(manifest.read_bytes())["sha256"]
        unlisted = sorted(set(names) - sums.keys())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{manifest}: expected the sha256 of each file, found none"
    if unlisted:
        return f"{manifest}: expected the sha256 of {unlisted[0]}, found none"
    for name, expected in sums.items():
        try:
            found = _sha256(directory / name)
        except OSError as error:
            return f"{directory / name}: expected a file, found: {error.strerror or error}"
        if found != expected:
            return f"{directory / name}: expected the sha256 {expected}, found {found}"
    listed = {*sums, MANIFEST_FILE}
    strangers = sorted(p.name for p in directory.iterdir() if p.name not in listed and not p.name.startswith("."))
    return f"{directory / strangers[0]}: expected the manifest's files alone, found this one" if strangers else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
