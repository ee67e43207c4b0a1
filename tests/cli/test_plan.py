"""`localft plan`: what it prints, and what it refuses before anything is made."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from typer.testing import CliRunner, Result

from localft.cli.options import FLAGS
from localft.cli.plan import plan as plan_command
from localft.errors import DataError, LocalftError, ModelError, UsageError
from localft.plan import TrainingPlan
from planning import ROOT, SAMPLE, write_examples

SMOKE = ROOT / "recipes" / "tiny-llama" / "cpu-smoke.yaml"

app = typer.Typer()
app.command()(plan_command)


def run(*arguments: str | Path, wide: bool = True) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"} if wide else None)


def planned(*arguments: str | Path) -> TrainingPlan:
    result = run(*arguments, "--format", "json")
    assert result.exception is None, result.output
    return TrainingPlan.from_json(result.stdout)


def refused(*arguments: str | Path) -> LocalftError:
    result = run(*arguments)
    assert isinstance(result.exception, LocalftError), result.output
    assert result.stdout == ""
    return result.exception


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def flags(training_file: Path, *more: str) -> list[str]:
    return ["--model", "localft/tiny-llama", "--training-file", str(training_file), *more]


def test_every_shared_flag_is_a_parameter() -> None:
    assert set(FLAGS) <= set(inspect.signature(plan_command).parameters)


def test_the_smoke_recipe_is_planned_with_its_tokens() -> None:
    plan = planned(SMOKE)
    assert plan.examples == 207 and plan.hyperparameters.seed.value == 42
    assert plan.tokens is not None and 0 < plan.tokens.trained_tokens < plan.tokens.tokens
    schema = json.loads((ROOT / "src/localft/schemas/plan.schema.json").read_text())
    jsonschema.validate(json.loads(plan.to_json()), schema)


@pytest.mark.parametrize(("examples", "steps"), [(10, 100), (101, 303)])
def test_published_jobs_come_out_of_the_command(tmp_path: Path, examples: int, steps: int) -> None:
    assert planned(*flags(write_examples(tmp_path / "train.jsonl", examples))).total_steps == steps


@pytest.mark.parametrize("auto", ["-1", "null", "auto"])
def test_every_spelling_of_auto_works_as_a_flag(tmp_path: Path, auto: str) -> None:
    path = write_examples(tmp_path / "train.jsonl", 10)
    knobs = planned(
        *flags(path, "--batch-size", auto, "--n-epochs", auto, "--learning-rate-multiplier", auto)
    ).hyperparameters
    assert (knobs.batch_size.value, knobs.n_epochs.value, knobs.learning_rate_multiplier.value) == (1, 10, 1.0)


def test_the_trackers_are_planned_and_shown(tmp_path: Path) -> None:
    arguments = flags(write_examples(tmp_path / "train.jsonl", 10), "--integrations", "mlflow,tensorboard")
    plan = planned(*arguments)
    assert [integration.type for integration in plan.integrations] == ["mlflow", "tensorboard"]
    assert TrainingPlan.from_json(plan.to_json()) == plan


def test_flags_override_the_recipe() -> None:
    plan = planned(SMOKE, "--batch-size", "7", "--lora-rank", "4", "--learning-rate-multiplier", "0.5")
    assert plan.hyperparameters.batch_size.value == 7 and plan.lora is not None and plan.lora.rank == 4
    assert plan.trainer_arguments["learning_rate"] == plan.learning_rate.base / 2


def test_the_text_shows_each_knob_its_rule_and_its_trainer_argument(tmp_path: Path) -> None:
    text = run(*flags(write_examples(tmp_path / "train.jsonl", 10), "--seed", "5")).stdout
    for shown in (
        "auto: round(0.002 x 10) = 0, at least 1",
        "per_device_train_batch_size 1",
        "gradient_accumulation_steps 1",
        "on 1 process",
        "auto: 3 x 10 is below 100, so min(25, 100 // 10) = 10",
        "num_train_epochs 10",
        "learning_rate 0.004279",
        "data_seed 5",
        "ceil(10 / 1) = 10",
        "10 x 10 = 100",
        "trained tokens",
        "gradient_checkpointing",
        "total",
    ):
        assert shown in text


def test_the_text_ends_with_the_command_that_trains(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "train.jsonl", 10)
    last = run(SMOKE, "--training-file", path, "--n-epochs", "2", wide=False).stdout.strip().splitlines()[-1]
    assert last.strip() == f"localft train {SMOKE} --training-file {path} --n-epochs 2"


def test_a_hub_model_that_is_not_here_is_planned_without_tokens() -> None:
    text = run("--model", "llama-3.1-8b-instruct", "--training-file", SAMPLE).stdout
    assert "not on this machine yet" in text and "hf download meta-llama/Llama-3.1-8B-Instruct" in text


def test_an_earlier_plan_is_planned_again_with_the_same_meaning(tmp_path: Path) -> None:
    first = planned(SMOKE)
    path = tmp_path / "plan.json"
    path.write_text(first.to_json())
    again = planned(path)
    assert again.meaning_fingerprint() == first.meaning_fingerprint()


def test_an_earlier_plan_of_other_data_is_refused(tmp_path: Path) -> None:
    data = write_examples(tmp_path / "train.jsonl", 10)
    path = tmp_path / "plan.json"
    path.write_text(planned(*flags(data)).to_json())
    write_examples(data, 11)
    assert refused(path).code == "data_changed"


def test_invalid_data_is_refused_with_its_lines(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "train.jsonl", 10)
    path.write_text(path.read_text().replace('"role":"user"', '"role":"bot"', 1))
    error = refused(*flags(path))
    assert isinstance(error, DataError) and error.exit_code == 1
    assert "train.jsonl:1" in str(error)


def test_a_row_that_is_too_long_is_refused_by_line_or_counted_as_asked(tmp_path: Path) -> None:
    path = write_examples(tmp_path / "train.jsonl", 11)
    path.write_text(path.read_text().replace("A number, 3.", "A number. " * 40))
    error = refused(*flags(path, "--max-length", "60"))
    assert "train.jsonl:4: " in str(error) and error.exit_code == 1
    dropped = planned(*flags(path, "--max-length", "60", "--overlong", "drop"))
    assert dropped.tokens is not None and dropped.tokens.dropped == 1 and dropped.examples == 10
    assert dropped.total_steps == 100


def test_without_the_training_packages_tokens_are_counted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = flags(write_examples(tmp_path / "train.jsonl", 12))
    stored = planned(*arguments).tokens
    monkeypatch.setitem(sys.modules, "localft.training.token_store", None)
    assert planned(*arguments).tokens == stored
    assert refused(*arguments, "--max-length", "8").code == "row_refused"


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ([], UsageError, "model is missing"),
        (["--model", "localft/tiny-llama"], UsageError, "--training-file"),
        (["--model", "lama-3.1-8b", "--training-file", str(SAMPLE)], ModelError, "Did you mean llama-3.1-8b"),
        (
            [str(SMOKE), "--batch-size", "0"],
            UsageError,
            "--batch-size: batch_size is 0; expected an integer from 1 to 256",
        ),
        ([str(SMOKE), "--n-epochs", "51"], UsageError, "n_epochs is 51"),
        ([str(SMOKE), "--seed", "2147483648"], UsageError, "seed is 2147483648"),
        ([str(SMOKE), "--learning-rate-multiplier", "0"], UsageError, "learning_rate_multiplier is 0"),
        ([str(SMOKE), "--method", "dpo"], UsageError, "method.type"),
        (["gone.yaml"], UsageError, "gone.yaml: expected a recipe"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: list[str], kind: type[LocalftError], words: str) -> None:
    error = refused(*arguments)
    assert isinstance(error, kind) and words in str(error)


def test_planning_makes_no_run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_examples(tmp_path / "train.jsonl", 10)
    monkeypatch.chdir(tmp_path)
    planned(*flags(path))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["train.jsonl"]


def test_planning_without_token_counts_imports_no_gpu_package() -> None:
    program = f"""
import sys
from typer.testing import CliRunner
import typer
from localft.cli.plan import plan
app = typer.Typer(); app.command()(plan)
result = CliRunner().invoke(app, ["--model", "phi-4", "--training-file", {str(SAMPLE)!r}, "--format", "json"])
assert result.exit_code == 0, result.output
heavy = {{"torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets"}} & set(sys.modules)
assert not heavy, heavy
"""
    finished: Any = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


def test_values_and_titles_stay_whole_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from localft.cli.plan import _keep_words_whole, _table

    table = _table("Memory of one process, estimated", "part", "rule")
    table.add_row("total", "as many words as there are, then per_device_train_batch_size")
    _keep_words_whole(table)
    Console(width=44, highlight=False).print(table)
    printed = capsys.readouterr().out
    assert "Memory of one process, estimated" in printed and "per_device_train_batch_size" in printed


def test_the_text_tells_how_a_step_is_cut_and_what_packing_and_sharing_spare() -> None:
    text = " ".join(run(SMOKE, "--batch-size", "8").stdout.split())
    assert re.search(r"micro-batches 1 a step, on average of the first \d+; at most \d+ tokens in one", text)
    assert re.search(r"rows packed no padding; padded to the longest they would take 1\.\d\dx the tokens", text)
    assert re.search(r"share_prefixes true auto: on, since dropout is 0; [1-9]\d% fewer tokens to compute", text)
    assert "attention by example sdpa of torch, if the model proves to keep examples apart" in text


def test_the_plan_forecasts_its_execution_and_means_the_same_without(tmp_path: Path) -> None:
    shared = planned(SMOKE, "--batch-size", "8")
    apart = planned(SMOKE, "--batch-size", "8", "--share-prefixes", "false")
    assert shared.execution.forecast is not None and apart.execution.forecast is not None
    assert shared.execution.forecast.computed_tokens < shared.execution.forecast.tokens
    assert apart.execution.forecast.computed_tokens == apart.execution.forecast.tokens
    assert shared.meaning_fingerprint() == apart.meaning_fingerprint()
