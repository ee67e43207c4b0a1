"""The mapping that job.yml holds: inputs, command, machines, and the text."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from localft.azure.addresses import is_cloud_path
from localft.azure.job import (
    Labels,
    Target,
    command_job,
    input_path,
    job_inputs,
    to_yaml,
    train_command,
)
from localft.azure.launch import Machines
from localft.plan import TrainingRequest
from localft.recipe import request_from

HERE = Path("jobs")


def request(**values: Any) -> TrainingRequest:
    return request_from({"model": "phi-4-mini-instruct", "training_file": "data/train.jsonl", **values})


def made(machines: Machines = Machines(), target: Target = Target("gpu"), **values: Any) -> dict[str, Any]:  # noqa: B008
    return command_job(request(**values), recipe="job.yaml", directory=HERE, machines=machines, target=target)


def test_data_files_are_read_only_files_seen_from_the_job_file() -> None:
    inputs = job_inputs(request(validation_file="jobs/valid.jsonl", chat_template="chat.jinja"), HERE)
    assert inputs["training_file"] == {"type": "uri_file", "path": "../data/train.jsonl", "mode": "ro_mount"}
    assert inputs["validation_file"] == {"type": "uri_file", "path": "./valid.jsonl", "mode": "ro_mount"}
    assert inputs["chat_template"] == {"type": "uri_file", "path": "../chat.jinja", "mode": "ro_mount"}


def test_the_four_knobs_are_inputs_with_the_recipes_values() -> None:
    knobs = {"batch_size": 8, "learning_rate_multiplier": 0.5, "n_epochs": None}
    inputs = job_inputs(request(method={"supervised": {"hyperparameters": knobs}}, seed=-1), HERE)
    del inputs["model"], inputs["training_file"]
    assert inputs == {"batch_size": 8, "learning_rate_multiplier": 0.5, "n_epochs": "auto", "seed": "auto"}


def test_a_model_by_name_is_a_value_and_one_on_this_machine_is_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "phi-4-mini-instruct").mkdir()  # a name of the catalogue means what it means there
    monkeypatch.chdir(tmp_path)
    assert job_inputs(request(), HERE)["model"] == "phi-4-mini-instruct"
    assert job_inputs(request(model="microsoft/phi-4"), HERE)["model"] == "microsoft/phi-4"
    (tmp_path / "runs" / "first").mkdir(parents=True)
    inputs = job_inputs(request(model=str(tmp_path / "runs" / "first")), tmp_path)
    assert inputs["model"] == {"type": "uri_folder", "path": "./runs/first", "mode": "ro_mount"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("azureml:llama:1", "uri_folder"),
        ("azureml://datastores/workspaceblobstore/paths/llama", "uri_folder"),
        ("azureml://registries/azureml-meta/models/Llama-3.1-8B/versions/4", "custom_model"),
    ],
)
def test_a_model_of_azures_is_taken_as_it_is_named(path: str, kind: str) -> None:
    assert job_inputs(request(model=path), HERE)["model"] == {"type": kind, "path": path, "mode": "ro_mount"}


@pytest.mark.parametrize(
    ("path", "cloud"),
    [
        ("azureml:travel:1", True),
        ("azureml:travel@latest", True),
        ("azureml://datastores/workspaceblobstore/paths/a.jsonl", True),
        ("https://account.blob.core.windows.net/data/a.jsonl", True),
        ("abfss://data@account.dfs.core.windows.net/a.jsonl", True),
        ("data/train.jsonl", False),
        ("C:/data/train.jsonl", False),
        ("/data/train.jsonl", False),
    ],
)
def test_what_azure_resolves_is_told_from_a_local_path(path: str, cloud: bool) -> None:
    assert is_cloud_path(path) is cloud
    if cloud:
        assert input_path(path, HERE) == path


@pytest.mark.parametrize(
    "path", ["train.jsonl", "./train.jsonl", "a b/train.jsonl", "../train.jsonl", "/tmp/train.jsonl"]
)
def test_a_local_path_begins_with_a_dot_and_leads_to_the_file(path: str, tmp_path: Path) -> None:
    written = input_path(path, tmp_path / "jobs")
    assert written.startswith(("./", "../"))
    assert (tmp_path / "jobs" / written).resolve() == Path(path).resolve()


def test_the_command_gives_each_input_to_the_flag_of_its_name() -> None:
    inputs = job_inputs(request(validation_file="valid.jsonl"), HERE)
    words = shlex.split(train_command(Machines(), "job.yaml", inputs))
    assert words[:5] == ["python", "-m", "localft", "train", "job.yaml"]
    flags = dict(zip(words[5::2], words[6::2], strict=True))
    assert flags == {
        "--model": "${{inputs.model}}",
        "--training-file": "${{inputs.training_file}}",
        "--validation-file": "${{inputs.validation_file}}",
        "--batch-size": "${{inputs.batch_size}}",
        "--learning-rate-multiplier": "${{inputs.learning_rate_multiplier}}",
        "--n-epochs": "${{inputs.n_epochs}}",
        "--seed": "${{inputs.seed}}",
        "--output-dir": "${{outputs.run}}",
        "--resume": "auto",
    }


def test_a_sweep_binds_what_it_varies() -> None:
    inputs = job_inputs(request(), HERE)
    bound = {"n_epochs": "${{search_space.n_epochs}}", "lora_rank": "${{search_space.lora_rank}}"}
    command = train_command(Machines(), "job.yaml", inputs, bound=bound)
    assert "--n-epochs ${{search_space.n_epochs}}" in command and "--lora-rank ${{search_space.lora_rank}}" in command
    assert "inputs.n_epochs" not in command


@pytest.mark.parametrize("target", [Target("gpu"), Target("gpu", spot=True), Target(instance_type="S", spot=True)])
@pytest.mark.parametrize("machines", [Machines(), Machines(2, 8), Machines(2, 8, "platform")])
def test_every_job_goes_on_with_the_run_in_its_own_output(target: Target, machines: Machines) -> None:
    job = made(machines, target)
    assert job["command"].endswith('--output-dir "${{outputs.run}}" --resume auto')
    run = job["outputs"]["run"]
    assert (run["type"], run["mode"]) == ("uri_folder", "rw_mount")
    assert run["path"].endswith("/${{name}}")


def test_a_cluster_is_named_and_serverless_machines_are_asked_for() -> None:
    on_cluster = made(target=Target("azureml:gpu", spot=True))
    assert on_cluster["compute"] == "azureml:gpu" and "queue_settings" not in on_cluster
    serverless = made(target=Target(instance_type="Standard_NC24ads_A100_v4", spot=True))
    assert "compute" not in serverless
    assert serverless["resources"]["instance_type"] == "Standard_NC24ads_A100_v4"
    assert serverless["queue_settings"] == {"job_tier": "spot"}
    assert on_cluster["tags"]["spot"] == serverless["tags"]["spot"] == "true"


def test_several_processes_on_a_node_get_shared_memory() -> None:
    assert "shm_size" not in made(Machines(nodes=2))["resources"]
    assert made(Machines(gpus_per_node=2))["resources"] == {"instance_count": 1, "shm_size": "8g"}


def test_a_job_can_be_named_and_tagged() -> None:
    labels = Labels("trips", "first", {"team": "travel"})
    job = command_job(
        request(), recipe="job.yaml", directory=HERE, machines=Machines(), target=Target("gpu"), labels=labels
    )
    assert (job["experiment_name"], job["display_name"], job["tags"]["team"]) == ("trips", "first", "travel")
    assert made(suffix="travel")["display_name"] == "travel"
    assert made(model="microsoft/Phi-4-mini-instruct")["display_name"] == "Phi-4-mini-instruct"


def test_a_registered_environment_takes_the_place_of_the_image() -> None:
    job = command_job(
        request(),
        recipe="job.yaml",
        directory=HERE,
        machines=Machines(),
        target=Target("gpu"),
        environment="azureml:localft:3",
    )
    assert job["environment"] == "azureml:localft:3"


@pytest.mark.parametrize("machines", [Machines(), Machines(2, 8), Machines(2, 8, "platform")])
def test_the_yaml_says_the_job_with_one_flag_a_line(machines: Machines) -> None:
    job = made(machines)
    text = to_yaml(job, "# above\n")
    assert text.startswith("# above\n$schema: ")
    assert yaml.safe_load(text) == job
    assert "\n  --batch-size ${{inputs.batch_size}}\n" in text


def test_the_yaml_of_a_sweep_folds_the_command_of_its_trial() -> None:
    sweep = {"type": "sweep", "trial": {"command": "python -m localft train a.yaml --resume auto"}}
    text = to_yaml(sweep)
    assert yaml.safe_load(text) == sweep
    assert "  command: >-\n    python -m localft\n    train a.yaml\n    --resume auto" in text


def test_what_looks_like_the_command_elsewhere_and_a_command_of_several_lines_stay_as_they_are() -> None:
    job = {"tags": {"command": "hello", "": "command: x"}, "command": "python -m localft train a.yaml --seed 1"}
    assert yaml.safe_load(to_yaml(job)) == job
    sweep = {"type": "sweep", "trial": {"command": "set -e\npython -m localft train a.yaml --seed 1\n"}}
    assert yaml.safe_load(to_yaml(sweep)) == sweep
