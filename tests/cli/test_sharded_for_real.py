"""A run under the shipped configurations, started by accelerate's own launcher, killed, and gone on with elsewhere."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from localft.jobs.execution import read_attempts
from planning import ROOT
from runs import environment, write_chats

LOCALFT = ["-m", "localft"]
EPOCHS = 6
STEPS = 3 * EPOCHS
METHODS: dict[str, dict[str, Any]] = {
    "lora": {},
    "nf4": {"quantization": "nf4"},
    "full": {"lora": "none"},
    "full, untied": {"lora": "none"},
}
DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
Part = tuple[int, str]
"""A number of processes and the configuration that they share one model by."""
ALONE: Part = (1, "")
BY_FSDP: tuple[Part, ...] = ((2, "fsdp2"), ALONE, (4, "fsdp2"))
BY_ZERO: tuple[Part, ...] = ((2, "zero3"), ALONE, (4, "zero3"))
BY_BOTH: tuple[Part, ...] = ((2, "zero3"), (4, "fsdp2"), (2, "zero3"))


@pytest.fixture
def place(tmp_path: Path, tiny_llama: Path, tiny_phi3: Path, request: pytest.FixtureRequest) -> Path:
    """A directory with a recipe: 12 rows in steps of 4."""
    write_chats(tmp_path / "train.jsonl")
    write_chats(tmp_path / "valid.jsonl", word="valid")
    recipe = {
        "model": str(tiny_phi3 if request.param.endswith("untied") else tiny_llama),
        "training_file": "train.jsonl",
        "validation_file": "valid.jsonl",
        "seed": 7,
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4, "n_epochs": EPOCHS}}},
        **METHODS[request.param],
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return tmp_path


def train(place: Path, output: str, launch: list[str], *, killed_behind: int | None = None) -> None:
    """Trains the recipe to its end, or until that step is in the results; then every process dies at once."""
    command = [sys.executable, *launch, *LOCALFT, "train", "recipe.yaml", "--output-dir", output]
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
    started = psutil.Process(pid)
    for process in [started, *started.children(recursive=True)]:
        process.kill()


def launcher(part: Part) -> list[str]:
    count, name = part
    if not name:
        return []
    configuration = ROOT / "recipes/accelerate" / f"{name}.yaml"
    launch = ["-m", "accelerate.commands.launch", "--config_file", str(configuration), "--main_process_port", "0"]
    return [*launch, "--num_processes", str(count)]


def rows(results: Path) -> list[Mapping[str, str]]:
    if not results.exists():
        return []
    with results.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "parts"),
    [
        *[pytest.param(method, BY_FSDP, id=f"{method}, fsdp2") for method in ("lora", "nf4", "full")],
        *[pytest.param(method, BY_ZERO, id=f"{method}, zero3", marks=DEEPSPEED) for method in ("lora", "full, untied")],
        *[pytest.param(method, BY_BOTH, id=f"{method}, both", marks=DEEPSPEED) for method in ("lora", "full")],
    ],
    indirect=["place"],
)
def test_a_killed_run_goes_on_on_other_processes_to_the_same_results(place: Path, parts: tuple[Part, ...]) -> None:
    first, second, last = parts
    train(place, "straight", [])
    train(place, "moved", launcher(first), killed_behind=4)
    train(place, "moved", launcher(second), killed_behind=9)
    train(place, "moved", launcher(last))

    attempts = read_attempts(place / "moved" / "execution.json")
    assert [attempt.processes for attempt in attempts] == [count for count, _ in parts]
    assert attempts[1].first_step > 1 and attempts[2].first_step > attempts[1].first_step
    expected, found = rows(place / "straight" / "results.csv"), rows(place / "moved" / "results.csv")
    assert [row["step"] for row in found] == [str(step) for step in range(1, STEPS + 1)]
    for a, b in zip(expected, found, strict=True):
        assert [name for name in a if a[name]] == [name for name in b if b[name]]
        for name in (name for name in a if a[name]):
            assert float(b[name]) == pytest.approx(float(a[name]), rel=2e-4, abs=1e-6), f"{name} of step {a['step']}"
