"""What is refused before the first training, and what is settled once for all trials."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localft.errors import DataError, LocalftError, UsageError
from localft.jobs.job import new_job
from localft.jobs.run_directory import in_use, locked
from localft.runner.signals import StopSignals
from localft.sweep import running
from localft.sweep.grid import read_grid
from localft.sweep.run import prepare_sweep
from localft.sweep.running import States, run_trials, wait_for_orphans
from localft.sweep.trials import Trial, notes, plan_trials
from runs import MODEL, plan_for, snapshot, write_chats


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with data, as current directory."""
    monkeypatch.chdir(tmp_path)
    write_chats(tmp_path / "train.jsonl")
    write_chats(tmp_path / "valid.jsonl", 4, word="valid")
    yield tmp_path


def recipe(**changes: Any) -> Path:
    values = {"model": MODEL, "training_file": "train.jsonl", "validation_file": "valid.jsonl", **changes}
    path = Path("recipe.yaml")
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
    return path


def planned(*grid: str, **changes: Any) -> list[Trial]:
    axes = read_grid(grid)
    points, directory = prepare_sweep(recipe(**changes), axes, Path("sweep"))
    return plan_trials(points, directory, lambda event: None)


def refused(*grid: str, **changes: Any) -> LocalftError:
    before = snapshot(Path())
    with pytest.raises(LocalftError) as error:
        planned(*grid, **changes)
    after = snapshot(Path())
    assert {name for name in after if name not in before} <= {"recipe.yaml"}
    return error.value


def begin(trial: Trial) -> None:
    """Puts the trial on disk as a training that was begun."""
    trial.run.path.mkdir(parents=True)
    trial.run.write_plan(trial.plan)
    trial.run.write_job(new_job(trial.plan, hex="0" * 32, now=1.0).moved("running"))


def test_a_seed_left_open_is_drawn_once_and_said() -> None:
    trials = planned("learning_rate_multiplier=0.5,1,2")
    seeds = {trial.plan.hyperparameters.seed.value for trial in trials}
    assert len(seeds) == 1
    said = notes(trials, read_grid(["learning_rate_multiplier=0.5,1,2"]))
    assert said[0] == f"The recipe leaves the seed open: {seeds.pop()} was drawn once and is that of every trial."


def test_a_seed_of_the_recipe_or_of_the_grid_stays_as_it_is() -> None:
    assert [trial.plan.hyperparameters.seed.value for trial in planned("n_epochs=1,2", seed=5)] == [5, 5]
    trials = planned("seed=3,4")
    assert [trial.plan.hyperparameters.seed.value for trial in trials] == [3, 4]
    assert not any("seed" in note for note in notes(trials, read_grid(["seed=3,4"])))


def test_a_drawn_seed_is_found_again_in_the_trials_on_disk() -> None:
    Path("sweep").mkdir()
    first = planned("n_epochs=1,2")
    begin(first[1])
    Path("sweep/sweep.json").touch()
    again = planned("n_epochs=4,3,2,1")
    assert {trial.plan.hyperparameters.seed.value for trial in again} == {first[1].plan.hyperparameters.seed.value}
    assert {trial.plan.date for trial in again} == {first[1].plan.date}


def test_each_trial_has_its_own_place_and_plan() -> None:
    trials = planned("n_epochs=1,2", "lora.rank=4,8")
    assert [Path(trial.plan.output_dir) for trial in trials] == [Path.cwd() / "sweep" / trial.name for trial in trials]
    assert [trial.plan.total_steps // 12 for trial in trials] == [1, 1, 2, 2]
    assert all(trial.plan.tokens is not None for trial in trials)


def test_by_default_the_sweep_stands_beside_the_recipes_run() -> None:
    axes = read_grid(["n_epochs=1"])
    assert prepare_sweep(recipe(output_dir="runs/travel"), axes, None)[1] == Path.cwd() / "runs/travel-sweep"
    assert prepare_sweep(recipe(), axes, None)[1] == Path.cwd() / "runs/tiny-llama-train-sweep"


def test_a_sweep_without_a_validation_file_is_refused() -> None:
    error = refused("n_epochs=1,2", validation_file=None)
    assert isinstance(error, UsageError) and error.param == "validation_file"
    assert "full_valid_loss" in error.message and "add validation_file: FILE" in error.message


def test_bad_data_is_told_once_before_anything_is_trained(place: Path) -> None:
    (place / "train.jsonl").write_text("{}\n" * 12)
    error = refused("n_epochs=1,2,3")
    assert isinstance(error, DataError)
    assert error.message.count("train.jsonl:1:") == 1


def test_what_one_trial_alone_cannot_be_planned_with_refuses_the_sweep() -> None:
    error = refused("max_length=8,9,512")
    assert "train.jsonl:1" in error.message and "8" in error.message


def test_two_trials_of_one_job_are_refused() -> None:
    error = refused("learning_rate_multiplier=auto,1,2")
    assert error.message == (
        "--grid: learning_rate_multiplier=1 is the same job as learning_rate_multiplier=auto; take one of the two out."
    )


def test_trials_on_disk_of_an_older_recipe_are_refused_with_what_changed() -> None:
    Path("sweep").mkdir()
    for trial in planned("n_epochs=1,2", seed=1):
        begin(trial)
    Path("sweep/sweep.json").touch()
    with pytest.raises(UsageError) as error:
        planned("n_epochs=1,2,3", seed=2)
    assert [problem.partition(":")[0] for problem in error.value.problems] == ["n_epochs=1", "n_epochs=2"]
    assert all("seed: 2, was 1" in problem for problem in error.value.problems)


def test_a_grid_that_leaves_out_what_the_directory_holds_is_refused() -> None:
    for trial in planned("n_epochs=2,3"):
        begin(trial)
    Path("sweep/sweep.json").write_text("{}")
    said = refused("n_epochs=3,4").message
    assert "holds 1 trial that the grid leaves out" in said and "lose: n_epochs=2." in said
    assert [trial.name for trial in planned("n_epochs=2,3,4")] == ["n_epochs=2", "n_epochs=3", "n_epochs=4"]


def test_a_sweep_waits_for_a_trial_that_a_killed_one_left_behind() -> None:
    begun, other = planned("n_epochs=2,3")
    begin(begun)
    said: list[str] = []
    released = threading.Event()

    def train() -> None:
        with locked(begun.run.path):
            ready.set()
            released.wait(60)

    ready = threading.Event()
    orphan = threading.Thread(target=train)
    orphan.start()
    ready.wait(60)

    def tell(line: str) -> None:
        said.append(line)
        released.set()

    with StopSignals(None) as stop:
        wait_for_orphans([begun, other], stop, tell)
    assert not in_use(begun.run.path)
    assert said == ["n_epochs=2 is still being trained by what an earlier start left behind; waiting for it to end"]
    orphan.join()


def test_a_directory_of_something_else_is_refused(place: Path) -> None:
    (place / "sweep").mkdir()
    (place / "sweep" / "thesis.tex").touch()
    assert "found files of something else" in refused("n_epochs=1").message


def test_the_plan_of_a_run_is_no_recipe() -> None:
    (trial,) = planned("n_epochs=1")
    Path("plan.json").write_text(trial.plan.to_json())
    with pytest.raises(UsageError, match="expected a recipe, found the plan of a run"):
        prepare_sweep(Path("plan.json"), read_grid(["n_epochs=1"]), None)


def test_notes_say_which_trials_they_are_of_and_what_can_hardly_be_compared() -> None:
    grid = ["learning_rate_multiplier=0.1,1", "max_length=256,512"]
    trials = planned(*grid, seed=1)
    said = notes(trials, read_grid(grid))
    assert said[0].startswith("max_length changes the rows or their tokens")
    low = [note for note in said if "is low for LoRA" in note]
    assert len(low) == 1
    names = ", ".join(trial.name for trial in trials if trial.settings["learning_rate_multiplier"] == 0.1)
    assert low[0].startswith(f"{names}: ")


def test_a_trial_that_is_stopped_before_its_training_begins_is_paused_and_not_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(running, "_train", lambda trial, output, gpu: subprocess.Popen(sleep))
    plan = plan_for(tmp_path)
    places = {name: str(tmp_path / name) for name in ("first", "second")}
    trials = [Trial(name, {}, plan.model_copy(update={"output_dir": place})) for name, place in places.items()]

    def stop_it(trial: Trial, states: States) -> None:
        if states[trial.name][0] == "running":
            os.kill(os.getpid(), signal.SIGTERM)

    with StopSignals(None, speaks=False) as stop:
        stop.save_first()
        states = run_trials(trials, tmp_path, stop, stop_it)
    assert states == {"first": ("paused", None), "second": ("queued", None)}
