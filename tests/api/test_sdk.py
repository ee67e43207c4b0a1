"""Behaviours of the official clients that a server has to live with; those of files, jobs and models are in their own files."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from served import TOKEN, Service
from service import rows


def sent_by(client: Any) -> list[httpx.Request]:
    """Collects what a client sends from now on."""
    requests: list[httpx.Request] = []
    client._client.event_hooks["request"].append(requests.append)
    return requests


def test_azures_client_may_carry_a_token_of_entra_or_a_key(shared: Service) -> None:
    options: dict[str, Any] = {"azure_endpoint": shared.address, "api_version": "2025-04-01-preview"}
    by_token = openai.AzureOpenAI(azure_ad_token=TOKEN, **options)
    by_provider = openai.AzureOpenAI(azure_ad_token_provider=lambda: TOKEN, **options)
    by_key = openai.AzureOpenAI(api_key=TOKEN, **options)
    for client, header in ((by_token, "authorization"), (by_provider, "authorization"), (by_key, "api-key")):
        requests = sent_by(client)
        assert list(client.files.list()) == []
        assert header in requests[0].headers and requests[0].url.path == "/openai/files"


def test_a_wrong_token_is_an_authentication_error_at_once(shared: Service) -> None:
    client = shared.openai()
    client.api_key = "wrong-token"
    requests = sent_by(client)
    with pytest.raises(openai.AuthenticationError) as refused:
        client.fine_tuning.jobs.list()
    assert (refused.value.code, refused.value.type, len(requests)) == ("invalid_api_key", "authentication_error", 1)


def test_moves_and_deletions_come_with_a_json_type_and_no_body(fresh: Service) -> None:
    client = fresh.openai()
    file = client.files.create(file=("train.jsonl", rows(12)), purpose="fine-tune").id
    job = client.fine_tuning.jobs.create(model="localft/tiny-base", training_file=file).id
    requests = sent_by(client)
    client.fine_tuning.jobs.cancel(job)
    client.files.delete(file)
    assert [(request.method, request.content) for request in requests] == [("POST", b""), ("DELETE", b"")]
    assert all(request.headers["content-type"] == "application/json" for request in requests)


def test_a_list_whose_pages_the_client_turns_by_itself_ends(fresh: Service) -> None:
    client = fresh.openai()
    for number in range(3):
        client.files.create(file=(f"{number}.jsonl", b"{}\n"), purpose="fine-tune")
    requests = sent_by(client)
    assert len(list(client.files.list(limit=1))) == 3
    assert len(requests) == 3
    assert len(list(client.files.list(limit=3))) == 3 and len(requests) == 4


@pytest.mark.parametrize("family", ["/v1", "/openai"])
def test_an_error_has_the_fields_of_both_services(fresh: Service, family: str) -> None:
    client: Any = fresh.openai() if family == "/v1" else fresh.azure()
    with pytest.raises(openai.BadRequestError) as refused:
        client.fine_tuning.jobs.create(model="localft/tiny-base", training_file="file-none")
    error = refused.value
    assert error.param == "training_file" and error.type == "invalid_request_error"
    body: Any = error.body
    if family == "/v1":
        assert error.code == "file_not_found" and set(body) == {"message", "type", "param", "code"}
    else:
        assert (error.code, body["target"]) == ("invalidPayload", "training_file")
        assert body["innererror"] == {"code": "file_not_found"}
