"""`localft azure sweep` and `localft azure model`: what they write passes Azure's own client."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from localft.cli.azure import azure
from localft.cli.main import Invocation
from localft.errors import UsageError
from localft.runner import run_job
from localft.sweep.azure_job import with_flag
from runs import MODEL, FakeEngine, request_for, write_chats

pytest.importorskip("azure.ai.ml")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with data and a recipe, as current directory."""
    monkeypatch.chdir(tmp_path)
    write_chats(tmp_path / "train.jsonl")
    write_chats(tmp_path / "valid.jsonl", 4, word="valid")
    recipe = {"model": MODEL, "training_file": "train.jsonl", "validation_file": "valid.jsonl", "suffix": "travel"}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    yield tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(azure, list(arguments), obj=Invocation(["azure", *arguments]))


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exception is None, result.exception
    return result.output


def swept(*grid: str, job: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> dict[str, Any]:
    """The sweep as written, after Azure's client has taken it."""
    done("job", "recipe.yaml", "--compute", "gpu", *job)
    done("sweep", "job.yml", *(part for axis in grid for part in ("--grid", axis)), *more)
    assert "valid, by Azure's load_job" in done("submit", "sweep.yml", "--dry-run")
    return dict(yaml.safe_load(Path("sweep.yml").read_text()))


def test_the_sweep_is_the_job_with_its_command_told_what_azure_tries() -> None:
    sweep = swept("learning_rate_multiplier=0.5,1,2", "lora.rank=8,16", job=("--n-epochs", "2"))
    assert sweep["search_space"] == {
        "learning_rate_multiplier": {"type": "choice", "values": [0.5, 1.0, 2.0]},
        "lora_rank": {"type": "choice", "values": [8, 16]},
    }
    assert sweep["limits"] == {"max_total_trials": 6}
    assert sweep["objective"] == {"goal": "minimize", "primary_metric": "full_valid_loss"}
    assert set(sweep["inputs"]) == {"model", "training_file", "validation_file", "batch_size", "n_epochs", "seed"}
    assert sweep["inputs"]["n_epochs"] == 2
    words = shlex.split(sweep["trial"]["command"])
    flags = dict(itertools.pairwise(words))
    assert flags["--learning-rate-multiplier"] == "${{search_space.learning_rate_multiplier}}"
    assert flags["--lora-rank"] == "${{search_space.lora_rank}}"
    assert flags["--n-epochs"] == "${{inputs.n_epochs}}"
    assert flags["--resume"] == "auto"


def test_models_that_azure_tries_take_the_place_of_the_jobs_model() -> None:
    sweep = swept(f"model={MODEL},phi-4-mini-instruct")
    assert "model" not in sweep["inputs"]
    assert sweep["search_space"]["model"] == {"type": "choice", "values": [MODEL, "phi-4-mini-instruct"]}
    assert sweep["trial"]["command"].count("--model ") == 1


def test_azures_client_makes_of_it_what_was_meant() -> None:
    from azure.ai.ml import load_job

    swept("learning_rate_multiplier=0.5,auto", "seed=1,2", more=("--max-concurrent-trials", "3"))
    wire = load_job("sweep.yml")._to_rest_object().properties
    assert wire["samplingAlgorithm"]["samplingAlgorithmType"] == "Grid"
    assert wire["objective"]["goal"].lower() == "minimize" and wire["objective"]["primaryMetric"] == "full_valid_loss"
    assert wire["searchSpace"]["seed"] == ["choice", [[1, 2]]]
    assert wire["searchSpace"]["learning_rate_multiplier"] == ["choice", [[0.5, "auto"]]]
    assert (wire["limits"]["maxTotalTrials"], wire["limits"]["maxConcurrentTrials"]) == (4, 3)
    assert "${{search_space.seed}}" in wire["trial"]["command"]
    assert wire["computeId"] == "gpu"


def test_machines_of_the_job_are_those_of_each_trial() -> None:
    sweep = swept("n_epochs=1,2", job=("--nodes", "2", "--gpus-per-node", "4"))
    assert sweep["trial"]["resources"]["instance_count"] == 2
    assert sweep["trial"]["distribution"] == {"type": "pytorch", "process_count_per_instance": 1}
    assert "--num_processes 8" in sweep["trial"]["command"]
    assert "would run on 2 nodes of azureml:gpu" in done("submit", "sweep.yml", "--dry-run")


def test_what_bounds_the_job_bounds_each_trial(place: Path) -> None:
    done("job", "recipe.yaml", "--compute", "gpu")
    text = (place / "job.yml").read_text()
    (place / "job.yml").write_text(text.replace("command: >-", "command: >") + "limits: {timeout: 3600}\n")
    done("sweep", "job.yml", "--grid", "n_epochs=1,2")
    assert "valid, by Azure's load_job" in done("submit", "sweep.yml", "--dry-run")
    sweep = yaml.safe_load(Path("sweep.yml").read_text())
    assert sweep["limits"] == {"max_total_trials": 2, "trial_timeout": 3600}
    assert sweep["trial"]["command"].count(" train ") == 1 and sweep["trial"]["command"].endswith("--resume auto")


def test_a_seed_left_open_is_drawn_once_and_the_output_has_no_path_that_trials_could_share() -> None:
    sweep = swept("n_epochs=1,2")
    assert isinstance(sweep["inputs"]["seed"], int)
    assert sweep["outputs"] == {"run": {"type": "uri_folder", "mode": "rw_mount"}}


def test_trials_log_to_mlflow_where_azure_reads_the_loss(place: Path) -> None:
    assert "--integrations mlflow" in swept("n_epochs=1,2")["trial"]["command"]
    recipe = json.loads((place / "recipe.yaml").read_text())
    (place / "recipe.yaml").write_text(json.dumps({**recipe, "integrations": ["tensorboard", "mlflow"]}))
    for made in ("job.yml", "sweep.yml"):
        Path(made).unlink()
    assert "--integrations" not in swept("n_epochs=1,2")["trial"]["command"]
    (place / "recipe.yaml").write_text(json.dumps({**recipe, "integrations": ["tensorboard"]}))
    done("job", "recipe.yaml", "--compute", "gpu")
    result = run("sweep", "job.yml", "--grid", "n_epochs=1,2")
    assert isinstance(result.exception, UsageError) and "add mlflow to them" in str(result.exception)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("n_epoch=1", "n_epoch is not a key. Did you mean n_epochs?"),
        ("n_epochs=0,2", "n_epochs is 0; expected an integer from 1 to 50"),
        ("training_file=a.jsonl,b.jsonl", "on Azure ML a file is one input of the whole sweep"),
        ("model=azureml:llama:1", "azureml:llama:1 is no hub id"),
    ],
)
def test_a_grid_that_azure_could_not_try_is_refused(grid: str, said: str) -> None:
    done("job", "recipe.yaml", "--compute", "gpu")
    result = run("sweep", "job.yml", "--grid", grid)
    assert isinstance(result.exception, UsageError) and said in str(result.exception)
    assert not Path("sweep.yml").exists()


def test_a_job_without_validation_file_is_refused(place: Path) -> None:
    (place / "recipe.yaml").write_text(json.dumps({"model": MODEL, "training_file": "train.jsonl"}))
    done("job", "recipe.yaml", "--compute", "gpu")
    result = run("sweep", "job.yml", "--grid", "n_epochs=1,2")
    assert isinstance(result.exception, UsageError) and "the job has no validation_file" in str(result.exception)


def test_a_job_of_something_else_is_refused() -> None:
    Path("job.yml").write_text("type: command\ncommand: python train.py\ncode: .\n")
    result = run("sweep", "job.yml", "--grid", "n_epochs=1,2")
    assert isinstance(result.exception, UsageError) and "make one with `localft azure job`" in str(result.exception)


@pytest.mark.parametrize("value", ["${{inputs.n_epochs}}", '"${{inputs.n_epochs}}"', "3"])
def test_a_flag_of_the_command_is_set_in_its_place(value: str) -> None:
    command = f'train r.yaml --n-epochs {value} --seed 1 --output-dir "x"'
    assert with_flag(command, "n_epochs", "N") == 'train r.yaml --n-epochs N --seed 1 --output-dir "x"'
    assert with_flag(command, "lora_rank", "R").endswith('--seed 1 --lora-rank R --output-dir "x"')


# --- the model asset


def test_the_model_file_passes_azures_client_and_points_to_the_files(place: Path) -> None:
    from azure.ai.ml import load_model

    run_job(request_for(place, suffix="travel", output_dir=str(place / "run")), engine=FakeEngine())
    assert "az ml model create --file model.yml" in done("model", "run")
    asset = load_model("model.yml")
    assert (asset.name, asset.type, asset.version) == ("tiny-llama-travel", "custom_model", None)
    assert Path(str(asset.path)).resolve() == place / "run" / "model"
    assert asset.tags["base_model"] == MODEL and re.fullmatch("ftjob-[0-9a-f]{32}", asset.tags["localft.job"])
    assert len(asset.tags) <= 50 and all(len(value) <= 1000 for value in asset.tags.values())

    done("model", "run", "--name", "travel", "--job", "jolly_boot_1", "-o", "cloud.yml")
    cloud = load_model("cloud.yml")
    assert cloud.name == "travel" and cloud.path == "azureml://jobs/jolly_boot_1/outputs/run/paths/model"


def test_the_model_file_goes_into_a_directory_that_is_made_for_it(place: Path) -> None:
    run_job(request_for(place, output_dir=str(place / "run")), engine=FakeEngine())
    assert "az ml model create --file 'my assets/m3.yml'" in done("model", "run", "-o", "my assets/m3.yml")
    assert yaml.safe_load((place / "my assets" / "m3.yml").read_text())["path"] == "../run/model"


def test_a_directory_that_is_no_run_is_refused_with_the_run_that_is_near(place: Path) -> None:
    def refusal(path: str) -> str:
        return str(run("model", path).exception)

    run_job(request_for(place, output_dir=str(place / "sweep" / "n_epochs=2")), engine=FakeEngine())
    (place / "sweep" / "sweep.json").write_text(json.dumps({"best": "n_epochs=2"}))
    said = "expected the directory of a finished run, found none; give one that has a job.json"
    assert refusal("nope") == f"nope: {said}."
    assert refusal("train.jsonl") == f"train.jsonl: {said}."
    assert refusal("sweep") == f"sweep: {said}: sweep/n_epochs=2, the best trial of this sweep."
    (place / "sweep" / "sweep.json").write_text(json.dumps({"best": None}))
    assert refusal("sweep") == f"sweep: {said}: that of a trial of this sweep."
    inner = "sweep/n_epochs=2/model"
    assert refusal(inner) == f"{inner}: {said}: {place / 'sweep' / 'n_epochs=2'}, which this is a part of."


def test_a_name_that_azure_does_not_take_is_refused(place: Path) -> None:
    run_job(request_for(place, output_dir=str(place / "run")), engine=FakeEngine())
    result = run("model", "run", "--name", "my model")
    assert isinstance(result.exception, UsageError) and "--name my model" in str(result.exception)
