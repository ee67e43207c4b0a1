#!/usr/bin/env python3
"""Kills real `localft train` runs at random, damages their checkpoints, fills their disk, and shows that none is lost.

    scripts/soak checkpoints                    60 kills, prints a table; a quarter of an hour on two cores
    scripts/soak checkpoints --kills 200        more
    scripts/soak checkpoints --write            writes docs/soak/checkpoints.md too

Every trial is the same: one training of a tiny model, LoRA or QLoRA, is never disturbed; another one of the same recipe is,
and the same command is given again until it ends. Then results.csv and the adapter have to be the same bytes. A third of the
kills is aimed inside a save, by watching for its staging directory. The dice are seeded; where a kill lands is the clock's.

Importing the libraries takes longer than the whole tiny training. So this process imports them once, and each `localft train`
is a fork of it that runs the command line from its first word on. It has to stay free of threads: no training runs here.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "soak" / "checkpoints.md"
CASES: dict[str, str] = {"LoRA": "none", "QLoRA (NF4)": "nf4"}
ROWS, BATCH_SIZE, EPOCHS = 12, 4, 5
STEPS = EPOCHS * -(-ROWS // BATCH_SIZE)
PATIENCE_SECONDS = 300.0
SHARE_IN_SAVE = 1 / 3
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "safetensors")
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


@dataclass
class Tally:
    """What happened to one case."""

    kills: int = 0
    inside_save: int = 0
    before_first_checkpoint: int = 0
    runs: int = 0
    torn: int = 0
    """Checkpoints with a name that did not verify behind a kill."""
    most_steps_lost: int = 0
    failures: list[str] = field(default_factory=list)


class Case:
    """One recipe, its undisturbed run, and the way to start the command again."""

    def __init__(self, name: str, quantization: str, place: Path) -> None:
        self.name = name
        self.place = place
        place.mkdir(parents=True)
        write_chats(place / "train.jsonl", "train", ROWS)
        write_chats(place / "valid.jsonl", "valid", 6)
        self.recipe = {
            "model": "localft/tiny-llama",
            "training_file": str(place / "train.jsonl"),
            "validation_file": str(place / "valid.jsonl"),
            "seed": 7,
            "lora": {"dropout": 0.1},  # makes the state of the random generators matter
            "quantization": quantization,
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": {"batch_size": BATCH_SIZE, "n_epochs": EPOCHS}},
            },
        }
        (place / "recipe.yaml").write_text(json.dumps(self.recipe), encoding="utf-8")
        self.whole = place / "whole"
        self.seconds = 0.0

    def run_undisturbed(self) -> None:
        started = time.monotonic()
        code = self.start(self.whole).wait()
        assert code == 0, self.log(self.whole)
        self.seconds = time.monotonic() - started

    def start(self, run: Path, before: Callable[[], None] | None = None) -> Child:
        arguments = ["train", str(self.place / "recipe.yaml"), "--output-dir", str(run)]
        return Child(arguments, self._log_file(run), before)

    def log(self, run: Path) -> str:
        return self._log_file(run).read_text(errors="replace")

    def _log_file(self, run: Path) -> Path:
        return self.place / f"{run.name}.log"  # not beside a run on a disk that is full

    def check(self, run: Path) -> Iterator[str]:
        """What is not as in the undisturbed run."""
        for name in ("results.csv", "model/adapter_model.safetensors"):
            if not (run / name).exists() or (run / name).read_bytes() != (self.whole / name).read_bytes():
                yield f"{self.name}: {run.name}/{name} is not the undisturbed run's"
        if json.loads((run / "job.json").read_text())["status"] != "succeeded":
            yield f"{self.name}: {run.name}/job.json does not say succeeded"
        for left in run.glob(".*"):
            yield f"{self.name}: {run.name}/{left.name} was left behind"


class Child:
    """`localft` with these arguments in a fork of this process; what it says goes to a file."""

    def __init__(self, arguments: list[str], log: Path, before: Callable[[], None] | None) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                os.dup2(handle, 1)
                os.dup2(handle, 2)
                code = _command_line(arguments, before)
            finally:
                os._exit(code)

    def ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is not None

    def wait(self) -> int:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.ended():
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.005)
        assert self.code is not None
        return self.code

    def kill(self) -> None:
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _command_line(arguments: list[str], before: Callable[[], None] | None) -> int:
    from localft.cli.main import run

    try:
        if before is not None:
            before()
        run(arguments)
    except SystemExit as error:
        sys.stdout.flush()
        sys.stderr.flush()
        return error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    return 70


# --- kills


def kill_at_random(case: Case, kills: int, dice: random.Random) -> Tally:
    """Kills and starts again until there were enough kills; each run that ends is compared and a new one begun."""
    from localft.training import checkpoints

    tally = Tally()
    run = case.place / "killed"
    while True:
        last = tally.kills >= kills
        child = case.start(run)
        if not last:
            aimed = tally.inside_save < SHARE_IN_SAVE * (tally.kills + 1)
            (_kill_in_save if aimed else _kill_any_time)(child, case, run, dice)
        if child.wait() != -signal.SIGKILL:
            tally.runs += 1
            found = [f"{case.name}: exit {child.code}: {case.log(run)[-400:]}"] if child.code else [*case.check(run)]
            tally.failures += found
            shutil.rmtree(run)
            if last:
                return tally
            continue
        tally.kills += 1
        tally.inside_save += any(run.glob(".staging-*"))
        steps = checkpoints.all_steps(run)
        tally.before_first_checkpoint += not steps
        skipped: list[str] = []
        newest = checkpoints.newest_valid(run, skipped.append)
        tally.torn += len(skipped)
        rows = run / "results.csv"
        done = rows.read_text().count("\n") - 1 if rows.exists() else 0
        saved = checkpoints.read_state(newest).step if newest else 0
        tally.most_steps_lost = max(tally.most_steps_lost, done - saved)


def _kill_any_time(child: Child, case: Case, run: Path, dice: random.Random) -> None:
    deadline = time.monotonic() + dice.uniform(0.0, 1.1 * case.seconds)
    while not child.ended() and time.monotonic() < deadline:
        time.sleep(0.001)
    child.kill()


def _kill_in_save(child: Child, case: Case, run: Path, dice: random.Random) -> None:
    """Waits for a save, and kills a moment of up to a save's length into it."""
    saves_to_pass, seen = dice.randrange(3), set()
    while not child.ended():
        seen.update(path.name for path in run.glob(".staging-*"))
        if len(seen) > saves_to_pass:
            time.sleep(dice.uniform(0.0, 0.04))
            child.kill()
            return
        time.sleep(0.0005)


# --- damage


def _flip(path: Path, dice: random.Random) -> None:
    data = bytearray(path.read_bytes())
    bit = dice.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def _cut(path: Path, dice: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: dice.randrange(1, path.stat().st_size)])


DAMAGES: dict[str, Callable[[Path, random.Random], Any]] = {
    "missing": lambda path, dice: path.unlink(),
    "cut short": _cut,
    "one byte short": lambda path, dice: path.write_bytes(path.read_bytes()[:-1]),
    "zero length": lambda path, dice: path.write_bytes(b""),
    "one bit flipped": _flip,
    "one byte longer": lambda path, dice: path.write_bytes(path.read_bytes() + b"\0"),
    "a file beside it": lambda path, dice: (path.parent / (path.name + ".bak")).write_bytes(path.read_bytes()),
}


def damage_matrix(case: Case, dice: random.Random) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Each file of the newest checkpoint in each way: how often it was named and the one before used, of how many."""
    from localft.training import checkpoints

    run, table, failures = case.place / "damaged", {}, []
    before, newest = checkpoints.all_steps(case.whole)[-2:]
    for step in (before, newest):
        shutil.copytree(case.whole / f"checkpoint-{step}", run / f"checkpoint-{step}")
    names = sorted(path.name for path in (run / f"checkpoint-{newest}").iterdir())
    for kind, damage in DAMAGES.items():
        found = 0
        for name in names:
            damage(run / f"checkpoint-{newest}" / name, dice)
            said: list[str] = []
            used = checkpoints.newest_valid(run, said.append)
            if used == run / f"checkpoint-{before}" and len(said) == 1 and name in said[0]:
                found += 1
            else:
                failures.append(f"{case.name}: {name}, {kind}: used {used}, said {said}")
            shutil.rmtree(run / f"checkpoint-{newest}")
            shutil.copytree(case.whole / f"checkpoint-{newest}", run / f"checkpoint-{newest}")
        table[kind] = (found, len(names))
    shutil.rmtree(run)
    return table, failures


def resumed_behind_damage(case: Case, runs: int, dice: random.Random) -> tuple[int, list[str]]:
    """The real command on a run whose newest checkpoint is damaged; in the last one, all of them are."""
    from localft.training import checkpoints

    run, failures = case.place / "resumed", []
    for number in range(runs):
        shutil.copytree(case.whole, run)
        job = json.loads((run / "job.json").read_text())
        (run / "job.json").write_text(json.dumps({**job, "status": "running", "finished_at": None}))
        shutil.rmtree(run / "model")
        every = number == runs - 1
        steps = checkpoints.all_steps(run)
        for step in steps if every else steps[-1:]:
            files = sorted((run / f"checkpoint-{step}").iterdir())
            DAMAGES[dice.choice(list(DAMAGES))](dice.choice(files), dice)
        code, said = case.start(run).wait(), case.log(run)
        expected = "from the start, as it has no checkpoint that is whole" if every else f"from checkpoint-{steps[-2]}"
        failures += [*case.check(run)] if code == 0 else [f"{case.name}: exit {code}: {said[-400:]}"]
        if expected not in said or f"Skipped checkpoint-{steps[-1]}" not in said:
            failures.append(f"{case.name}: expected `{expected}` to be said, found {said[-400:]}")
        shutil.rmtree(run)
    return runs, failures


# --- a full disk


def full_disks(case: Case, sizes: int, dice: random.Random) -> tuple[int, list[str]] | None:
    """A disk in memory too small for the run, once seen beforehand and else run into; then it grows. None: not allowed here."""
    answer = case.place / "full.json"
    pid = os.fork()
    if pid == 0:
        try:
            result = _on_small_disks(case, sizes, dice)
            answer.write_text(json.dumps(result))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    if not answer.exists():
        return None
    trials, failures = json.loads(answer.read_text())
    return trials, failures


def _on_small_disks(case: Case, sizes: int, dice: random.Random) -> tuple[int, list[str]]:
    from localft.training import checkpoints, disk_space

    disk, failures = case.place / "disk", []
    disk.mkdir()
    _own_mounts()
    checkpoint = sum(path.stat().st_size for path in (case.whole / f"checkpoint-{STEPS}").iterdir())
    run = disk / "run"

    def look_at_nothing_beforehand() -> None:
        disk_space.shortage = lambda *given: None  # type: ignore[assignment]

    for number in range(sizes):
        size = dice.randrange(checkpoint // 10, 7 * checkpoint // 2)
        _mount(disk, size)
        code = case.start(run, look_at_nothing_beforehand if number else None).wait()
        said = case.log(run)
        if code != 1 or said.count("the disk is full") != 1 or "Traceback" in said:
            failures.append(f"{case.name}: disk of {size} bytes: exit {code}: {said[-400:]}")
        if [*run.glob(".staging-*")]:
            failures.append(f"{case.name}: disk of {size} bytes: staging was left")
        if json.loads((run / "job.json").read_text())["status"] != "failed":
            failures.append(f"{case.name}: disk of {size} bytes: job.json does not say failed")
        checkpoints.newest_valid(run, failures.append)
        _mount(disk, 1 << 30, again=True)
        code = case.start(run).wait()
        failures += (
            [*case.check(run)] if code == 0 else [f"{case.name}: grown disk: exit {code}: {case.log(run)[-400:]}"]
        )
        _system(_libc().umount2(os.fsencode(disk), 2))
    return sizes, failures


def _own_mounts() -> None:
    """A user and mount namespace of its own, as `unshare -rm`: no rights outside, and all is gone when it ends."""
    user, group = os.getuid(), os.getgid()
    _system(_libc().unshare(CLONE_NEWUSER | CLONE_NEWNS))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _mount(directory: Path, size: int, *, again: bool = False) -> None:
    remount = 32 if again else 0
    _system(_libc().mount(b"tmpfs", os.fsencode(directory), b"tmpfs", remount, f"size={size}".encode()))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _system(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# --- all of it


def soak(kills: int, *, seed: int, resumes: int, disks: int) -> tuple[str, list[str]]:
    """Runs all trials; returns the tables and what did not hold."""
    dice = random.Random(seed)
    kill_rows, damage_rows, more_rows, failures = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as directory:
        import_once(Path(directory) / "home")
        for number, (name, quantization) in enumerate(CASES.items()):
            case = Case(name, quantization, Path(directory) / str(number))
            case.run_undisturbed()
            share = kills // len(CASES) + (number < kills % len(CASES))
            tally = kill_at_random(case, share, dice)
            failures += tally.failures + [f"{name}: {tally.torn} torn checkpoints had a name"] * bool(tally.torn)
            kill_rows.append(
                f"| {name} | {tally.kills} | {tally.inside_save} | {tally.before_first_checkpoint} | {tally.torn} "
                f"| {tally.most_steps_lost} | {tally.runs} | {len(tally.failures)} |"
            )
            print(kill_rows[-1], flush=True)
            matrix, missed = damage_matrix(case, dice)
            damage_rows += [f"| {name} | {kind} | {found} of {files} |" for kind, (found, files) in matrix.items()]
            failures += missed
            trials, missed = resumed_behind_damage(case, resumes, dice)
            more_rows.append(f"| {name} | the same command behind a damaged checkpoint | {trials} | {len(missed)} |")
            failures += missed
            full = full_disks(case, disks, dice) if disks else (0, [])
            trials, missed = full or (0, [])
            note = "a full disk, and the same command behind it" + ("" if full else " (no small disk can be had here)")
            more_rows.append(f"| {name} | {note} | {trials} | {len(missed)} |")
            failures += missed
            print(*more_rows[-2:], sep="\n", flush=True)
    header = "| case | kills | inside a save | before a checkpoint | torn | most steps lost | runs ended | differ |"
    tables = [
        "\n".join([header, "|---" * 8 + "|", *kill_rows]),
        "\n".join(["| case | damage of each file | named and skipped |", "|---" * 3 + "|", *damage_rows]),
        "\n".join(["| case | trial | times | failed |", "|---" * 4 + "|", *more_rows]),
    ]
    return "\n\n".join(tables), failures


def import_once(home: Path) -> None:
    """Imports what a training needs, on one thread, and runs nothing of it."""
    os.environ.update(LOCALFT_HOME=str(home), OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import bitsandbytes  # noqa: F401
    import torch
    from transformers.models.llama import modeling_llama  # noqa: F401

    import localft.cli.train
    import localft.training.engine
    import localft.training.token_store  # noqa: F401

    torch.set_num_threads(1)


def page(tables: str, failures: list[str], seconds: float) -> str:
    outcome = "\n".join(f"- {failure}" for failure in failures) or "Nothing failed."
    return f"""# Checkpoints under fire

Written by `scripts/soak checkpoints --write`; what the trials are stands in the first lines of `scripts/soak_checkpoints.py`.

{circumstances(seconds)}

Each run has {STEPS} steps and a checkpoint every {STEPS // EPOCHS}. "Differ" counts runs whose results.csv or adapter is not,
byte for byte, the undisturbed run's; "torn" counts checkpoints that had a name and were not whole.

{tables}

{outcome}
"""


def circumstances(seconds: float) -> str:
    """When, how long, on what machine and with which versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{date.today()}, {seconds / 60:.0f} minutes on {platform.machine()} ({os.cpu_count()} cores, no GPU), Python\n"
        f"{platform.python_version()}, {versions}."
    )


def write_chats(file: Path, word: str, count: int) -> None:
    """A valid file of short chats."""
    file.write_text("".join(_chat(f"{word} {number}") for number in range(count)), encoding="utf-8")


def _chat(question: str) -> str:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": f"{question}, you said."}]
    return json.dumps({"messages": messages}) + "\n"


def conclude(text: str, failures: Sequence[str], target: Path | None) -> NoReturn:
    """Prints the page, keeps it at the target if there is one, and exits with 1 where something did not hold."""
    print(text)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    sys.exit(1 if failures else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--resumes", type=int, default=4, help="resumes behind damage, for each case")
    parser.add_argument("--disks", type=int, default=4, help="full disks, for each case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    started = time.monotonic()
    tables, failures = soak(options.kills, seed=options.seed, resumes=options.resumes, disks=options.disks)
    text = page(tables, failures, time.monotonic() - started)
    conclude(text, failures, PAGE if options.write else None)


if __name__ == "__main__":
    main()
