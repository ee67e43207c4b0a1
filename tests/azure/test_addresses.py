"""What Azure can read, and how its things may be called."""

from __future__ import annotations

import pytest

from localft.azure.addresses import compute_problem, data_problem, environment_problem, name_problem


@pytest.mark.parametrize(
    "address",
    [
        "azureml:travel:1",
        "azureml:travel@latest",
        "azureml://datastores/workspaceblobstore/paths/a b.jsonl",
        "azureml://registries/azureml-meta/models/Llama-3.1-8B/versions/4",
        "azureml://jobs/jolly_boot_1/outputs/run/paths/model",
        "https://account.blob.core.windows.net/data/a.jsonl?sv=1",
        "abfss://data@account.dfs.core.windows.net/a.jsonl",
        "wasbs://data@account.blob.core.windows.net/a.jsonl",
        "adl://account.azuredatalakestore.net/a.jsonl",
    ],
)
def test_what_azure_reads_is_taken(address: str) -> None:
    assert data_problem(address) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (
            "s3://bucket/a.jsonl",
            "found s3://bucket/a.jsonl, which Azure cannot read as an input of a job; copy the data",
        ),
        ("gs://bucket/a.jsonl", "found gs://bucket/a.jsonl, which Azure cannot read"),
        ("file:///a.jsonl", "found file:///a.jsonl, which Azure cannot read"),
        (
            "abfss://x",
            "expected abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH, found abfss://x; complete the address.",
        ),
        ("wasbs://account.blob.core.windows.net/a", "expected wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH"),
        ("https://account.blob.core.windows.net", "expected https://HOST/PATH"),
        ("azureml:foo", "expected azureml:NAME:VERSION, azureml:NAME@latest"),
        ("azureml://foo", "expected azureml:NAME:VERSION, azureml:NAME@latest"),
    ],
)
def test_what_azure_cannot_read_is_refused_with_what_it_can(address: str, reason: str) -> None:
    assert reason in str(data_problem(address))


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("azureml:localft:3", True),
        ("azureml:localft@latest", True),
        ("azureml://registries/azureml/environments/acpt/versions/3", True),
        ("azureml://registries/azureml/environments/acpt/labels/latest", True),
        ("foo", False),
        ("azureml:foo", False),
        ("localft:3", False),
    ],
)
def test_an_environment_has_a_version_or_a_label(name: str, good: bool) -> None:
    assert (environment_problem(name) is None) is good


@pytest.mark.parametrize(
    ("name", "good"),
    [("gpu", True), ("azureml:four-gpus_2", True), ("/subscriptions/a/b", True), ("my cluster", False)],
)
def test_a_cluster_is_called_as_azure_calls_them(name: str, good: bool) -> None:
    assert (compute_problem(name) is None) is good


@pytest.mark.parametrize(
    ("name", "good"), [("trips-2_b", True), ("a b", False), ("\u00e9t\u00e9", False), ("-a", False), ("a" * 256, False)]
)
def test_an_experiment_is_called_as_azure_calls_them(name: str, good: bool) -> None:
    assert (name_problem(name) is None) is good
