#!/usr/bin/env python3
"""Takes the machine away from `localft train` at random, with and without a word, as with spot machines, and starts it again.

    scripts/soak spot                  10 interruptions of each form, prints a table; a quarter of an hour on two cores
    scripts/soak spot --points 2       fewer
    scripts/soak spot --write          writes docs/soak/spot.md too

The command is the one of a spot job, `--resume auto` on the same output directory, in two forms: plain for one GPU, and behind
`accelerate launch` for several, here two processes on the CPU. A machine that goes without a word is SIGKILL to all processes;
one that is announced is SIGTERM to all of them, which a launcher passes on to its processes once more. Three in four
interruptions come behind a step that is drawn, the others at any time.

Every run is interrupted again and again until it ends. Then results.csv and the adapter have to be the bytes of a run that
nothing stopped, and each start that went on has to have said so: the losses on both sides of the interruption, which have to
be those of the undisturbed run. No process may end by SIGABRT.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from localft.azure.launch import PLAIN, Machines
from localft.jobs.events import read_events
from localft.jobs.results import number, read_results
from soak_checkpoints import ROOT, Child, circumstances, conclude, import_once, write_chats
from soak_launch import azure_command, environment, send

PAGE = ROOT / "docs" / "soak" / "spot.md"
BATCH_SIZE, EPOCHS, ROWS = 4, 10, 12
STEPS = EPOCHS * -(-ROWS // BATCH_SIZE)
SHARE_BEHIND_A_STEP = 3 / 4
PATIENCE_SECONDS = 600.0
AZURE = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "NODE_RANK": "0"}
"""What Azure tells a node; port 0 is any that is free."""
CONTINUITY = re.compile(
    r"Continuity: (?:step (\d+), before the interruption: training loss=(\S+); )?"
    r"step (\d+), behind it: training loss=(\S+?)(?: \((\S+) when it was trained before\))?"
)


class Running(Protocol):
    """A start of the command."""

    def send(self, number: int) -> None: ...

    def ended(self) -> bool: ...

    def wait(self) -> int: ...


class Plain:
    """`localft train` on one process: a fork of this one, see `soak_checkpoints.py`."""

    name = "localft train"

    def __init__(self, place: Path, run: Path, log: Path) -> None:
        arguments = shlex.split(azure_command(Machines(), str(run)).removeprefix(PLAIN))
        self._child = Child(arguments, log, lambda: os.chdir(place))

    def send(self, number: int) -> None:
        if not self.ended():
            os.kill(self._child.pid, number)

    def ended(self) -> bool:
        return self._child.ended()

    def wait(self) -> int:
        return self._child.wait()


class Launched:
    """`accelerate launch ... -m localft train` with its two processes."""

    name = "accelerate launch"

    def __init__(self, place: Path, run: Path, log: Path) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash", "-c", azure_command(Machines(gpus_per_node=2), "$RUN")],
                cwd=place,
                env={**environment(place, 0), **AZURE, "RUN": str(run)},
                stdout=output,
                stderr=output,
            )

    def send(self, number: int) -> None:
        send(self._process.pid, number)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self) -> int:
        try:
            return self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            return self._process.wait()


@dataclass
class Tally:
    """What happened to one form of the command."""

    killed: int = 0
    terminated: int = 0
    saved_by_a_signal: int = 0
    """Runs whose newest checkpoint, behind SIGTERM, was of the last step in results.csv."""
    before_the_first_step: int = 0
    resumed: int = 0
    """Starts that told of their continuity."""
    runs: int = 0
    failures: list[str] = field(default_factory=list)


class Spot:
    """One form of the command, its undisturbed run, and one that is interrupted."""

    def __init__(self, form: type[Plain] | type[Launched], place: Path) -> None:
        self.form = form
        self.place = place
        self.log = place / "log"
        self.whole, self.run = place / "whole", place / "run"
        place.mkdir(parents=True)
        write_chats(place / "train.jsonl", "train", ROWS)
        write_chats(place / "valid.jsonl", "valid", 6)
        recipe = {
            "model": "localft/tiny-llama",
            "training_file": "train.jsonl",
            "seed": 7,
            "lora": {"dropout": 0.1},  # makes the state of the random generators matter
            "execution": {"checkpoint_minutes": 0.005},  # some between the ends of epochs
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": {"batch_size": BATCH_SIZE, "n_epochs": EPOCHS}},
            },
        }
        (place / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
        started = time.monotonic()
        code = self.start(self.whole).wait()
        if code != 0:
            sys.exit(f"expected the undisturbed run to end well, found exit {code}: {self.said()[-2000:]}")
        self.seconds = time.monotonic() - started
        self.losses = {row.step: number(row.metrics["train_loss"]) for row in read_results(self.whole / "results.csv")}

    def start(self, run: Path) -> Running:
        return self.form(self.place, run, self.log)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def interrupt(self, points: int, dice: random.Random) -> Tally:
        """Interrupts and starts again until there were enough of it; each run that ends is compared and a new one begun."""
        tally = Tally()
        while True:
            running = self.start(self.run)
            last = tally.killed + tally.terminated >= points
            sent = None if last else self._interrupt(running, dice)
            code = running.wait()
            if "SIGABRT" in self.said() or "terminate called" in self.said() or code == -signal.SIGABRT:
                tally.failures.append(f"{self.form.name}: a process aborted: {self.said()[-1500:]}")
            if code == 0:
                tally.failures += self._check(tally)
                tally.runs += 1
                shutil.rmtree(self.run)
                if last:
                    return tally
            elif sent is None:
                tally.failures.append(f"{self.form.name}: exit {code} without an interruption: {self.said()[-1500:]}")
                return tally
            else:
                self._count(tally, sent)

    def _interrupt(self, running: Running, dice: random.Random) -> int | None:
        """Sends one signal, unless the command ends before; returns it."""
        chosen = dice.choice([signal.SIGTERM, signal.SIGKILL])
        done = self._rows()
        if dice.random() < SHARE_BEHIND_A_STEP and done < STEPS - 1:
            behind = dice.randrange(done + 1, STEPS)
            while not running.ended() and self._rows() < behind:
                time.sleep(0.002)
            time.sleep(dice.uniform(0.0, 0.05))
        else:
            deadline = time.monotonic() + dice.uniform(0.0, self.seconds)
            while not running.ended() and time.monotonic() < deadline:
                time.sleep(0.002)
        if running.ended():
            return None
        running.send(chosen)
        return int(chosen)

    def _rows(self) -> int:
        """Steps in results.csv that will not be done again."""
        results = self.run / "results.csv"
        return max(results.read_text().count("\n") - 1, 0) if results.exists() else 0

    def _count(self, tally: Tally, sent: int) -> None:
        from localft.training import checkpoints

        rows = self._rows()
        tally.before_the_first_step += rows == 0
        if sent == signal.SIGKILL:
            tally.killed += 1
            return
        tally.terminated += 1
        tally.saved_by_a_signal += rows > 0 and checkpoints.all_steps(self.run)[-1:] == [rows]

    def _check(self, tally: Tally) -> Iterator[str]:
        """What is not as in the undisturbed run, or was not told of the way there."""
        name = self.form.name
        for file in ("results.csv", "model/adapter_model.safetensors"):
            if (self.run / file).read_bytes() != (self.whole / file).read_bytes():
                yield f"{name}: {file} is not the undisturbed run's"
        for event in read_events(self.run / "events.jsonl"):
            told = CONTINUITY.fullmatch(event.message)
            if told is None:
                continue
            tally.resumed += 1
            before, loss_before, behind, loss_behind, once = told.groups()
            expected = self.losses[int(behind)]
            if loss_behind != expected or once not in (None, expected):
                yield f"{name}: expected the loss {expected} at step {behind}, found: {event.message}"
            if before is not None and loss_before != self.losses[int(before)]:
                yield f"{name}: expected the loss {self.losses[int(before)]} at step {before}, found: {event.message}"


def soak(points: int, seed: int) -> tuple[str, list[str]]:
    """Returns the table and what did not hold."""
    dice = random.Random(seed)
    lines = [
        "| command | SIGKILL | SIGTERM | of these saved first | before a step | went on, losses told | runs ended | differ |",
        "|---" * 8 + "|",
    ]
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as directory:
        import_once(Path(directory) / "home")
        for place, form in enumerate((Plain, Launched)):
            tally = Spot(form, Path(directory) / str(place)).interrupt(points, dice)
            failures += tally.failures
            lines.append(
                f"| {form.name} | {tally.killed} | {tally.terminated} | {tally.saved_by_a_signal} "
                f"| {tally.before_the_first_step} | {tally.resumed} | {tally.runs} | {len(tally.failures)} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines), failures


def page(table: str, failures: list[str], seconds: float) -> str:
    outcome = "\n".join(f"- {failure}" for failure in failures) or "Nothing failed."
    return f"""# Machines taken away

Written by `scripts/soak spot --write`; what is done stands in the first lines of `scripts/soak_spot.py`.

{circumstances(seconds)}

Each run has {STEPS} steps and a checkpoint every {STEPS // EPOCHS}, and where the last one is 0.3 seconds old. "Before a step"
counts interruptions of runs without a step in results.csv; "differ" what was not as in the undisturbed run, byte for byte, or
was not told.

{table}

{outcome}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10, help="interruptions of each form")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    started = time.monotonic()
    table, failures = soak(options.points, options.seed)
    text = page(table, failures, time.monotonic() - started)
    conclude(text, failures, PAGE if options.write else None)


if __name__ == "__main__":
    main()
