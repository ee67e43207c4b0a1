"""What the run directory remembers of a tracker: the run's id there, and how far it has been told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localft.jobs.files import write_whole


class Notes:
    """A small JSON file, written whole after each change. One that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = _read(path)

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def write(self, **changes: Any) -> None:
        self._values |= changes
        write_whole(self._path, json.dumps(self._values) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
