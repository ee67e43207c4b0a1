#!/usr/bin/env python3
"""Kills `localft worker` (-9) at random points of jobs, alone or with all that it started, and starts it again.

    scripts/soak worker                  20 kills, prints a table; a quarter of an hour on two cores
    scripts/soak worker --kills 2        fewer
    scripts/soak worker --write          writes docs/soak/worker.md too

Points are drawn from the whole of a job: before its process is there, while it loads, behind a step that is drawn, while it is
settled. Half of the kills take the worker alone, whose training goes on without it; the other half take the worker and the
training at one time, as a machine that loses its power does. Now and then the worker is killed again as soon as it is back.

Each job has to end `succeeded`, with the results.csv of `localft train` on the same rows and seed, byte for byte, each event of
its run once and in order, and nothing claimed that no process holds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from localft.jobs.events import read_events
from localft.jobs.run_directory import RunDirectory
from localft.jobs.store import JobRequest, Store, StoredJob
from localft.worker import processes
from soak_checkpoints import ROOT, circumstances, conclude, write_chats

PAGE = ROOT / "docs" / "soak" / "worker.md"
BATCH_SIZE, EPOCHS, ROWS = 4, 8, 12
STEPS = EPOCHS * -(-ROWS // BATCH_SIZE)
SHARE_BEHIND_A_STEP = 0.5
SHARE_WITH_TRAINING = 0.5
SHARE_AGAIN_AT_ONCE = 0.2
PATIENCE_SECONDS = 600.0
MODEL, SEED = "localft/tiny-llama", 7
DROPOUT = {"lora": {"dropout": 0.1}, "execution": {"checkpoint_minutes": 0.005}}
"""Makes the state of the random generators matter, and saves between the ends of epochs."""


@dataclass
class Tally:
    """What was done, and what did not hold."""

    alone: int = 0
    with_training: int = 0
    before_the_run: int = 0
    """Kills before the run directory had a job.json."""
    adopted: int = 0
    """Workers that found the training of the one before alive."""
    jobs: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.alone + self.with_training


class Worker:
    """`localft worker` on a store."""

    def __init__(self, home: Path) -> None:
        with (home / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "localft", "worker"],
                env={**os.environ, "LOCALFT_HOME": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS)


def undisturbed(place: Path) -> tuple[bytes, float]:
    """results.csv of `localft train`, and the seconds that it took."""
    recipe = place / "recipe.yaml"
    knobs = {"batch_size": BATCH_SIZE, "n_epochs": EPOCHS}
    method = {"type": "supervised", "supervised": {"hyperparameters": knobs}}
    values = {"model": MODEL, "training_file": "train.jsonl", "seed": SEED, "method": method, **DROPOUT}
    recipe.write_text(json.dumps(values), encoding="utf-8")
    started = time.monotonic()
    command = [sys.executable, "-m", "localft", "train", recipe.name, "--output-dir", "whole"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, env=os.environ)
    if done.returncode != 0:
        sys.exit(f"expected the undisturbed run to end well, found exit {done.returncode}: {done.stderr[-2000:]}")
    return (place / "whole" / "results.csv").read_bytes(), time.monotonic() - started


def new_job(store: Store, place: Path) -> StoredJob:
    with store.files.writer("train.jsonl", "fine-tune") as writer:
        writer.write((place / "train.jsonl").read_bytes())
        file = writer.commit()
    knobs = {"batch_size": BATCH_SIZE, "n_epochs": EPOCHS}
    return store.jobs.create(JobRequest(MODEL, file.id, seed=SEED, hyperparameters=knobs, recipe=DROPOUT))


def is_over(stored: StoredJob) -> bool:
    return stored.job.status in ("succeeded", "failed", "cancelled") and not stored.claimed


def rows_of(stored: StoredJob) -> int:
    results = RunDirectory(stored.directory).results_file
    return max(results.read_text().count("\n") - 1, 0) if results.is_file() else 0


def wait_for_a_point(store: Store, id: str, seconds: float, dice: random.Random) -> bool:
    """Waits until a point that is drawn; says whether the job was not over by then."""
    done = rows_of(store.jobs.get(id))
    behind = dice.randrange(done + 1, STEPS + 1) if done < STEPS and dice.random() < SHARE_BEHIND_A_STEP else None
    deadline = time.monotonic() + (PATIENCE_SECONDS if behind is not None else dice.uniform(0.0, seconds))
    while time.monotonic() < deadline:
        stored = store.jobs.get(id)
        if is_over(stored):
            return False
        if behind is not None and rows_of(stored) >= behind:
            break
        time.sleep(0.01)
    time.sleep(dice.uniform(0.0, 0.05))
    return not is_over(store.jobs.get(id))


def kill(store: Store, worker: Worker, id: str, tally: Tally, dice: random.Random) -> None:
    stored = store.jobs.get(id)
    tally.before_the_run += not RunDirectory(stored.directory).job_file.is_file()
    together = dice.random() < SHARE_WITH_TRAINING
    worker.kill()
    if together:
        processes.kill_all_of_job(stored.job.hex)
        tally.with_training += 1
    else:
        tally.alone += 1
        stored = store.jobs.get(id)
        tally.adopted += stored.process is not None and processes.lives(stored.process)


def check(store: Store, id: str, expected: bytes) -> Iterator[str]:
    """What is not as it has to be."""
    stored = store.jobs.get(id)
    if stored.job.status != "succeeded":
        yield f"{id} is {stored.job.status}: {stored.job.error}"
        return
    run = RunDirectory(stored.directory)
    if run.results_file.read_bytes() != expected:
        yield f"{id}: results.csv is not the undisturbed run's"
    told = [event.id for event in store.jobs.events(id, limit=100_000).items][::-1]
    written = [event.id for event in read_events(run.events_file)]
    if [event for event in told if event in set(written)] != written:
        yield f"{id}: the store's events are not those of events.jsonl, in order and once"
    if stored.process is not None or stored.wish is not None:
        yield f"{id} is over and has a process or a wish"
    if store.database.connection().execute("PRAGMA integrity_check").fetchone()[0] != "ok":
        yield "the database is damaged"


def soak(kills: int, seed: int) -> tuple[str, list[str]]:
    """Returns the table and what did not hold."""
    dice, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as directory:
        place, home = Path(directory), Path(directory) / "home"
        write_chats(place / "train.jsonl", "train", ROWS)
        expected, seconds = undisturbed(place)
        with Store.open(home) as store:
            while tally.kills < kills:
                _one_job(store, place, kills, seconds, tally, dice)
                tally.failures += check(store, store.jobs.page(limit=1).items[0].id, expected)
                tally.jobs += 1
            print(f"{tally.kills} kills, {tally.jobs} jobs", flush=True)
    lines = [
        "| worker alone | with the training | before the run began | training adopted | jobs ended | differ |",
        "|---" * 6 + "|",
        f"| {tally.alone} | {tally.with_training} | {tally.before_the_run} | {tally.adopted} | {tally.jobs} "
        f"| {len(tally.failures)} |",
    ]
    return "\n".join(lines), tally.failures


def _one_job(store: Store, place: Path, kills: int, seconds: float, tally: Tally, dice: random.Random) -> None:
    """Until it is over: a worker, a point, a kill. The last worker is left alone and stopped behind the job."""
    job = new_job(store, place)
    while True:
        worker = Worker(store.home)
        again = 0.5 if dice.random() < SHARE_AGAIN_AT_ONCE else seconds
        if tally.kills < kills and wait_for_a_point(store, job.id, again, dice):
            kill(store, worker, job.id, tally, dice)
            continue
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_over(store.jobs.get(job.id)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if (code := worker.stop()) != 0:
            tally.failures.append(f"the worker ended with {code}: {(store.home / 'worker.log').read_text()[-1500:]}")
        return


def page(table: str, failures: list[str], seconds: float) -> str:
    outcome = "\n".join(f"- {failure}" for failure in failures) or "Nothing failed."
    return f"""# Workers killed

Written by `scripts/soak worker --write`; what is done stands in the first lines of `scripts/soak_worker.py`.

{circumstances(seconds)}

Each job has {STEPS} steps and a checkpoint every {STEPS // EPOCHS}, and where the last one is 0.3 seconds old. "Differ" counts
what was not as in the undisturbed run, byte for byte, or was told twice or not at all.

{table}

{outcome}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
    started = time.monotonic()
    table, failures = soak(options.kills, options.seed)
    conclude(page(table, failures, time.monotonic() - started), failures, PAGE if options.write else None)


if __name__ == "__main__":
    main()
