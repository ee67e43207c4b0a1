"""`localft train` from its arguments to the runner, and what it prints in the end."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import pytest

from localft import runner, settings
from localft.cli import launch, main
from localft.cli.options import FLAGS
from localft.cli.train import train
from localft.plan import TrainingRequest
from localft.progress import TrainingOutcome
from runs import MODEL, FakeEngine, snapshot, write_chats


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", settings.CONTROL_DIRECTORY):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainingRequest, dict[str, Any]]]:
    """What the runner was asked; it pretends to train."""
    calls: list[tuple[TrainingRequest, dict[str, Any]]] = []
    real = runner.run_job

    def run_job(request: Any, **keywords: Any) -> TrainingOutcome:
        calls.append((request, keywords))
        return real(request, engine=FakeEngine(), **keywords)

    monkeypatch.setattr(runner, "run_job", run_job)
    return calls


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main.run(["train", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def write_recipe(directory: Path) -> Path:
    write_chats(directory / "train.jsonl")
    recipe = directory / "recipe.yaml"
    recipe.write_text(f"model: {MODEL}\ntraining_file: train.jsonl\nseed: 7\noutput_dir: run\n", encoding="utf-8")
    return recipe


def test_a_recipe_is_run_and_the_end_says_where_all_is_and_what_to_do_next(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(str(write_recipe(tmp_path))) == 0
    printed = capsys.readouterr()
    assert "succeeded: tiny-llama.ft-" in printed.out
    assert "run/model" in printed.out and "run/results.csv" in printed.out
    assert "train_loss" in printed.out
    assert "localft train --model run --training-file MORE.jsonl" in printed.out
    assert "step 1/" in printed.err and "step 1/" not in printed.out


def test_flags_override_the_recipe(asked: list[Any], tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    assert exit_code(str(recipe), "--n-epochs", "3", "--batch-size", "auto", "--suffix", "travel") == 0
    request, keywords = asked[0]
    knobs = request.method.supervised.hyperparameters
    assert (knobs.n_epochs, knobs.batch_size, request.suffix, request.seed) == (3, "auto", "travel", 7)
    assert keywords["resume"] == "auto"


def test_flags_alone_are_enough(asked: list[Any], tmp_path: Path) -> None:
    write_chats(tmp_path / "train.jsonl")
    assert exit_code("--model", MODEL, "--training-file", "train.jsonl", "--n-epochs", "1") == 0
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_resume_never_is_passed_on_and_refused_with_advice(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path)
    assert exit_code(str(recipe)) == 0
    before = snapshot(tmp_path / "run")
    assert exit_code(str(recipe), "--resume", "never") == 2
    assert "--resume never does not touch an earlier run" in capsys.readouterr().err
    assert snapshot(tmp_path / "run") == before


def test_a_finished_run_is_told_and_is_no_failure(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path)
    assert exit_code(str(recipe)) == exit_code(str(recipe)) == 0
    assert "nothing is left to train" in capsys.readouterr().err


def test_a_stopped_run_exits_with_75_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = TrainingOutcome("interrupted", 3, 120, None, str(tmp_path / "run"))
    monkeypatch.setattr(runner, "run_job", lambda request, **_: outcome)
    assert exit_code(str(write_recipe(tmp_path))) == 75
    assert "interrupted: saved at step 3 in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "place"),
    [
        ((), 2, "model is missing"),
        (("none.yaml",), 2, "none.yaml"),
        (("--model", MODEL, "--training-file", "train.jsonl", "--batch-size", "0"), 2, "batch_size"),
        (("--model", MODEL, "--training-file", "train.jsonl", "--resume", "maybe"), 2, "resume"),
        (("--model", "llama-9", "--training-file", "train.jsonl"), 1, "llama-9"),
        (("--model", MODEL, "--training-file", "bad.jsonl"), 1, "bad.jsonl:1: "),
    ],
)
def test_a_users_mistake_is_one_error_without_traceback_and_without_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, place: str
) -> None:
    write_chats(tmp_path / "train.jsonl")
    (tmp_path / "bad.jsonl").write_text("{}\n" * 12)
    before = snapshot(tmp_path)
    assert exit_code(*arguments) == code
    printed = capsys.readouterr().err
    assert place in printed and "Traceback" not in printed
    assert snapshot(tmp_path) == before and not (tmp_path / "runs").exists()


# --- several GPUs


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[str]]]:
    """What would have been launched; the launch ends as interrupted."""
    calls: list[tuple[int, list[str]]] = []

    def fake(processes: int, arguments: list[str]) -> int:
        calls.append((processes, arguments))
        return 75

    monkeypatch.setattr(launch, "launch", fake)
    return calls


def test_with_several_gpus_the_same_command_line_is_launched_on_each(
    launched: list[Any], asked: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 4)
    assert exit_code(str(write_recipe(tmp_path)), "--batch-size", "8") == 75
    assert launched == [(4, ["train", str(tmp_path / "recipe.yaml"), "--batch-size", "8"])]
    assert asked == [], "this process trains nothing itself"


def test_bad_data_is_refused_before_anything_is_launched(
    launched: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 4)
    recipe = write_recipe(tmp_path)
    write_chats(tmp_path / "train.jsonl", 5)
    assert exit_code(str(recipe)) == 1
    assert launched == []
    assert "expected at least 10 training examples" in capsys.readouterr().err


def test_a_step_of_one_example_trains_on_one_gpu_in_this_process(
    launched: list[Any], asked: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    monkeypatch.setattr(settings, "visible_gpus", lambda: len(os.environ["CUDA_VISIBLE_DEVICES"].split(",")))
    monkeypatch.setattr(runner, "run_job", lambda request, **_: TrainingOutcome("interrupted", 1, 1, None, "run"))
    assert exit_code(str(write_recipe(tmp_path)), "--batch-size", "1") == 75
    assert launched == []
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"


def test_behind_a_launcher_nothing_more_is_launched(
    launched: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 4)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setattr(runner, "run_job", lambda request, **_: TrainingOutcome("interrupted", 1, 1, None, "run"))
    assert exit_code(str(write_recipe(tmp_path)), "--batch-size", "8") == 75
    assert launched == []


def test_every_flag_of_plan_is_a_flag_of_train() -> None:
    assert set(FLAGS) <= set(inspect.signature(train).parameters)
