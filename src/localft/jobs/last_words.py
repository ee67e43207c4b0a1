"""What ended the process of a job, in its own words: for the worker that started it, or for the one behind that."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from localft.jobs.files import write_whole


@dataclass(frozen=True)
class LastWords:
    """An error, and the exit code that goes with it."""

    exit_code: int
    code: str
    message: str
    param: str | None


def write_last_words(path: Path, words: LastWords) -> None:
    write_whole(path, json.dumps(asdict(words)) + "\n")


def read_last_words(path: Path) -> LastWords | None:
    """None where the process said nothing: it did well, or had no time left."""
    try:
        return LastWords(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
