"""The submission by the real MLClient and the real DefaultAzureCredential, against a little Azure on loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localft import settings
from localft.azure import client
from localft.azure.job import Target, command_job, to_yaml
from localft.azure.launch import Machines
from localft.cli import main
from localft.errors import SubmissionFailed, UsageError
from localft.recipe import request_from
from loopback_azure import FakeAzure, fake_azure

HERE = settings.AzureWorkspace("S", "G", "W")


@pytest.fixture(autouse=True)
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzure]:
    for name in (*settings.AZURE_WORKSPACE, "AZURE_CLIENT_ID", "AZUREML_CURRENT_CLOUD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with fake_azure(tmp_path) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job on data and an environment that Azure has, so that the code alone is uploaded."""
    code = tmp_path / "localft-files" / "code"
    (code / "localft" / "__pycache__").mkdir(parents=True)
    (code / "localft" / "__main__.py").write_text("raise SystemExit\n")
    (code / "localft" / "__pycache__" / "x.pyc").write_bytes(b"")
    (code / ".amlignore").write_text("__pycache__/\n")
    (code / "job.yaml").write_text("model: phi-4-mini-instruct\n")
    request = request_from({"model": "phi-4-mini-instruct", "training_file": "azureml:travel:1"})
    made = command_job(
        request,
        recipe="job.yaml",
        directory=tmp_path,
        machines=Machines(2, 4),
        target=Target("gpu"),
        environment="azureml:localft:3",
    )
    (tmp_path / "job.yml").write_text(to_yaml(made))
    return tmp_path / "job.yml"


def test_a_job_arrives_as_the_file_says_it(azure: FakeAzure, job: Path) -> None:
    submitted = client.submit(client.check(job), HERE)
    sent = azure.jobs[submitted.name]
    assert submitted.studio_url == f"https://ml.azure.com/runs/{submitted.name}"
    assert sent["command"].startswith(
        "accelerate launch --multi_gpu --num_machines 2 --num_processes 8 --machine_rank $NODE_RANK"
    )
    assert sent["distribution"] == {"processCountPerInstance": 1, "distributionType": "PyTorch"}
    assert sent["resources"]["instanceCount"] == 2
    assert sent["computeId"].endswith("/workspaces/W/computes/gpu")
    assert sent["environmentId"].endswith("/environments/localft/versions/3")
    assert sent["inputs"]["training_file"]["uri"].endswith("/data/travel/versions/1")
    assert sent["inputs"]["n_epochs"] == {"value": "auto", "jobInputType": "literal"}
    assert sent["outputs"]["run"]["mode"] == "ReadWriteMount"


def test_the_code_is_uploaded_whole_and_without_compiled_files(azure: FakeAzure, job: Path) -> None:
    client.submit(client.check(job), HERE)
    assert azure.blobs == {
        "/container/code/.amlignore": b"__pycache__/\n",
        "/container/code/job.yaml": b"model: phi-4-mini-instruct\n",
        "/container/code/localft/__main__.py": b"raise SystemExit\n",
    }


def test_the_command_line_prints_the_name_the_page_and_what_to_do_next(
    azure: FakeAzure, job: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in zip(settings.AZURE_WORKSPACE, ("S", "G", "W"), strict=True):
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        main.run(["azure", "submit", str(job)])
    assert ended.value.code == 0
    (name,) = azure.jobs
    printed = capsys.readouterr().out
    assert printed.startswith(f"{name} submitted\n  in the studio    https://ml.azure.com/runs/{name}\n")
    assert f"az ml job stream --name {name} " in printed


def test_the_workspace_may_come_from_a_config_json_above(
    azure: FakeAzure, job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"subscription_id": "S2", "resource_group": "G2", "workspace_name": "W2"}
    Path("config.json").write_text(json.dumps(named))
    below = Path("below")
    below.mkdir()
    monkeypatch.chdir(below)
    client.submit(client.check(job), None)
    assert any(
        asked.startswith("PUT /subscriptions/S2/resourceGroups/G2/") and "/jobs/" in asked for asked in azure.requests
    )


def test_flags_come_before_the_environment_and_part_of_a_workspace_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.azure_workspace(None, None, None) is None
    for variable, value in zip(settings.AZURE_WORKSPACE, ("S", "G", "W"), strict=True):
        monkeypatch.setenv(variable, value)
    assert settings.azure_workspace(None, None, "other") == settings.AzureWorkspace("S", "G", "other")
    monkeypatch.delenv(settings.AZURE_WORKSPACE[1])
    with pytest.raises(UsageError, match=r"found no --resource-group \(or AZUREML_ARM_RESOURCEGROUP\); give all three"):
        settings.azure_workspace("S", None, "W")


def test_without_a_workspace_the_ways_to_name_one_are_said(azure: FakeAzure, job: Path) -> None:
    with pytest.raises(
        UsageError, match=r"--subscription, --resource-group and --workspace, .* config\.json here or above"
    ):
        client.submit(client.check(job), None)
    assert azure.requests == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"subscription_id": "S",', "found what is no JSON (Expecting property name"),
        ("[]", "found JSON without keys;"),
        ("{}", "found no subscription_id, no resource_group, no workspace_name;"),
        (
            '{"subscription_id": 5, "resource_group": "G", "workspace_name": ""}',
            'found subscription_id: 5, workspace_name: "";',
        ),
        (None, "found Permission denied;"),
    ],
)
def test_a_config_json_that_names_no_workspace_is_named_with_what_it_needs(
    azure: FakeAzure, job: Path, text: str | None, found: str
) -> None:
    config = Path("config.json")
    config.write_text(text or "{}")
    if text is None:
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        config.chmod(0)
    with pytest.raises(UsageError) as refused:
        client.submit(client.check(job), None)
    expected = "expected a JSON object with the texts subscription_id, resource_group and workspace_name, found "
    assert str(refused.value).startswith(f"{config.absolute()}: {expected}")
    assert found in str(refused.value) and azure.requests == []


def test_a_config_json_of_the_older_kind_names_its_workspace_by_its_id(azure: FakeAzure, job: Path) -> None:
    Path(".azureml").mkdir()
    scope = "/subscriptions/S3/resourceGroups/G3/providers/Microsoft.MachineLearningServices/workspaces/W3"
    Path(".azureml/config.json").write_text(json.dumps({"Id": None, "Scope": scope}))
    client.submit(client.check(job), None)
    assert any(asked.startswith("PUT /subscriptions/S3/resourceGroups/G3/") for asked in azure.requests)


def test_a_job_with_problems_is_not_sent(azure: FakeAzure, job: Path) -> None:
    job.write_text(job.read_text().replace("compute: azureml:gpu\n", ""))
    with pytest.raises(UsageError, match="expected compute: azureml:CLUSTER"):
        client.submit(client.check(job), HERE)
    assert azure.requests == []


def test_a_dry_run_asks_nobody(azure: FakeAzure, job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.run(["azure", "submit", str(job), "--dry-run", "-w", "W"])
    assert (ended.value.code, azure.requests) == (0, [])
    assert capsys.readouterr().out.endswith("would run on 2 nodes of azureml:gpu. Nothing was sent.\n")


def test_what_azure_refuses_a_job_for_is_told_in_its_words(azure: FakeAzure, job: Path) -> None:
    azure.refusal = (400, {"error": {"code": "UserError", "message": "Unknown compute target 'gpu'."}})
    with pytest.raises(
        SubmissionFailed, match=r"job\.yml: Azure did not take the job: .*Unknown compute target 'gpu'\."
    ):
        client.submit(client.check(job), HERE)


def test_an_account_that_azure_does_not_know_is_told_to_log_in(azure: FakeAzure, job: Path) -> None:
    azure.knows_us = False
    with pytest.raises(SubmissionFailed, match=r"Azure does not know who is asking: .* Run `az login`") as failed:
        client.submit(client.check(job), HERE)
    assert failed.value.code == "authentication_failed"
    assert azure.jobs == {}


def test_what_the_client_refuses_when_it_sends_is_found_before_anything_is_sent(azure: FakeAzure, job: Path) -> None:
    loaded = client.check(job)
    job.write_text(
        job.read_text().replace("environment: azureml:localft:3", "environment: {image: x/y, build: {path: .}}")
    )
    (problem,) = client._refused_when_sent(loaded)
    assert problem.message == (
        "expected a job that Azure's client takes, found: Docker image or Dockerfile should be provided not both"
    )
    assert azure.requests == []
