"""What holds for every route, generated from the list of routes."""

from __future__ import annotations

from pathlib import Path

import pytest

from localft.api.app import make_app
from localft.jobs.store import Store
from localft.serving.chats import OwnChats
from localft.serving.engines import Engines
from served import Service

FAMILIES = ("/v1", "/openai/v1", "/api/projects/p/openai/v1", "/openai")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
UNKNOWN = (
    "/",
    "/v1",
    "/v1/",
    "/v2/files",
    "/v1/nothing",
    "/docs",
    "/openapi.json",
    "/favicon.ico",
    "/%00",
    "//v1/files",
)
TO_A_MODEL = ("/openai/deployments/d/chat/completions", "/openai/deployments/d", "/deployments", "/deployments/d")
CONTROL = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments/d"


def route_paths(home: Path) -> list[str]:
    """Each path of the application, with `x` for its parameters, in each family."""
    with Store.open(home) as store:
        described = make_app(store, OwnChats(Engines(home / "log"))).openapi()["paths"]
    under_v1 = [path.removeprefix("/v1") for path in described]
    filled = ["/".join("x" if part.startswith("{") else part for part in path.split("/")) for path in under_v1]
    assert len(filled) > 10
    return [family + path for family in FAMILIES for path in filled]


def test_every_route_and_method_and_every_unknown_path_is_401_without_the_token(
    shared: Service, tmp_path: Path
) -> None:
    paths = [*route_paths(tmp_path / "other"), *UNKNOWN, *TO_A_MODEL, CONTROL]
    with shared.http() as client:
        del client.headers["Authorization"]
        for path in paths:
            for method in METHODS:
                response = client.request(method, path)
                assert response.status_code == 401, (method, path)
                if method != "HEAD":
                    assert response.json()["error"]["message"], (method, path)
                assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/files/", "/v2/files", "/files", "/v1%2Ffiles/x", "/docs"]
)
def test_an_unknown_path_is_an_error_envelope(shared: Service, path: str) -> None:
    with shared.http() as client:
        response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_method_that_a_route_does_not_have_is_405(shared: Service) -> None:
    with shared.http() as client:
        response = client.patch("/v1/files")
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")


def test_405_names_all_methods_of_the_path(shared: Service) -> None:
    with shared.http() as client:
        jobs, deployment = client.put("/v1/fine_tuning/jobs"), client.post("/deployments/d")
    assert (jobs.headers["allow"], deployment.headers["allow"]) == ("GET, POST", "DELETE, GET, PUT")
    assert jobs.json()["error"]["message"].endswith("it takes GET, POST")


def test_a_foreign_host_or_page_is_refused_before_the_token_is_looked_at(shared: Service) -> None:
    with shared.http() as client:
        assert client.get("/v1/files", headers={"Host": "evil.example"}).status_code == 400
        assert client.get("/v1/files", headers={"Origin": "http://evil.example"}).status_code == 403
        del client.headers["Authorization"]
        assert client.get("/v1/files", headers={"Host": "evil.example"}).status_code == 400


def test_the_description_is_there_for_those_who_have_the_token(shared: Service) -> None:
    with shared.http() as client:
        assert client.get("/openapi.json").json()["info"]["title"] == "localft"
