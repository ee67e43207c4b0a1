"""No test here may reach for the network, not even in vain, but on this machine's own loopback."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_reached: list[str] = []
_listening = False


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if not _listening:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        place = arguments[1][0]
    elif event == "socket.getaddrinfo":
        place = arguments[0]
    else:
        return
    if place not in _LOOPBACK:
        _reached.append(f"{event} {place}")


sys.addaudithook(_listen)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    global _listening
    _reached.clear()
    _listening = True
    yield
    _listening = False
    assert _reached == []
