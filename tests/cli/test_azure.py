"""`localft azure`: what a user types, what is written, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from localft.azure.files import tracker_pins
from localft.cli import main
from localft.plan.integrations import TrackerName
from planning import ROOT
from runs import MODEL, environment, write_chats


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a recipe and its data, which is the current one; localft itself is linked, not copied."""
    (tmp_path / "data").mkdir()
    write_chats(tmp_path / "data" / "train.jsonl")
    (tmp_path / "recipe.yaml").write_text(f"model: {MODEL}\ntraining_file: data/train.jsonl  # mine\nsuffix: trips\n")
    link = tmp_path / "localft-files" / "code" / "localft"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path(main.__file__).parent.parent)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main.run(["azure", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def made(*arguments: str) -> dict[str, Any]:
    assert run("job", "recipe.yaml", *arguments) == 0
    loaded: dict[str, Any] = yaml.safe_load(Path("job.yml").read_text())
    return loaded


def test_a_job_is_made_and_the_next_command_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    job = made("--compute", "gpu")
    assert job["compute"] == "azureml:gpu" and job["display_name"] == "trips"
    assert job["inputs"]["training_file"]["path"] == "./data/train.jsonl"
    assert Path("localft-files/code/job.yaml").read_text() == Path("recipe.yaml").read_text()
    assert "localft azure submit job.yml --dry-run" in capsys.readouterr().out


def test_an_edited_file_is_kept_unless_it_is_to_be_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    made("--compute", "gpu")
    written = Path("job.yml").read_text()
    made("--compute", "gpu")  # the same again
    Path("job.yml").write_text(written + "# mine\n")
    assert run("job", "recipe.yaml", "--compute", "gpu") == 2
    assert "--replace" in capsys.readouterr().err
    assert Path("job.yml").read_text().endswith("# mine\n")
    made("--compute", "gpu", "--replace")
    assert Path("job.yml").read_text() == written


def test_the_job_file_says_the_command_that_made_it() -> None:
    made("--compute", "gpu", "--display-name", "a trip")
    head = Path("job.yml").read_text().splitlines()
    assert head[0] == "# Made by: localft azure job recipe.yaml --compute gpu --display-name 'a trip'"


def test_a_label_of_several_lines_stays_in_its_line_of_the_header() -> None:
    job = made("--compute", "gpu", "--display-name", "a\nb: it's c")
    assert job["display_name"] == "a\nb: it's c" and "b" not in job
    assert Path("job.yml").read_text().splitlines()[0].endswith(r"--display-name $'a\nb: it\'s c'")


def test_flags_override_the_recipe_and_become_inputs() -> None:
    job = made("--compute", "gpu", "--batch-size", "4", "--n-epochs", "2", "--training-file", "azureml:trips:1")
    assert (job["inputs"]["batch_size"], job["inputs"]["n_epochs"]) == (4, 2)
    assert job["inputs"]["training_file"]["path"] == "azureml:trips:1"


def test_labels_machines_and_environment_are_written() -> None:
    job = made(
        *("--instance-type", "Standard_NC24ads_A100_v4", "--spot", "--nodes", "2", "--gpus-per-node", "4"),
        *("--launcher", "platform", "--environment", "azureml:localft:3", "--experiment-name", "trips"),
        *("--tag", "team=travel", "--tag", "formula=a=b"),
    )
    assert job["queue_settings"] == {"job_tier": "spot"} and job["environment"] == "azureml:localft:3"
    assert job["distribution"] == {"type": "pytorch", "process_count_per_instance": 4}
    assert job["experiment_name"] == "trips"
    assert (job["tags"]["team"], job["tags"]["formula"]) == ("travel", "a=b")


@pytest.mark.parametrize("launcher", ["accelerate", "platform"])
def test_more_gpus_than_examples_in_a_step_are_noted(launcher: str, capsys: pytest.CaptureFixture[str]) -> None:
    made("--compute", "gpu", "--gpus-per-node", "4", "--launcher", launcher)
    assert (
        "note: batch_size is 1 (auto: round(0.002 x 12) = 0, at least 1) on 4 GPUs, so that 3"
        in capsys.readouterr().out
    )
    made("--compute", "gpu", "--gpus-per-node", "4", "--launcher", launcher, "--batch-size", "4", "--replace")
    assert "note:" not in capsys.readouterr().out


def test_a_cluster_has_to_be_preemptible_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    made("--compute", "gpu", "--spot")
    assert "tier: low_priority" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            (),
            "job.yml: expected compute: azureml:CLUSTER, or resources.instance_type for serverless compute, found neither",
        ),
        (("--compute", "a", "--instance-type", "b"), "--compute and --instance-type contradict each other"),
        (("--compute", "a", "--tag", "team"), "--tag team: expected NAME=VALUE, found no equals sign."),
        (("--compute", "a", "--tag", "=x"), "--tag =x: expected NAME=VALUE, found no name."),
        (
            ("--compute", "a", "--model", "./nonexistent"),
            "expected a catalogue id or a hub id such as owner/model, found ./none",
        ),
        (("--compute", "  "), "compute: expected the name of a cluster"),
        (("--compute", "a", "-o", "/proc/x.yml"), "--output /proc/x.yml: expected a place to write"),
        (("--compute", "a", "-o", "recipe.yaml"), "--output recipe.yaml: expected a job file such as job.yml"),
        (("--compute", "a", "-o", "job.json"), "--output job.json: expected a job file such as job.yml"),
        (("--compute", "a", "--n-epochs", "no"), "--n-epochs"),
        (("--compute", "my cluster"), "job.yml: compute: expected the name of a cluster, of letters, digits, dashes"),
        (
            ("--compute", "a", "--experiment-name", "my trips"),
            "experiment_name: expected a name that begins with a letter",
        ),
        (("--compute", "a", "--environment", "foo"), "job.yml: environment: expected azureml:NAME:VERSION"),
        (("--compute", "a", "--model", "azureml:m"), "job.yml: inputs.model.path: expected azureml:NAME:VERSION"),
        (("--compute", "a", "--model", "localft/tiny-bse"), "inputs.model: expected a catalogue id or a hub id"),
        (
            ("--compute", "a", "--training-file", "gs://b/a"),
            "found gs://b/a, which Azure cannot read as an input of a job",
        ),
        (("--compute", "a", "--sharded"), "--sharded: expected several GPUs, found 1; give --gpus-per-node.\n"),
        (
            ("--compute", "a", "--sharded", "--launcher", "platform", "--gpus-per-node", "2"),
            "--sharded: expected accelerate as launcher, found --launcher platform; leave --launcher out.",
        ),
        (
            ("--compute", "a", "--training-file", "gone.jsonl"),
            "inputs.training_file.path: expected a file, found none at ./gone",
        ),
    ],
)
def test_what_cannot_run_is_refused_and_nothing_is_written(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("job", "recipe.yaml", *arguments) == 2
    assert reason in capsys.readouterr().err
    assert not Path("job.yml").exists() and not Path("localft-files/environment").exists()


def test_bad_rows_are_told_before_a_machine_is_rented(capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/train.jsonl").write_text('{"messages": []}\n')
    assert run("job", "recipe.yaml", "--compute", "gpu") == 1
    assert "data/train.jsonl:1: messages" in capsys.readouterr().err
    assert not Path("job.yml").exists()


@pytest.mark.parametrize("other", ["training-file", "validation-file"])
def test_local_rows_are_looked_at_where_the_other_file_is_azures(
    other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("data/bad.jsonl").write_text('{"messages": []}\n')
    mine = {"training-file": "validation-file", "validation-file": "training-file"}[other]
    given = (f"--{other}", "azureml:trips:1", f"--{mine}", "data/bad.jsonl")
    assert run("job", "recipe.yaml", "--compute", "gpu", *given) == 1
    assert "data/bad.jsonl:1: messages" in capsys.readouterr().err
    assert not Path("job.yml").exists()


def test_a_model_given_by_a_flag_is_the_one_that_is_trained() -> None:
    job = made("--compute", "gpu", "--model", "phi-4-mini-instruct")
    assert job["inputs"]["model"] == "phi-4-mini-instruct"
    assert "--model ${{inputs.model}}" in job["command"]


def test_a_dry_run_is_the_real_clients_check_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    made("--compute", "gpu", "--nodes", "2", "--gpus-per-node", "2", "--batch-size", "4")
    capsys.readouterr()
    assert run("submit", "job.yml", "--dry-run") == 0
    assert capsys.readouterr().out == (
        "job.yml: valid, by Azure's load_job and by localft's own checks; would run on 2 nodes of azureml:gpu. "
        "Nothing was sent.\n"
    )
    Path("job.yml").write_text(Path("job.yml").read_text().replace("display_name", "displayname"))
    assert run("submit", "job.yml", "--dry-run") == 2
    assert "job.yml:8: displayname: expected a key of an Azure ML job" in capsys.readouterr().err


@pytest.mark.parametrize("given", [("--workspace", "w"), ("-w", "w", "-g", "g")])
def test_a_workspace_in_part_is_refused_by_what_is_missing(
    given: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("AZUREML_ARM"):
            monkeypatch.delenv(name)
    made("--compute", "gpu")
    assert run("submit", "job.yml", *given) == 2
    assert "found no --subscription (or AZUREML_ARM_SUBSCRIPTION)" in capsys.readouterr().err


def test_without_azures_packages_a_job_is_made_and_submit_names_the_extra(desk: Path) -> None:
    hidden = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'azure' or name.startswith('azure.'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from localft.cli.main import run\n"
        "run(sys.argv[1:])\n"
    )

    def localft(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", hidden, "azure", *arguments]
        return subprocess.run(command, cwd=desk, env=environment(desk), capture_output=True, text=True, check=False)

    assert localft("job", "recipe.yaml", "--compute", "gpu").returncode == 0
    refused = localft("submit", "job.yml", "--dry-run")
    assert refused.returncode == 1
    assert "pip install 'localft[azure]'" in refused.stderr and "Traceback" not in refused.stderr


# --- directories and names with blanks


def test_a_job_goes_into_a_directory_that_is_made_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("job", "recipe.yaml", "--compute", "gpu", "-o", "a/b/first.yml") == 0
    job = yaml.safe_load(Path("a/b/first.yml").read_text())
    assert job["inputs"]["training_file"]["path"] == "../../data/train.jsonl"
    assert run("submit", "a/b/first.yml", "--dry-run") == 0


@pytest.mark.parametrize("wrong", [("--compute", "my cluster"), ("--compute", "gpu", "--training-file", "gone.jsonl")])
def test_a_refused_job_leaves_no_directory_behind(wrong: tuple[str, ...]) -> None:
    assert run("job", "recipe.yaml", *wrong, "-o", "a/first.yml") == 2
    assert not Path("a").exists()


def test_a_place_that_cannot_be_written_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("job", "recipe.yaml", "--compute", "gpu", "-o", "recipe.yaml/job.yml") == 2
    assert (
        "error: --output recipe.yaml/job.yml: expected a place to write, found at recipe.yaml: "
        in capsys.readouterr().err
    )


def test_names_with_blanks_are_quoted_and_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Path("recipe.yaml")
    recipe.write_text(f"{recipe.read_text()}validation_file: data/train.jsonl\n")
    assert run("job", "recipe.yaml", "--compute", "gpu", "-o", "donn\u00e9es \u00e9t\u00e9/mon job.yml") == 0
    printed, text = capsys.readouterr().out, Path("donn\u00e9es \u00e9t\u00e9/mon job.yml").read_text()
    assert "  localft azure submit 'donn\u00e9es \u00e9t\u00e9/mon job.yml'\n" in printed
    assert "# Submit:  localft azure submit 'donn\u00e9es \u00e9t\u00e9/mon job.yml'\n" in text
    assert "\n  train 'mon job.yaml'\n" in text
    assert run("submit", "donn\u00e9es \u00e9t\u00e9/mon job.yml", "--dry-run") == 0
    swept = (
        "sweep",
        "donn\u00e9es \u00e9t\u00e9/mon job.yml",
        "--grid",
        "n_epochs=1,2",
        "-o",
        "donn\u00e9es \u00e9t\u00e9/mon sweep.yml",
    )
    assert run(*swept) == 0
    assert "  localft azure submit 'donn\u00e9es \u00e9t\u00e9/mon sweep.yml'\n" in capsys.readouterr().out
    assert run("submit", "donn\u00e9es \u00e9t\u00e9/mon sweep.yml", "--dry-run") == 0


def test_a_sweep_stands_beside_its_job_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    made("--compute", "gpu")
    assert run("sweep", "job.yml", "--grid", "n_epochs=1,2", "-o", "a/s.yml") == 2
    said = capsys.readouterr().err
    assert (
        "--output a/s.yml: expected a file beside job.yml, since a sweep uploads the localft-files/ there, found a/"
        in said
    )


# --- trackers


def test_the_image_gets_the_packages_of_the_recipes_trackers_and_keeps_those_of_other_jobs() -> None:
    recipe, requirements = Path("recipe.yaml"), Path("localft-files/environment/requirements.txt")
    made("--compute", "gpu")
    bare = requirements.read_text()
    assert "wandb" not in bare and "mlflow" in bare
    recipe.write_text(f"{recipe.read_text()}integrations: [mlflow, wandb]\n")
    made("--compute", "gpu")
    assert requirements.read_text().splitlines() == sorted([*bare.split(), *tracker_pins()["wandb"]])
    assert run("submit", "job.yml", "--dry-run") == 0
    recipe.write_text(recipe.read_text().replace("wandb", "tensorboard"))
    assert run("job", "recipe.yaml", "--compute", "gpu", "-o", "other.yml") == 0
    assert run("submit", "job.yml", "--dry-run") == 0
    assert run("submit", "other.yml", "--dry-run") == 0


def test_the_pins_of_trackers_are_those_that_are_tested() -> None:
    constraints = {line.partition(" ")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert set(tracker_pins()) == set(get_args(TrackerName))
    assert {pin for pins in tracker_pins().values() for pin in pins} <= constraints


# --- what is no job file


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("recipe.yaml", "found a recipe; `localft azure job recipe.yaml -o job.yml` makes a job of it."),
        ("data/train.jsonl", "expected a job file (YAML), found a data file; give one that `localft azure job` made."),
    ],
)
def test_what_is_no_job_is_told_in_one_sentence(file: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("submit", file, "--dry-run") == 2
    said = capsys.readouterr().err
    assert reason in said and len(said.splitlines()) == 1
