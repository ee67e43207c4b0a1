"""`localft train` as a user runs it: real processes, a real training of the tiny model, real signals."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from openai.types.fine_tuning import FineTuningJob as ClientJob
from openai.types.fine_tuning import FineTuningJobEvent as ClientEvent

from localft import settings
from localft.jobs.execution import read_attempts
from localft.progress import TrainingOutcome
from localft.recipe import read_recipe
from localft.runner import run_job
from runs import environment, snapshot, write_chats

EPOCHS = 10
STEPS = 3 * EPOCHS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Path:
    """A directory with a recipe: 12 rows in steps of 4."""
    directory = tmp_path_factory.mktemp("place")
    write_chats(directory / "train.jsonl")
    write_chats(directory / "valid.jsonl", word="valid")
    recipe = {
        "model": str(tiny_llama),
        "training_file": "train.jsonl",
        "validation_file": "valid.jsonl",
        "seed": 7,
        "lora": {"dropout": 0.1},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4, "n_epochs": EPOCHS}}},
    }
    (directory / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return directory


LOCALFT = [sys.executable, "-m", "localft"]
OWN_LAUNCH = [
    sys.executable,
    "-c",
    "import sys; from localft.cli.launch import launch; sys.exit(launch(2, sys.argv[1:]))",
]
"""What `localft` does where it sees two GPUs; the two processes here find none and train on the CPU."""


@pytest.fixture(scope="module")
def straight(place: Path) -> Path:
    """The run of the recipe that nothing stopped."""
    assert train_here(place, "straight").status == "succeeded"
    return place / "straight"


def start(place: Path, *arguments: str, program: Sequence[str] = LOCALFT) -> subprocess.Popen[str]:
    command = [*program, "train", "recipe.yaml", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=place, env=environment(place / "home"), stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def interrupt(process: subprocess.Popen[str], results: Path, step: int, number: int) -> tuple[int, str, str]:
    """Sends the signal once that step is in the results."""
    while process.poll() is None and not (results.exists() and results.read_text().count("\n") > step):
        time.sleep(0.005)
    process.send_signal(number)
    return finish(process)


def train_here(place: Path, output_dir: str) -> TrainingOutcome:
    """The same job in this process, on one core like the others: their import of the libraries takes most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with contextlib.chdir(place), pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "visible_gpus", lambda: 0)
            return run_job(read_recipe("recipe.yaml", {"output_dir": output_dir}))
    finally:
        torch.set_num_threads(threads)


def steps_in(results: Path) -> list[int]:
    if not results.exists():
        return []
    return [int(row.partition(",")[0]) for row in results.read_text().splitlines()[1:]]


def status(run: Path) -> str:
    return str(json.loads((run / "job.json").read_text())["status"])


def test_a_run_stopped_and_killed_ends_with_the_very_bytes_of_one_that_was_not(place: Path, straight: Path) -> None:
    run = place / "stopped"
    code, _, err = interrupt(start(place, "--output-dir", "stopped"), run / "results.csv", 4, signal.SIGTERM)
    assert code == 75, err
    assert "stopping after this step and saving" in err
    assert "interrupted: saved at step" in err and "Traceback" not in err
    assert status(run) == "paused"
    reached = steps_in(run / "results.csv")[-1]
    assert 4 <= reached < STEPS

    process = start(place, "--output-dir", "stopped")
    code, _, err = interrupt(process, run / "results.csv", reached + 4, signal.SIGKILL)
    assert code == -signal.SIGKILL, err
    assert status(run) == "running"

    assert train_here(place, "stopped").status == "succeeded"
    for name in ("results.csv", "model/adapter_model.safetensors"):
        assert (run / name).read_bytes() == (straight / name).read_bytes()
    attempts = read_attempts(run / "execution.json")
    assert [attempt.status for attempt in attempts] == ["paused", "killed", "succeeded"]
    assert attempts[0].totals.steps == reached == attempts[1].first_step - 1
    assert attempts[2].first_step + attempts[2].totals.steps - 1 == STEPS


def test_ctrl_c_behind_the_last_word_does_not_change_the_exit_code(place: Path) -> None:
    process = start(place, "--output-dir", "twice")
    while process.poll() is None and len(steps_in(place / "twice/results.csv")) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any(line.startswith("interrupted: saved at step") for line in process.stderr)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    assert finish(process)[0] == 75


def test_the_files_of_a_real_run_are_what_the_official_client_reads(straight: Path) -> None:
    job = ClientJob.model_validate_json((straight / "job.json").read_bytes(), strict=True)
    assert job.status == "succeeded" and job.fine_tuned_model is not None and job.trained_tokens
    for line in (straight / "events.jsonl").read_text().splitlines():
        ClientEvent.model_validate_json(line, strict=True)
    kept = [f"checkpoint-{3 * epoch}" for epoch in (EPOCHS - 2, EPOCHS - 1, EPOCHS)]
    files = ["events.jsonl", "execution.json", "job.json", "metrics.png", "model", "plan.json", "results.csv"]
    assert sorted(entry.name for entry in straight.iterdir()) == sorted([*kept, *files])


def test_the_model_can_be_loaded_as_its_card_says(straight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = (straight / "model" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("max_new_tokens=200", "max_new_tokens=2")
    monkeypatch.chdir(straight / "model")
    exec(compile(code, "README.md", "exec"), {})


# --- two processes


def test_two_processes_of_our_own_launch_stop_as_one_and_one_process_goes_on(place: Path) -> None:
    run = place / "two"
    process = start(place, "--output-dir", "two", program=OWN_LAUNCH)
    code, _, err = interrupt(process, run / "results.csv", 4, signal.SIGINT)
    assert code == 75, err
    assert err.count("interrupted: saved at step") == 1 and "Traceback" not in err and "ChildFailed" not in err
    assert json.loads((run / "plan.json").read_text())["execution"]["processes"] == 2

    assert train_here(place, "two").status == "succeeded"
    assert json.loads((run / "plan.json").read_text())["execution"]["processes"] == 1
    assert steps_in(run / "results.csv") == list(range(1, STEPS + 1))


def test_two_processes_under_torchrun_refuse_bad_data_with_one_message(place: Path) -> None:
    (place / "bad.jsonl").write_text("{}\n" * 12)
    before = sorted(snapshot(place))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "localft"]
    code, out, err = finish(start(place, "--output-dir", "none", "--training-file", "bad.jsonl", program=torchrun))
    assert code == 1
    assert (out + err).count("error: ") == 1 and (out + err).count("bad.jsonl:1: ") == 1
    assert sorted(snapshot(place)) == before and not (place / "none").exists()


def test_a_launcher_in_each_of_a_platforms_processes_is_refused_in_one_sentence(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "NODE_RANK": "0"}
    for name, value in {**platform, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}.items():
        monkeypatch.setenv(name, value)
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    options = ["--num_machines", "1", "--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"]
    code, out, err = finish(start(place, "--output-dir", "nested", program=[*launcher, *options, "-m", "localft"]))
    assert code == 1
    assert (out + err).count("error: ") == 1
    assert "was started in each of 2 processes of another launch" in err
    assert not (place / "nested").exists()
