#!/usr/bin/env python3
"""Trains on two nodes with two processes each, as Azure ML starts them: each launch ends well, with one process's losses.

    scripts/soak launch               ten times each way, prints a table; a quarter of an hour on two cores
    scripts/soak launch --times 1     fewer
    scripts/soak launch --write       writes docs/soak/launch.md too

Both nodes are this machine, on the CPU with gloo; each has a LOCALFT_HOME of its own, and what they share is the run directory.
Azure's part is to set MASTER_ADDR, MASTER_PORT and NODE_RANK, and RANK, LOCAL_RANK and WORLD_SIZE for each process that it
starts. Two ways to get four processes of it:

    accelerate   one process a node, `accelerate launch --multi_gpu`, which starts two each
    platform     two processes a node, each of them the training

Every launch has to exit with 0 on all processes that Azure would see, and each loss in its results.csv to be the one of a
single process, to 1e-5 of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from localft.azure.job import OUTPUT, expression, train_command
from localft.azure.launch import Launcher, Machines, distribution
from soak_checkpoints import ROOT, circumstances, conclude, write_chats

PAGE = ROOT / "docs" / "soak" / "launch.md"
NODES, PER_NODE = 2, 2
TOLERANCE = 1e-5
PATIENCE_SECONDS = 900.0
DATA = {"training_file": "train.jsonl", "validation_file": "valid.jsonl"}


def azure_command(machines: Machines, run: str) -> str:
    """The command of an Azure ML job on these machines, with our files in the place of its inputs and `run` in its output's."""
    command = train_command(machines, "recipe.yaml", {}, bound=DATA)
    return command.replace(expression("outputs", OUTPUT), run)


@dataclass(frozen=True)
class Way:
    """One of the two ways: how many processes Azure starts on a node, and what each of them runs."""

    name: str
    processes_per_node: int
    command: str


def way(launcher: Launcher) -> Way:
    machines = Machines(NODES, PER_NODE, launcher)
    started = distribution(machines)
    assert started is not None, "several processes need one"
    return Way(launcher, started["process_count_per_instance"], azure_command(machines, "$RUN"))


WAYS = (way("accelerate"), way("platform"))


@dataclass
class Tally:
    """What came of the launches of one way."""

    launches: int = 0
    exited_0: int = 0
    largest_difference: float = 0.0
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def make_recipe(place: Path) -> None:
    """18 rows in steps of 6, so that the four processes have shares of different size."""
    write_chats(place / "train.jsonl", "train", 18)
    write_chats(place / "valid.jsonl", "valid", 6)
    recipe = {
        "model": "localft/tiny-llama",
        "training_file": "train.jsonl",
        "validation_file": "valid.jsonl",
        "seed": 7,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 6, "n_epochs": 2}}},
    }
    (place / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")


def environment(place: Path, node: int) -> dict[str, str]:
    """What a process of a node has from this machine: offline, without a GPU, on one core."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")])),
        "LOCALFT_HOME": str(place / f"home-{node}"),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def azure_environments(way: Way) -> Iterator[tuple[int, dict[str, str]]]:
    """The node and the variables of each process that Azure starts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for node in range(NODES):
        for local in range(way.processes_per_node):
            variables = {
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
                "NODE_RANK": node,
                "RANK": node * way.processes_per_node + local,
                "LOCAL_RANK": local,
                "WORLD_SIZE": NODES * way.processes_per_node,
            }
            yield node, {name: str(value) for name, value in variables.items()}


def launch(way: Way, place: Path, run: Path) -> tuple[list[int], str]:
    """Starts all that Azure starts; returns the exit codes and what was said."""
    log = run.with_suffix(".log")
    with log.open("wb") as output:
        processes = [
            subprocess.Popen(
                ["bash", "-c", way.command],
                cwd=place,
                env={**environment(place, node), **azure, "RUN": str(run)},
                stdout=output,
                stderr=output,
            )
            for node, azure in azure_environments(way)
        ]
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        for process in processes:
            send(process.pid, signal.SIGKILL)
        codes = [process.wait() for process in processes]
    return codes, log.read_text(errors="replace")


def send(process: int, number: int) -> None:
    """Signals a process and all below it; a launcher gives each of its own a session, so their group is not enough."""
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(process)
        for one in [top, *top.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)


def metrics(results: Path) -> list[float]:
    """All numbers of results.csv, row by row."""
    cells = results.read_text().replace("\n", ",").split(",")
    return [float(cell) for cell in cells if cell and cell[0] in "0123456789-"]


def try_out(way: Way, times: int, place: Path, alone: list[float]) -> Tally:
    tally = Tally()
    for number in range(times):
        run = place / f"{way.name}-{number}"
        started = time.monotonic()
        codes, said = launch(way, place, run)
        tally.launches += 1
        tally.seconds.append(time.monotonic() - started)
        if any(codes) or "SIGABRT" in said or "terminate called" in said:
            tally.failures.append(f"{way.name}, launch {number + 1}: exit codes {codes}: {said[-1500:]}")
            continue
        tally.exited_0 += 1
        found = metrics(run / "results.csv")
        differences = [abs(a - b) / max(abs(b), 1e-9) for a, b in zip(found, alone, strict=True)]
        tally.largest_difference = max(tally.largest_difference, *differences)
        if max(differences) > TOLERANCE:
            tally.failures.append(f"{way.name}, launch {number + 1}: a metric is {max(differences):.1e} off")
        if json.loads((run / "plan.json").read_text())["execution"]["processes"] != NODES * PER_NODE:
            tally.failures.append(f"{way.name}, launch {number + 1}: not on {NODES * PER_NODE} processes")
        shutil.rmtree(run)
    return tally


def alone(place: Path) -> list[float]:
    """The metrics of the same recipe on one process."""
    run = place / "alone"
    done = subprocess.run(
        ["bash", "-c", azure_command(Machines(), "$RUN")],
        cwd=place,
        env={**environment(place, 0), "RUN": str(run)},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(
            f"expected the training on one process to end well, found exit {done.returncode}: {done.stderr[-2000:]}"
        )
    return metrics(run / "results.csv")


def soak(times: int) -> tuple[str, list[str]]:
    """Returns the table and what did not hold."""
    lines = [
        "| way | launches | all exited with 0 | largest difference of a metric | seconds a launch |",
        "|---|---|---|---|---|",
    ]
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as directory:
        place = Path(directory)
        make_recipe(place)
        expected = alone(place)
        for way in WAYS:
            tally = try_out(way, times, place, expected)
            failures += tally.failures
            seconds = sum(tally.seconds) / len(tally.seconds)
            lines.append(
                f"| {way.name} | {tally.launches} | {tally.exited_0} | {tally.largest_difference:.1e} | {seconds:.0f} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines), failures


def page(table: str, failures: list[str], seconds: float) -> str:
    outcome = "\n".join(f"- {failure}" for failure in failures) or "Nothing failed."
    commands = "\n".join(f"{way.name:<12} {way.processes_per_node} a node   {way.command}" for way in WAYS)
    return f"""# Two nodes, two processes each

Written by `scripts/soak launch --write`; what is done stands in the first lines of `scripts/soak_launch.py`.

{circumstances(seconds)}

```
{commands}
```

{table}

The difference is that of any number in results.csv to the one of a single process, as a part of it.

{outcome}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    started = time.monotonic()
    table, failures = soak(options.times)
    text = page(table, failures, time.monotonic() - started)
    conclude(text, failures, PAGE if options.write else None)


if __name__ == "__main__":
    main()
