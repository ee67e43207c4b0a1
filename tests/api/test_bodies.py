"""JSON bodies are read strictly, and whatever is sent is answered below 500."""

from __future__ import annotations

import pytest

from localft.api import bodies
from served import Service

JSON = {"Content-Type": "application/json"}
FLAWED = {
    "NaN": b'{"model": NaN, "training_file": "f"}',
    "infinity": b'{"model": "m", "training_file": "f", "seed": 1e999}',
    "a key twice": b'{"model": "m", "model": "n", "training_file": "f"}',
    "half a surrogate pair": b'{"model": "\\ud800", "training_file": "f"}',
    "no UTF-8": b'{"model": "\xff"}',
    "UTF-16": '{"model": "m", "training_file": "f"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"model": "m", "training_file": "f"}',
    "too deep": b"[" * 100_000 + b"]" * 100_000,
    "deep inside": b'{"model": "m", "training_file": "f", "x": ' + b"[" * 500 + b"]" * 500 + b"}",
    "5000 digits": b'{"model": "m", "training_file": "f", "seed": ' + b"9" * 5000 + b"}",
    "not whole": b'{"model": "m"',
    "not JSON": b"model=m",
    "null": b"null",
    "an array": b"[]",
    "text": b'"m"',
    "empty": b"",
    "nothing in it": b"{}",
}


@pytest.mark.parametrize("body", FLAWED.values(), ids=FLAWED.keys())
@pytest.mark.parametrize("family", ["/v1", "/openai"])
def test_a_flawed_body_is_400_with_a_sentence(shared: Service, body: bytes, family: str) -> None:
    with shared.http() as client:
        response = client.post(f"{family}/fine_tuning/jobs", content=body, headers=JSON)
    assert response.status_code == 400
    assert "expected" in response.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_json_that_is_not_called_json_is_refused_so_that_no_simple_form_of_a_page_is_taken(
    shared: Service, kind: str | None
) -> None:
    body = b'{"model": "localft/tiny-base", "training_file": "file-x"}'
    with shared.http() as client:
        response = client.post("/v1/fine_tuning/jobs", content=body, headers={"Content-Type": kind} if kind else {})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (415, "invalid_content_type")
    assert error["message"] == f"expected Content-Type: application/json, found {kind or 'none'}; send the header"


def test_a_broken_body_is_described_without_advice_about_lines(shared: Service) -> None:
    with shared.http() as client:
        told = [
            client.post("/v1/fine_tuning/jobs", content=body, headers=JSON).json()["error"]["message"]
            for body in (b'{"model": "m" "x"}', b'{"model": "m"')
        ]
    assert told == [
        "body: expected one JSON object, found an error at character 15: expecting ',' delimiter",
        "body: expected one JSON object, found its end at character 14, before the value is complete",
    ]


def test_a_body_beyond_the_limit_is_413(shared: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_JSON_BYTES", 1000)
    with shared.http() as client:
        response = client.post("/v1/fine_tuning/jobs", content=b" " * 1001, headers=JSON)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("after=ftjob-none", "after"),
    ],
)
def test_a_query_that_makes_no_sense_is_400(shared: Service, query: str, param: str) -> None:
    with shared.http() as client:
        response = client.get(f"/v1/fine_tuning/jobs?{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("id", ["%00", "%ff", "x" * 5000, "%F0%9F%8D%8E", "'; DROP TABLE files; --", "..", "%2e%2e%2f"])
@pytest.mark.parametrize(
    "route", ["/v1/files/%s", "/v1/fine_tuning/jobs/%s/events", "/v1/models/%s", "/deployments/%s"]
)
def test_an_odd_id_is_404(shared: Service, route: str, id: str) -> None:
    with shared.http() as client:
        assert client.get(route.replace("%s", id)).status_code == 404
