"""Every shipped Azure ML job passes Azure's own client and localft's checks; so do the clusters. No account, no network.

That they are what `localft azure job` makes is held by tests/architecture/test_generated_files.py.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from localft.azure import client
from localft.recipe import read_recipe
from planning import ROOT

DIRECTORY = ROOT / "recipes" / "azureml"
JOBS = sorted(DIRECTORY.glob("*.yml"))
CLUSTERS = sorted((DIRECTORY / "compute").glob("*.yml"))


def test_there_is_a_job_for_each_kind_of_machines() -> None:
    assert {path.stem for path in JOBS} == {
        "low-priority", "many-nodes", "many-nodes-platform", "one-gpu", "one-node", "sharded"
    }  # fmt: skip


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_passes_azures_own_client_and_localfts_checks(path: Path) -> None:
    client.check(path)


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_what_reaches_azure_is_what_the_file_says(path: Path) -> None:
    from azure.ai.ml import load_job

    job = load_job(path)
    sent = job._to_job()._to_rest_object().as_dict()["properties"]
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert sent["command"] == said["command"]
    assert sent["outputs"]["run"]["mode"] == "ReadWriteMount" and sent["outputs"]["run"]["uri"].endswith("/${{name}}")
    assert {name for name, given in sent["inputs"].items() if given["jobInputType"] == "uri_file"} == {
        "training_file",
        "validation_file",
    }
    assert {"model", "batch_size", "learning_rate_multiplier", "n_epochs", "seed"} <= set(sent["inputs"])
    assert sent["resources"]["instanceCount"] == said["resources"]["instance_count"]
    if "distribution" in said:
        assert sent["distribution"]["processCountPerInstance"] == said["distribution"]["process_count_per_instance"]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_a_job_names_a_cluster_that_is_described_and_large_enough(path: Path) -> None:
    job = yaml.safe_load(path.read_text(encoding="utf-8"))
    cluster = yaml.safe_load((DIRECTORY / "compute" / f"{job['compute'].removeprefix('azureml:')}.yml").read_text())
    assert cluster["max_instances"] >= job["resources"]["instance_count"]
    assert (cluster["tier"] == "low_priority") == (path.stem == "low-priority") == ("spot" in job["tags"])


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.stem)
def test_a_cluster_passes_azures_own_client_and_costs_nothing_when_idle(path: Path) -> None:
    from azure.ai.ml import load_compute

    cluster = load_compute(path)
    assert (cluster.name, cluster.min_instances) == (path.stem, 0)
    assert cluster.size.startswith("Standard_N") and cluster.tier in ("dedicated", "low_priority")


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_the_command_of_a_job_is_one_that_localft_parses(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flags as `localft train` takes them, with the values that Azure puts in, against the recipe in the code folder."""
    import typer

    from localft.cli import options
    from localft.cli.main import app

    job = yaml.safe_load(path.read_text(encoding="utf-8"))
    command = job["command"]
    for name, given in job["inputs"].items():
        value = str((path.parent / given["path"]).resolve()) if isinstance(given, dict) else str(given)
        command = command.replace(f"${{{{inputs.{name}}}}}", value)
    words = shlex.split(command.replace("${{outputs.run}}", "/mnt/run"))
    arguments = words[words.index("train") + 1 :]
    monkeypatch.chdir(path.parent / job["code"])
    group = typer.main.get_command(app)
    train = group.get_command(typer.Context(group), "train")  # type: ignore[attr-defined]
    with train.make_context("train", arguments) as context:
        assert context.params["resume"] == "auto" and context.params["output_dir"] == "/mnt/run"
        request = read_recipe(context.params["recipe"], options.overrides(context))
    assert request.training_file.endswith("src/localft/samples/travel_assistant.jsonl")
    assert request.method.supervised.hyperparameters.batch_size == job["inputs"]["batch_size"]
