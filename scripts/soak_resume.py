#!/usr/bin/env python3
"""Starts a run of a million rows again at 90 % of its epoch, with the real `localft train`, and times the way to its next step.

    scripts/soak resume                    a million rows, prints a table; some minutes on two cores
    scripts/soak resume --rows 10000       fewer
    scripts/soak resume --write            writes docs/soak/resume.md too

The data file is written in full, and each start validates and hashes all of it. Two things are not waited for: the token store
is filled with the tokens of the first thousand rows, again and again, instead of tokenising a million; and the run is
interrupted behind its first step, then its checkpoint is set forward to 90 %: its own number, the trainer's and the
scheduler's. What a restart has to do depends on neither.

Each `localft train` is a fork of this process, as in `soak_checkpoints.py`, so importing the libraries is not in the seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from soak_checkpoints import ROOT, Child, circumstances, conclude, import_once

PAGE = ROOT / "docs" / "soak" / "resume.md"
BATCH_SIZE = 256
TOKENISED = 1000
"""Rows that are really tokenised; the number of rows is a multiple of it."""
INTERRUPTED = 75
ANSWER = (
    "An answer of the length that answers have: it says one thing, then another one, and names a number in passing."
)


class Run:
    """A run of many rows: its data, its recipe, and the command that starts it, the first time and again."""

    def __init__(self, place: Path, rows: int) -> None:
        self.rows, self.steps = rows, -(-rows // BATCH_SIZE)
        self.data, self.directory, self.log = place / "train.jsonl", place / "run", place / "log"
        with self.data.open("w", encoding="utf-8") as file:
            file.writelines(_chat(number) for number in range(rows))
        self._recipe = place / "recipe.yaml"
        knobs = {"batch_size": BATCH_SIZE, "n_epochs": 1}
        recipe = {
            "model": "localft/tiny-llama",
            "training_file": str(self.data),
            "output_dir": str(self.directory),
            "seed": 7,
            "method": {"type": "supervised", "supervised": {"hyperparameters": knobs}},
        }
        self._recipe.write_text(json.dumps(recipe), encoding="utf-8")

    def one_step(self, before: Callable[[], None]) -> None:
        """Runs the command up to the end of its first step."""
        code = Child(["train", str(self._recipe)], self.log, before).wait()
        if code != INTERRUPTED:
            sys.exit(f"expected exit {INTERRUPTED}, found {code}: {self.log.read_text(errors='replace')[-2000:]}")

    def steps_done(self) -> list[int]:
        lines = (self.directory / "results.csv").read_text().splitlines()[1:]
        return [int(line.partition(",")[0]) for line in lines]


def begin(rows: int) -> None:
    """In the first run: fills the token store from few rows, and interrupts behind the first step."""
    from localft.training import token_store

    real = token_store.survey_rows

    def few(examples: Iterable[Any], tokenizer: Any, *, statistics: Any, **options: Any) -> Iterator[Any]:
        first = list(real(islice(examples, TOKENISED), tokenizer, statistics=statistics, **options))
        for name in ("rows", "examples", "tokens", "trained_tokens"):
            setattr(statistics, name, getattr(statistics, name) * (rows // TOKENISED))
        for index in range(rows):
            yield replace(first[index % TOKENISED], line=index + 1)

    token_store.survey_rows = few
    _at_first_step(lambda: None)


def set_forward(run: Run, step: int) -> None:
    """Makes the newest checkpoint one of a later step."""
    import torch

    from localft.training import checkpoints
    from localft.training.trainer import TRAINER_STATE

    newest = checkpoints.newest_valid(run.directory, print)
    assert newest is not None, "the first run left a checkpoint"
    state = checkpoints.read_state(newest)
    with checkpoints.staged(checkpoints.checkpoint_path(run.directory, step)) as staging:
        shutil.copytree(newest, staging, dirs_exist_ok=True)
        (staging / checkpoints.MANIFEST).unlink()
        trainer = json.loads((staging / TRAINER_STATE).read_text())
        trainer.update(global_step=step, epoch=step / run.steps)
        (staging / TRAINER_STATE).write_text(json.dumps(trainer))
        scheduler = torch.load(staging / "scheduler.pt", weights_only=True)
        scheduler.update(last_epoch=step, _step_count=step + 1)
        torch.save(scheduler, staging / "scheduler.pt")
        checkpoints.write_state(staging, replace(state, step=step))
    checkpoints.discard(newest)


def measure(answer: Path) -> None:
    """In the resumed run: writes what happened until the first step begins, and interrupts behind it."""
    from localft.runner import preparation
    from localft.training import engine
    from localft.training.token_store import TokenStore

    found: dict[str, float] = {"rows": 0}
    started = time.perf_counter()

    def timed(module: Any, name: str) -> None:
        real = getattr(module, name)

        def around(*args: Any, **options: Any) -> Any:
            before = time.perf_counter()
            try:
                return real(*args, **options)
            finally:
                found[name] = found.get(name, 0.0) + time.perf_counter() - before
                found[f"{name} ended"], found[f"{name} memory"] = time.perf_counter(), _memory_mib()

        setattr(module, name, around)

    def counted(name: str) -> None:
        real = getattr(TokenStore, name)

        def around(store: Any, *args: Any) -> Any:
            if "load_base_model ended" in found:  # before that the plan's forecast looks at some steps
                found["rows"] += 1 if args and isinstance(args[0], int) else len(store)
            return real(store, *args)

        setattr(TokenStore, name, around)

    def arrived() -> None:
        now = time.perf_counter()
        found.update(start=now - started, after_load=now - found["load_base_model ended"], memory=_memory_mib())
        answer.write_text(json.dumps(found))

    for module, name in (
        (preparation, "validate_files"),
        (preparation, "make_plan"),
        (preparation, "open_rows"),
        (engine, "load_base_model"),
    ):
        timed(module, name)
    counted("__getitem__")
    counted("__iter__")
    _at_first_step(arrived)


def _at_first_step(act: Callable[[], None]) -> None:
    """Calls `act` when the first step begins, with its rows read, and asks for an end behind it."""
    from localft.training.trainer import StepTrainer

    real = StepTrainer.training_step

    def first(*args: Any, **options: Any) -> Any:
        StepTrainer.training_step = real  # type: ignore[method-assign]
        act()
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*args, **options)

    StepTrainer.training_step = first  # type: ignore[method-assign]


def _memory_mib() -> float:
    """Resident memory of this process without mapped files."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def _chat(number: int) -> str:
    messages = [
        {"role": "user", "content": f"Question {number}: what would you say?"},
        {"role": "assistant", "content": f"{ANSWER} It is {number}."},
    ]
    return json.dumps({"messages": messages}) + "\n"


def soak(rows: int) -> tuple[str, list[str]]:
    """Returns the table and what did not hold."""
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as directory:
        place = Path(directory)
        import_once(place / "home")
        run = Run(place, rows)
        size = run.data.stat().st_size
        run.one_step(lambda: begin(rows))
        print("the run is begun and interrupted", flush=True)
        step = run.steps * 9 // 10
        set_forward(run, step)
        answer = place / "answer.json"
        run.one_step(lambda: measure(answer))
        found = json.loads(answer.read_text())
        failures = []
        if run.steps_done()[-1:] != [step + 1]:
            failures.append(f"the run went on with step {run.steps_done()[-1:]}, expected {step + 1}")
        if found["rows"] != BATCH_SIZE:
            failures.append(
                f"{found['rows']} rows were read from the loaded model to the first step, expected its own {BATCH_SIZE}"
            )
    seconds = {
        "from the command to the first step": found["start"],
        f"- validating {size / 1e6:.0f} MB": found["validate_files"],
        "- the plan, with the file's sha256": found["make_plan"],
        "- opening the token store, with another sha256": found["open_rows"],
        "from the loaded model to the first step": found["after_load"],
    }
    lines = [
        f"| {rows:,} rows in steps of {BATCH_SIZE}, gone on behind step {step:,} of {run.steps:,} | |",
        "|---|---|",
        *(f"| {what} | {value:.1f} s |" for what, value in seconds.items()),
        f"| rows read from the store from there to the first step | {found['rows']:.0f} |",
        f"| memory when the model is loaded | {found['load_base_model memory']:.0f} MiB |",
        f"| memory when the first step begins | {found['memory']:.0f} MiB |",
    ]
    return "\n".join(lines), failures


def page(table: str, failures: list[str], seconds: float) -> str:
    outcome = "\n".join(f"- {failure}" for failure in failures) or "Nothing failed."
    return f"""# Going on with a million rows

Written by `scripts/soak resume --write`; what is measured stands in the first lines of `scripts/soak_resume.py`.

{circumstances(seconds)}

Memory is what the process holds itself, without mapped files, and includes the imported libraries. The lines with a dash are
parts of the one above them; the rest of it is the order of the rows, the model and the checkpoint.

{table}

{outcome}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help=f"a multiple of {TOKENISED}")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.rows < 2 * TOKENISED or options.rows % TOKENISED:
        parser.error(f"--rows is a multiple of {TOKENISED}, at least {2 * TOKENISED}")
    started = time.monotonic()
    table, failures = soak(options.rows)
    text = page(table, failures, time.monotonic() - started)
    conclude(text, failures, PAGE if options.write else None)


if __name__ == "__main__":
    main()
