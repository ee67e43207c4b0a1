"""However a training on several processes ends, each of them says so by its exit code, and none aborts or waits for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localft.jobs.events import read_events
from runs import environment, write_chats
from two_processes import Ending

TESTS = Path(__file__).parent.parent
STEPS = 6


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all launches of `two_processes.py` ran, one behind the other, since importing takes the time."""
    directory = tmp_path_factory.mktemp("endings")
    write_chats(directory / "train.jsonl")
    (directory / "bad.jsonl").write_text("{}\n" * 12)
    knobs = {"batch_size": 4, "n_epochs": 2}
    recipe = {
        "model": "localft/tiny-llama",
        "training_file": "train.jsonl",
        "seed": 7,
        "method": {"type": "supervised", "supervised": {"hyperparameters": knobs}},
    }
    (directory / "recipe.yaml").write_text(json.dumps(recipe))
    variables = environment(directory / "home")
    variables["PYTHONPATH"] = os.pathsep.join([variables["PYTHONPATH"], str(TESTS), str(TESTS.parent / "scripts")])
    done = subprocess.run(
        [sys.executable, str(TESTS / "two_processes.py"), str(directory)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def ending(place: Path, name: str) -> Ending:
    return Ending(**json.loads((place / "endings.json").read_text())[name])


def status(run: Path) -> str:
    return str(json.loads((run / "job.json").read_text())["status"])


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("succeeded", [0, 0]),
        ("nothing left to do", [0, 0]),
        ("data refused", [1, 1]),
        ("launch refused", [2, 2]),
        ("signal before the training", [75, 75]),
        ("rows not to be read on one process", [1, 1]),
        ("signal to one process", [75, 75]),
        ("gone on with", [0, 0]),
        ("two signals to one process", [1, 75]),
        ("error on the first process", [1, 1]),
        ("error on the second process", [1, 1]),
        ("one process killed", [1, -9]),
        ("no room for the model card", [1, 1]),
    ],
)
def test_every_process_ends_with_the_code_of_what_happened(place: Path, name: str, codes: list[int]) -> None:
    found = ending(place, name)
    assert found.codes == codes, found.said
    assert "terminate called" not in found.said and "SIGABRT" not in found.said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("data refused", "error: "),
        ("launch refused", "error: accelerate is configured for FSDP 1"),
        ("signal before the training", "interrupted: stopped before the training began"),
        ("rows not to be read on one process", "error: RuntimeError: only this process failed"),
        ("signal to one process", "interrupted: saved at step 4"),
        ("no room for the model card", "the disk is full"),
    ],
)
def test_what_all_processes_know_is_said_once(place: Path, name: str, sentence: str) -> None:
    said = ending(place, name).said
    assert said.count(sentence) == 1 and said.count("error: ") + said.count("interrupted: ") == 1, said


@pytest.mark.parametrize(("name", "rank"), [("error on the first process", 0), ("error on the second process", 1)])
def test_the_process_that_failed_says_why_and_the_job_can_go_on(place: Path, name: str, rank: int) -> None:
    said = ending(place, name).said
    assert said.count("RuntimeError: only this process failed") == 1, said
    assert "Traceback" not in said and "by peer" not in said
    assert said.count("another process of this training has ended") == 1, said
    assert status(place / ("first" if rank == 0 else "second")) == "failed"


def test_what_ended_early_leaves_no_run_and_what_ended_late_says_how(place: Path) -> None:
    assert not any((place / run).exists() for run in ("none", "refused", "early"))
    found = {run: status(place / run) for run in ("whole", "stopped", "killed", "card")}
    assert found == {"whole": "succeeded", "stopped": "succeeded", "killed": "failed", "card": "failed"}


def test_a_run_that_was_stopped_goes_on_to_the_same_results_and_its_log_proves_it(place: Path) -> None:
    results = (place / "stopped" / "results.csv").read_bytes()
    assert results == (place / "whole" / "results.csv").read_bytes()
    loss = [line.split(",")[1] for line in results.decode().splitlines()]
    sentence = (
        f"Continuity: step 4, before the interruption: training loss={loss[4]}; "
        f"step 5, behind it: training loss={loss[5]}"
    )
    assert ending(place, "gone on with").said.splitlines().count(sentence) == 1
    assert [event.message for event in read_events(place / "stopped" / "events.jsonl")].count(sentence) == 1
    assert "Continuity" not in ending(place, "succeeded").said
