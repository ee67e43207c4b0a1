"""Weights & Biases: one run, whose id is the job's, as on the service."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localft.trackers.delivery import Opening, Row, Started, Status


class WandbRun:
    """A run of the mode that WANDB_MODE says. Its files lie in the run directory, or where WANDB_DIR says."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._notes = opening.notes()
        self._run: Any = None

    def start(self) -> Started:
        import wandb

        given = self._opening.settings
        self._run = wandb.init(
            project=given["project"],
            entity=given["entity"],
            name=given["name"],
            tags=given["tags"],
            id=self._opening.job,
            resume="allow",
            config=self._opening.parameters,
            allow_val_change=True,  # a continued run may be on another machine
            settings=wandb.Settings(console="off", disable_git=True, save_code=False, x_stats_pid=os.getppid()),
        )
        last_step = max(self._notes.get("last_step", 0), self._run.starting_step - 1)
        return Started(self._run.url or self._offline(), last_step)

    def _offline(self) -> str:
        """`dir` is that of the run's own files, a level below what is sent."""
        directory = Path(self._run.dir).parent
        return f"offline in {directory}; `wandb sync {shlex.quote(str(directory))}` sends it"

    def log(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._run.log(row.metrics, step=row.step, commit=True)
        self._notes.write(last_step=rows[-1].step)

    def end(self, status: Status) -> None:
        if status == "paused":
            self._run.mark_preempting()
        self._run.finish(exit_code=0 if status == "succeeded" else 1)
