"""trackio: one run in its local database, or where trackio's own environment variables say."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

from localft.trackers.delivery import Opening, Row, Started, Status


class TrackioRun:
    """trackio does not raise where it fails, it warns, also from its own thread; here that becomes an error once more."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._notes = opening.notes()
        self._run: Any = None
        self._warned: list[str] = []

    def start(self) -> Started:
        import trackio

        warnings.showwarning = self._hear  # this process has no other work
        given = self._opening.settings
        last_step = self._notes.get("last_step")
        self._run = trackio.init(
            project=given["project"],
            name=given["name"],
            config=self._opening.parameters,
            resume="never" if last_step is None else "allow",
            embed=False,
        )
        self._notes.write(last_step=last_step or 0)
        return Started(f"run {self._run.name}; `trackio show --project {given['project']}` shows it", last_step or 0)

    def log(self, rows: Sequence[Row]) -> None:
        self._raise_what_was_warned_of()
        for row in rows:
            self._run.log(row.metrics, step=row.step)
        self._notes.write(last_step=rows[-1].step)

    def end(self, status: Status) -> None:
        self._run.finish()
        self._raise_what_was_warned_of()

    def _hear(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        print(message, file=sys.stderr)
        if issubclass(category, UserWarning):
            self._warned.append(str(message))

    def _raise_what_was_warned_of(self) -> None:
        if self._warned:
            first, self._warned = self._warned[0], []
            raise RuntimeError(first)
