"""Who may speak to the service, asked before any route is looked for.

A browser can be led to send requests to a service on this machine, so what it cannot forge is checked first: the name that the
service was addressed by (a rebound DNS name is not one of ours) and the page that a request comes from. Then the token, on
every path and method: a path that does not exist says so only to those who have it.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from localft.api.errors import Problem, envelope_response

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")
_BEARER = re.compile(rb"bearer +(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Names:
    """The names and addresses by which the service may be called."""

    bound: str
    """The host that the service listens on."""
    allowed: frozenset[str] = frozenset()
    """More names, as the user gave them."""

    def knows(self, name: str) -> bool:
        """A listener beyond loopback may be called by any address: an address in the Host header was not looked up in DNS."""
        if name in LOOPBACK_NAMES or name == self.bound.lower() or name in self.allowed:
            return True
        return not is_loopback(self.bound) and _is_address(name)


def names(bound: str, allowed: Iterable[str] = ()) -> Names:
    return Names(bound.strip("[]"), frozenset(name.lower().strip("[]") for name in allowed))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on `host`."""
    if host.lower() == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host.strip("[]")).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Gate:
    """Lets requests through that name the service, come from no foreign page, and have the token."""

    def __init__(self, app: ASGIApp, *, token: str, names: Names) -> None:
        self._app = app
        self._token = token.encode()
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif (problem := self._problem(Headers(scope=scope))) is not None:
            await envelope_response(problem, scope)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, headers: Headers) -> Problem | None:
        hosts = headers.getlist("host")
        if len(hosts) > 1:
            return Problem(400, f"Host: expected one, found {len(hosts)}; send it once.", code="invalid_host")
        host = hosts[0] if hosts else ""
        if not self._is_ours(host):
            return Problem(
                400,
                f"Host: expected a name of this service, found {host[:80]!r}; "
                "`localft serve --allow-host NAME` adds a name.",
                code="invalid_host",
            )
        for origin in headers.getlist("origin"):
            if not self._may_come_from(origin, host):
                return Problem(
                    403,
                    f"Origin: a page of {origin[:80]!r} may not use this service; `localft serve --allow-host NAME` allows "
                    "the pages of a host.",
                    code="invalid_origin",
                )
        if not self._has_token(headers):
            return Problem(
                401,
                "expected the service's token as `Authorization: Bearer TOKEN` or `api-key: TOKEN`, found none or another; "
                "`localft serve` prints it.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        return match is not None and self._names.knows((match["v6"] or match["name"]).lower())

    def _may_come_from(self, origin: str, host: str) -> bool:
        try:
            page = urlsplit(origin)
            name = page.hostname or ""
        except ValueError:
            return False
        if page.scheme not in ("http", "https"):
            return False
        return page.netloc.lower() == host.lower() or name in self._names.allowed

    def _has_token(self, headers: Headers) -> bool:
        """Compares without telling by the time it takes how much of a guess was right."""
        given = [value for name, value in headers.raw if name == b"api-key"]
        given += [
            match[1]
            for name, value in headers.raw
            if name == b"authorization" and (match := _BEARER.fullmatch(value.strip()))
        ]
        return any(hmac.compare_digest(value.strip(), self._token) for value in given)
