"""Trains the trials: each in a process of its own, one after another, or one on each GPU where several are visible.

A trial that fails does not stop the others. The first Ctrl-C or SIGTERM asks those that run to save and stop and starts no
further one; the second asks them to stop at once. What is finished is never trained again, what was begun goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from localft import settings
from localft.errors import TrainingInterrupted
from localft.jobs.run_directory import in_use
from localft.runner.signals import Stopped, StopSignals
from localft.sweep.report import Status, state_on_disk
from localft.sweep.trials import Trial

_LOOK_EVERY_SECONDS = 0.1
_SHOWN_CHARACTERS = 2_000
States = dict[str, tuple[Status, str | None]]
"""Name of a trial -> how it stands, and why it failed."""


@dataclass(frozen=True)
class _Running:
    trial: Trial
    process: subprocess.Popen[bytes]
    log: Path
    log_begins: int
    """Bytes that earlier starts have left in the log."""


def run_trials(
    trials: Sequence[Trial], directory: Path, stop: StopSignals, changed: Callable[[Trial, States], None]
) -> States:
    """Trains what is not finished. `changed` hears of every trial that begins or ends, with how all of them stand."""
    states = states_on_disk(trials)
    waiting = [trial for trial in trials if states[trial.name][0] != "succeeded"]
    gpus = settings.visible_gpu_names()
    free: list[str | None] = list(gpus) if len(gpus) > 1 else [None]
    running: dict[str | None, _Running] = {}
    asked_to_stop = False
    try:
        while running or (waiting and not stop.requested()):
            while waiting and free and not stop.requested():
                trial, gpu = waiting.pop(0), free.pop(0)
                running[gpu] = _start(trial, directory, gpu)
                states[trial.name] = "running", None
                changed(trial, states)
            if stop.requested() and not asked_to_stop:
                _ask_to_stop(running.values())
                asked_to_stop = True
            time.sleep(_LOOK_EVERY_SECONDS)
            for gpu, child in list(running.items()):
                if child.process.poll() is not None:
                    del running[gpu]
                    free.append(gpu)
                    states[child.trial.name] = _ending(child, asked_to_stop=asked_to_stop)
                    changed(child.trial, states)
    except Stopped:
        pass  # told below, as any other error's children
    finally:
        _ask_to_stop(running.values())
        for child in running.values():
            child.process.wait()
            states[child.trial.name] = _ending(child, asked_to_stop=True)
    return states


def wait_for_orphans(trials: Iterable[Trial], stop: StopSignals, tell: Callable[[str], None]) -> None:
    """Waits for the trainings that a sweep which was killed has left behind, or until the sweep is to stop."""
    orphans = [trial for trial in trials if in_use(trial.run.path)]
    for trial in orphans:
        tell(f"{trial.name} is still being trained by what an earlier start left behind; waiting for it to end")
    while not stop.requested() and any(in_use(trial.run.path) for trial in orphans):
        time.sleep(_LOOK_EVERY_SECONDS)


def states_on_disk(trials: Sequence[Trial]) -> States:
    return {trial.name: state_on_disk(trial.run) for trial in trials}


def log_file(directory: Path, trial: Trial) -> Path:
    """Where what the trial's process prints is kept."""
    return directory / "logs" / f"{trial.name}.log"


def _start(trial: Trial, directory: Path, gpu: str | None) -> _Running:
    """Starts `localft train` on the trial's own plan; the training finds out whether there is something to go on from."""
    trial.run.path.mkdir(parents=True, exist_ok=True)
    trial.run.write_plan(trial.plan)
    log = log_file(directory, trial)
    log.parent.mkdir(exist_ok=True)
    with log.open("ab") as output:
        begins = output.tell()
        process = _train(trial, output, gpu)
    return _Running(trial, process, log, begins)


def _train(trial: Trial, output: BinaryIO, gpu: str | None) -> subprocess.Popen[bytes]:
    path = str(trial.run.path)
    return subprocess.Popen(
        [sys.executable, "-m", "localft", "train", str(trial.run.plan_file), "--output-dir", path, "--resume", "auto"],
        env=os.environ if gpu is None else {**os.environ, "CUDA_VISIBLE_DEVICES": gpu},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C in the terminal is for the sweep alone
    )


def _ask_to_stop(children: Iterable[_Running]) -> None:
    for child in children:
        child.process.terminate()


def _ending(child: _Running, *, asked_to_stop: bool) -> tuple[Status, str | None]:
    code = child.process.returncode
    if code == 0:
        return "succeeded", None
    before_it_listened = asked_to_stop and code == -signal.SIGTERM
    if code == TrainingInterrupted.exit_code or before_it_listened:
        status, error = state_on_disk(child.trial.run)
        return "paused" if status == "queued" else status, error  # it had begun, if not yet to train
    return "failed", _reason(child)


def _reason(child: _Running) -> str:
    """The error that the training printed; of one that was killed, by which signal."""
    code = child.process.returncode
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}; see {child.log}"
    with child.log.open("rb") as file:
        file.seek(child.log_begins)
        printed = file.read().decode(errors="replace")
    begins = printed.rfind("error: ")
    said = printed[begins:].removeprefix("error: ") if begins >= 0 else printed[-_SHOWN_CHARACTERS:]
    return said.strip()[:_SHOWN_CHARACTERS] or f"its process ended with exit code {code} and said nothing"
