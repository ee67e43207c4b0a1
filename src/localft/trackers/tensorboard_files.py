"""TensorBoard: an event file a start of the command, in the run directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localft.trackers.delivery import Opening, Row, Started, Status


class TensorboardFiles:
    """Scalars of each step, and the parameters for the page of hyperparameters."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._writer: Any = None

    def start(self) -> Started:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        directory = Path(self._opening.run_directory) / "tensorboard"
        goes_on = directory.exists()
        self._writer = EventFileWriter(str(directory))
        if goes_on:  # TensorBoard then forgets the steps behind this one, which are trained again
            again = SessionLog(status=SessionLog.START)
            self._writer.add_event(Event(step=self._opening.resume_step + 1, session_log=again))
        self._writer.add_event(Event(summary=hparams_pb(self._opening.parameters, trial_id=self._opening.job)))
        self._writer.flush()
        return Started(f"`tensorboard --logdir {directory}` shows it", 0)

    def log(self, rows: Sequence[Row]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        for row in rows:
            values = [Summary.Value(tag=name, simple_value=value) for name, value in row.metrics.items()]
            self._writer.add_event(Event(wall_time=row.time, step=row.step, summary=Summary(value=values)))
        self._writer.flush()

    def end(self, status: Status) -> None:
        self._writer.close()
