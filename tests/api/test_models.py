"""Models and deployments over HTTP."""

from __future__ import annotations

import openai
import pytest

from served import Service

ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
BODY = {
    "sku": {"name": "standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "localft/tiny-base"}},
}


def test_models_are_listed_with_what_both_services_say_of_them(shared: Service) -> None:
    models = {model.id: model for model in shared.openai().models.list()}
    tiny = models["localft/tiny-base"].model_dump()
    assert (tiny["owned_by"], tiny["status"], tiny["lifecycle_status"]) == (
        "localft",
        "succeeded",
        "generally-available",
    )
    assert tiny["capabilities"]["chat_completion"] and tiny["created"] == tiny["created_at"]
    assert [model.id for model in shared.azure().models.list()] == list(models)


@pytest.mark.parametrize("name", ["localft/tiny-base", "meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct"])
def test_a_model_is_found_by_an_id_with_a_slash(shared: Service, name: str) -> None:
    assert shared.openai().models.retrieve(name).object == "model"
    assert shared.azure().models.retrieve(name).object == "model"


def test_models_that_are_not_ones_own_are_not_deleted(shared: Service) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        shared.openai().models.delete("localft/tiny-base")
    for name in ("nothing", "x.ft-" + "0" * 32, "../../etc"):
        with pytest.raises(openai.NotFoundError):
            shared.openai().models.delete(name)


@pytest.mark.parametrize("prefix", ["", "/v1", "/openai", ACCOUNT])
def test_a_deployment_is_made_changed_listed_and_deleted(fresh: Service, prefix: str) -> None:
    query = "?api-version=2024-10-01"
    with fresh.http() as client:
        made = client.put(f"{prefix}/deployments/mine{query}", json=BODY)
        again = client.put(f"{prefix}/deployments/mine{query}", json=BODY)
        assert (made.status_code, again.status_code) == (201, 200)
        shown = client.get(f"{prefix}/deployments/mine{query}").json()
        assert shown["name"] == "mine" and shown["properties"]["model"]["name"] == "localft/tiny-base"
        assert shown["properties"]["provisioningState"] == "Succeeded"
        listed = client.get(f"{prefix}/deployments{query}").json()
        assert [item["name"] for item in listed["value" if prefix == ACCOUNT else "data"]] == ["mine"]
        assert client.delete(f"{prefix}/deployments/mine{query}").status_code == (204 if prefix == ACCOUNT else 200)
        assert client.get(f"{prefix}/deployments/mine{query}").status_code == 404


@pytest.mark.parametrize("name", ["-x", "a%2Fb", "x" * 65, "a b", "%00"])
def test_a_deployment_needs_a_plain_name(fresh: Service, name: str) -> None:
    with fresh.http() as client:
        assert client.put(f"/deployments/{name}", json=BODY).status_code in (400, 404, 405)
        assert client.get("/deployments").json()["data"] == []


def test_a_deployment_of_an_unknown_model_is_400(fresh: Service) -> None:
    with fresh.http() as client:
        response = client.put("/deployments/mine", json={"properties": {"model": {"name": "nothing"}}})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "properties.model.name"


def test_deployments_page(fresh: Service) -> None:
    with fresh.http() as client:
        for number in range(3):
            client.put(f"/deployments/d{number}", json=BODY)
        first = client.get("/deployments?limit=2").json()
        rest = client.get("/deployments", params={"after": first["data"][-1]["name"]}).json()
    assert first["has_more"] and not rest["has_more"]
    assert [item["name"] for item in first["data"] + rest["data"]] == ["d2", "d1", "d0"]
