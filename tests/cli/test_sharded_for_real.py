"""A run under the shipped configuration of FSDP 2, started by accelerate's own launcher, killed, and gone on with elsewhere."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from localft.jobs.execution import read_attempts
from planning import ROOT
from runs import environment, write_chats

LOCALFT = ["-m", "localft"]
SHARDED = [
    *("-m", "accelerate.commands.launch", "--config_file", str(ROOT / "recipes/accelerate/fsdp2.yaml")),
    *("--main_process_port", "0"),
]
EPOCHS = 6
STEPS = 3 * EPOCHS
METHODS: dict[str, dict[str, Any]] = {
    "lora": {},
    "nf4": {"quantization": "nf4"},
    "full": {"lora": "none"},
}


@pytest.fixture
def place(tmp_path: Path, tiny_llama: Path, request: pytest.FixtureRequest) -> Path:
    """A directory with a recipe: 12 rows in steps of 4."""
    write_chats(tmp_path / "train.jsonl")
    write_chats(tmp_path / "valid.jsonl", word="valid")
    recipe = {
        "model": str(tiny_llama),
        "training_file": "train.jsonl",
        "validation_file": "valid.jsonl",
        "seed": 7,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4, "n_epochs": EPOCHS}}},
        **METHODS[request.param],
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return tmp_path


def train(place: Path, output: str, launcher: list[str], *, killed_behind: int | None = None) -> None:
    """Trains the recipe to its end, or until that step is in the results; then every process dies at once."""
    command = [sys.executable, *launcher, *LOCALFT, "train", "recipe.yaml", "--output-dir", output]
    with (place / f"{output}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=place, env=environment(place / "home"), stdout=log, stderr=log)
        results = place / output / "results.csv"
        while killed_behind is not None and process.poll() is None and len(rows(results)) < killed_behind:
            time.sleep(0.005)
        if killed_behind is not None:
            kill_all(process.pid)
        code = process.wait(timeout=400)
    assert code == (0 if killed_behind is None else -signal.SIGKILL), (place / f"{output}.log").read_text()[-4000:]


def kill_all(pid: int) -> None:
    """The launcher first, so that it starts nothing anew, and whatever it had started."""
    launcher = psutil.Process(pid)
    for process in [launcher, *launcher.children(recursive=True)]:
        process.kill()


def processes(count: int) -> list[str]:
    return [*SHARDED, "--num_processes", str(count)]


def rows(results: Path) -> list[Mapping[str, str]]:
    if not results.exists():
        return []
    with results.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize("place", METHODS, indirect=True)
def test_a_run_killed_on_two_processes_goes_on_on_one_and_on_four_to_the_same_results(place: Path) -> None:
    train(place, "straight", [])
    train(place, "moved", processes(2), killed_behind=4)
    train(place, "moved", [], killed_behind=9)
    train(place, "moved", processes(4))

    attempts = read_attempts(place / "moved" / "execution.json")
    assert [attempt.processes for attempt in attempts] == [2, 1, 4]
    assert attempts[1].first_step > 1 and attempts[2].first_step > attempts[1].first_step
    expected, found = rows(place / "straight" / "results.csv"), rows(place / "moved" / "results.csv")
    assert [row["step"] for row in found] == [str(step) for step in range(1, STEPS + 1)]
    for a, b in zip(expected, found, strict=True):
        assert [name for name in a if a[name]] == [name for name in b if b[name]]
        for name in (name for name in a if a[name]):
            assert float(b[name]) == pytest.approx(float(a[name]), rel=2e-4, abs=1e-6), f"{name} of step {a['step']}"
