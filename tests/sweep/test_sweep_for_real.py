"""`localft sweep` as a user runs it: real processes, real trainings of the tiny model, real signals."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from localft import settings
from localft.jobs.execution import read_attempts
from localft.sweep.grid import read_grid
from localft.sweep.report import SweepReport, sweep_schema
from localft.sweep.run import run_sweep
from runs import MODEL, environment, snapshot, write_chats

EPOCHS = 12
RATES = "learning_rate_multiplier=0.5,2"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a recipe: 12 rows in steps of 4, 3 steps an epoch."""
    directory = tmp_path_factory.mktemp("place")
    write_chats(directory / "train.jsonl")
    write_chats(directory / "valid.jsonl", 4, word="valid")
    recipe = {
        "model": MODEL,
        "training_file": "train.jsonl",
        "validation_file": "valid.jsonl",
        "lora": {"rank": 4, "alpha": 8},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4, "n_epochs": 1}}},
    }
    (directory / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return directory


def start(place: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "localft", "sweep", "recipe.yaml", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=place, env=environment(place / "home"), stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = process.communicate(timeout=1200)
    return process.returncode, out, err


def sweep(place: Path, *arguments: str) -> tuple[int, str, str]:
    return finish(start(place, *arguments))


def sweep_here(
    place: Path,
    grid: list[str],
    output_dir: str,
    patch: pytest.MonkeyPatch,
    *,
    gpus: tuple[str, ...] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> SweepReport:
    """The same in this process; the trainings are processes of their own all the same."""
    patch.setattr(settings, "visible_gpu_names", lambda: gpus)
    for name, value in environment(place / "home").items():
        patch.setenv(name, value)
    with contextlib.chdir(place):
        return run_sweep(Path("recipe.yaml"), read_grid(grid), Path(output_dir), tell)


def wait_for(met: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not met():
        time.sleep(0.005)


def steps_in(run: Path) -> list[int]:
    results = run / "results.csv"
    return [int(row.partition(",")[0]) for row in results.read_text().splitlines()[1:]] if results.exists() else []


def files_of_trials(directory: Path) -> dict[str, bytes]:
    return {name: content for name, content in snapshot(directory).items() if "=" in name and "logs" not in name}


def test_a_sweep_trains_each_trial_and_a_larger_grid_trains_what_is_new(place: Path) -> None:
    code, out, err = sweep(place, "--grid", RATES)
    assert code == 0, err
    directory = place / "runs" / "tiny-llama-train-sweep"
    report = json.loads((directory / "sweep.json").read_text())
    jsonschema.validate(report, sweep_schema())
    assert [trial["status"] for trial in report["trials"]] == ["succeeded", "succeeded"]
    assert report["best"] == "learning_rate_multiplier=2"
    assert f"{report['seed']} was drawn once" in err
    for trial in report["trials"]:
        run = Path(trial["run_directory"])
        plan = json.loads((run / "plan.json").read_text())
        assert (
            plan["hyperparameters"]["learning_rate_multiplier"]["value"]
            == trial["settings"]["learning_rate_multiplier"]
        )
        assert plan["hyperparameters"]["seed"]["value"] == report["seed"]
        last = list(csv.DictReader((run / "results.csv").open()))[-1]
        assert float(last["full_valid_loss"]) == trial["full_valid_loss"] == trial["best_full_valid_loss"]
        assert (run / "model" / "adapter_model.safetensors").exists()
    assert "Best: learning_rate_multiplier=2" in out
    assert (directory / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert (directory / "logs" / "learning_rate_multiplier=2.log").read_text().count("succeeded") == 1

    before = files_of_trials(directory)
    code, out, err = sweep(place, "--grid", "learning_rate_multiplier=0.5,1,2", "--format", "json")
    assert code == 0, err
    larger = json.loads(out)
    assert out == (directory / "sweep.json").read_text()
    assert [trial["rank"] for trial in larger["trials"]] == [3, 2, 1]
    assert larger["seed"] == report["seed"]
    after = files_of_trials(directory)
    assert {name: after[name] for name in before} == before
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} == {"learning_rate_multiplier=1"}


def test_a_failed_trial_does_not_stop_the_others_and_is_tried_again(place: Path) -> None:
    arguments = ("--grid", "learning_rate_multiplier=1,1e30", "--grid", "seed=3", "--output-dir", "failing")
    for attempt in (1, 2):
        code, out, err = sweep(place, *arguments, "--format", "json")
        assert code == 1, err
        report = json.loads(out)
        failed, done = sorted(report["trials"], key=lambda trial: trial["status"])
        assert (failed["status"], done["status"]) == ("failed", "succeeded")
        assert "not a finite number" in failed["error"] and failed["rank"] is None
        assert "error: 1 of 2 trials failed: learning_rate_multiplier=1e+30,seed=3" in err
        assert "Traceback" not in err
        assert len(read_attempts(Path(failed["run_directory"]) / "execution.json")) == attempt
        assert len(read_attempts(Path(done["run_directory"]) / "execution.json")) == 1
    assert report["seed"] is None


def test_a_stopped_sweep_goes_on_and_ends_as_one_that_was_not_stopped(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = ["--grid", RATES, "--grid", f"n_epochs={EPOCHS}", "--grid", "seed=5"]
    first, second = (f"learning_rate_multiplier={rate},n_epochs={EPOCHS},seed=5" for rate in ("0.5", "2"))
    process = start(place, *grid, "--output-dir", "stopped")
    wait_for(lambda: len(steps_in(place / "stopped" / first)) > 4, process)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 75, err
    assert "interrupted: 2 of 2 trials" in err and "the same command continues" in err and "Traceback" not in err
    states = {
        trial["name"]: trial["status"] for trial in json.loads((place / "stopped/sweep.json").read_text())["trials"]
    }
    assert states == {first: "paused", second: "queued"}
    reached = steps_in(place / "stopped" / first)[-1]
    assert 4 <= reached < 3 * EPOCHS
    assert not (place / "stopped" / second).exists()

    code, _, err = sweep(place, *grid, "--output-dir", "stopped")
    assert code == 0, err
    attempts = read_attempts(place / "stopped" / first / "execution.json")
    assert [attempt.status for attempt in attempts] == ["paused", "succeeded"]
    assert attempts[1].first_step == reached + 1

    straight = sweep_here(place, [RATES, f"n_epochs={EPOCHS}", "seed=5"], "straight", monkeypatch)
    assert {trial.status for trial in straight.trials} == {"succeeded"}
    for trial in (first, second):
        for name in ("results.csv", "model/adapter_model.safetensors"):
            assert (place / "stopped" / trial / name).read_bytes() == (place / "straight" / trial / name).read_bytes()


def test_two_gpus_train_two_trials_at_once_each_on_its_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has none, so the trainings find an empty list and use the CPU; which GPU they were given is what counts."""
    seen: dict[str, set[Any]] = {"gpus": set(), "at_once": set()}

    def watch(line: str) -> None:
        if "of 3, " in line:
            children = [Path(f"/proc/{number}/environ").read_bytes() for number in children_of(os.getpid())]
            gpus = {entry for child in children for entry in child.split(b"\0") if entry.startswith(b"CUDA_VISIBLE")}
            seen["gpus"] |= gpus
            seen["at_once"].add(len(gpus))

    report = sweep_here(place, ["seed=1,2,3"], "gpus", monkeypatch, gpus=("4", "GPU-7"), tell=watch)
    assert [trial.status for trial in report.trials] == ["succeeded"] * 3
    assert seen["gpus"] == {b"CUDA_VISIBLE_DEVICES=4", b"CUDA_VISIBLE_DEVICES=GPU-7"}
    assert max(seen["at_once"]) == 2


def children_of(process: int) -> list[int]:
    """The trainings, which are this process's own children."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    command_lines = {int(number): Path(f"/proc/{number}/cmdline").read_bytes() for number in text.split()}
    return [number for number, line in command_lines.items() if b"\0train\0" in line]


def test_a_training_that_is_killed_is_told_with_its_signal(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(line: str) -> None:
        if line.endswith("seed=1: running"):
            (child,) = children_of(os.getpid())
            os.kill(child, signal.SIGKILL)

    report = sweep_here(place, ["seed=1,2"], "killed", monkeypatch, tell=kill)
    assert [trial.status for trial in report.trials] == ["failed", "succeeded"]
    assert "killed by SIGKILL" in str(report.trials[0].error)


def test_under_a_launcher_a_sweep_is_refused(place: Path) -> None:
    command = [sys.executable, "-m", "localft", "sweep", "recipe.yaml", "--grid", "seed=1,2"]
    launched = {**environment(place / "home"), "RANK": "0", "WORLD_SIZE": "2"}
    result = subprocess.run(command, cwd=place, env=launched, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "error: a sweep starts its own processes; run it without a launcher.\n"
