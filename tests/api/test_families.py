"""Every URL family leads to the same routes."""

from __future__ import annotations

import pytest

from localft.api.families import Address, resolve

ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"


@pytest.mark.parametrize(
    ("asked", "path", "address"),
    [
        ("/v1/files", "/v1/files", Address("openai", "/v1")),
        ("/openai/v1/files", "/v1/files", Address("azure_v1", "/openai/v1")),
        ("/api/projects/p/openai/v1/files", "/v1/files", Address("azure_v1", "/api/projects/p/openai/v1")),
        ("/openai/fine_tuning/jobs", "/v1/fine_tuning/jobs", Address("azure_dated", "/openai")),
        (
            "/openai/deployments/mine/chat/completions",
            "/v1/chat/completions",
            Address("azure_dated", "/openai/deployments/mine", "mine"),
        ),
        ("/openai/deployments/mine", "/v1/deployments/mine", Address("azure_dated", "/openai")),
        ("/deployments/mine", "/v1/deployments/mine", Address("openai", "")),
        (f"{ACCOUNT}/deployments/mine", "/v1/deployments/mine", Address("azure_resource_manager", ACCOUNT)),
        (
            ACCOUNT.replace("resourceGroups", "resourcegroups") + "/deployments",
            "/v1/deployments",
            Address("azure_resource_manager", ACCOUNT.replace("resourceGroups", "resourcegroups")),
        ),
    ],
)
def test_each_family_is_brought_to_v1(asked: str, path: str, address: Address) -> None:
    assert resolve(asked.encode()) == (path, address)


def test_a_slash_that_is_percent_encoded_does_not_end_a_name() -> None:
    path, address = resolve(b"/openai/deployments/meta-llama%2FLlama/chat/completions")
    assert (path, address.deployment) == ("/v1/chat/completions", "meta-llama/Llama")
    assert resolve(b"/v1/models/meta-llama%2FLlama")[0] == "/v1/models/meta-llama/Llama"


@pytest.mark.parametrize(
    "asked", ["/", "/files", "/v1", "/v2/files", "//v1/files", "/openai", "/v1%2Ffiles", "/../v1/files"]
)
def test_a_path_of_no_family_stays_as_it_is(asked: str) -> None:
    path, address = resolve(asked.encode())
    assert not path.startswith("/v1/") or asked == "/v1%2Ffiles"
    assert address == Address("openai", "")
