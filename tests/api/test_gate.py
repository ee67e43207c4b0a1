"""Who is let in: by the name that the service is called by, the page a request comes from, and the token."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from localft.api.gate import Gate, is_loopback, names

TOKEN = "a-token-of-this-test"


async def _inside(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def status(
    headers: dict[str, str] | list[tuple[str, str]], *, bound: str = "127.0.0.1", allowed: tuple[str, ...] = ()
) -> int:
    """What the gate answers to a request with these headers; 200 is what stands behind it."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/files",
        "headers": [
            (name.encode(), value.encode("latin-1"))
            for name, value in (headers.items() if isinstance(headers, dict) else headers)
        ],
    }
    gate = Gate(_inside, token=TOKEN, names=names(bound, allowed))
    asyncio.run(gate(scope, None, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


OURS = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "credential",
    [{"authorization": f"Bearer {TOKEN}"}, {"authorization": f"bearer {TOKEN}"}, {"api-key": TOKEN}],
)
def test_either_header_may_carry_the_token(credential: dict[str, str]) -> None:
    assert status({"host": "localhost", **credential}) == 200


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": "Bearer \xff\xfe"},
        {"api-key": ""},
        {"api-key": f"Bearer {TOKEN}"},
        {"cookie": f"token={TOKEN}"},
    ],
)
def test_without_the_token_nobody_is_let_in(credential: dict[str, str]) -> None:
    assert status({"host": "localhost", **credential}) == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:8000"])
def test_the_names_of_this_machine_are_known(host: str) -> None:
    assert status({**OURS, "host": host}) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "localhost@evil", "10.0.0.1"],
)
def test_a_name_that_is_not_ours_is_refused(host: str) -> None:
    assert status({**OURS, "host": host}) == 400


def test_two_names_are_refused_since_what_stands_between_may_go_by_the_second() -> None:
    assert status([*OURS.items(), ("host", "127.0.0.1:8000")]) == 400


def test_a_name_may_be_allowed() -> None:
    assert status({**OURS, "host": "box.lan:8000"}, allowed=("Box.lan",)) == 200


def test_beyond_loopback_any_address_is_taken_but_no_unknown_name() -> None:
    assert status({**OURS, "host": "10.0.0.1:8000"}, bound="0.0.0.0") == 200
    assert status({**OURS, "host": "evil.example"}, bound="0.0.0.0") == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:3000", "file://", "http://[", "https://127.0.0.1:8001"]
)
def test_a_foreign_page_is_refused_even_with_the_token(origin: str) -> None:
    assert status({**OURS, "origin": origin}) == 403


def test_a_page_of_the_service_itself_or_of_an_allowed_host_is_taken() -> None:
    assert status({**OURS, "origin": "http://127.0.0.1:8000"}) == 200
    assert status({**OURS, "origin": "http://box.lan:3000"}, allowed=("box.lan",)) == 200


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.9.1", True)]
)
def test_loopback_is_told_from_other_hosts(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
    assert not is_loopback("0.0.0.0") and not is_loopback("box.lan")
