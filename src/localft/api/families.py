"""The URL families under which callers look for one and the same service.

    /v1/...                                      openai.OpenAI
    /openai/v1/...                               openai.OpenAI against Azure's v1 API
    /api/projects/{project}/openai/v1/...        Foundry's project client
    /openai/...?api-version=...                  openai.AzureOpenAI
    /openai/deployments/{deployment}/...         the same client, for what is said to a model
    /deployments/..., /subscriptions/.../deployments/...   the control plane, short and as Azure's resource manager has it

Routes are declared once, under /v1. `Families` brings each request's path there and notes the family in the scope, so that a
route added to /v1 is at once in all of them, and the few differences in what is answered are told from the family.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

Family = Literal["openai", "azure_v1", "azure_dated", "azure_resource_manager"]

_SCOPE_KEY = "localft.address"
_SAID_TO_A_MODEL = r"(?:chat/completions|completions|responses|embeddings|audio/.*|images/.*)"
_FORMS: tuple[tuple[Family, re.Pattern[str]], ...] = (
    ("openai", re.compile(r"/v1(?P<rest>/.*)")),
    ("azure_v1", re.compile(r"(?:/api/projects/[^/]+)?/openai/v1(?P<rest>/.*)")),
    ("azure_dated", re.compile(rf"/openai/deployments/(?P<deployment>[^/]+)(?P<rest>/{_SAID_TO_A_MODEL})")),
    ("azure_dated", re.compile(r"/openai(?P<rest>/.*)")),
    ("openai", re.compile(r"(?P<rest>/deployments(?:/.*)?)")),
    (
        "azure_resource_manager",
        re.compile(
            r"(?P<account>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.CognitiveServices/accounts/[^/]+)"
            r"(?P<rest>/deployments(?:/.*)?)",
            re.IGNORECASE,
        ),
    ),
)


@dataclass(frozen=True)
class Address:
    """Where a request was sent to."""

    family: Family
    prefix: str
    """What stands before the route in the caller's URL: `/openai/v1`; empty for a path of no family."""
    deployment: str | None = None
    """The deployment in the path, which goes before the `model` of the body."""


_NOWHERE = Address("openai", "")


def address_of(connection: HTTPConnection) -> Address:
    found: Address = connection.scope.get(_SCOPE_KEY, _NOWHERE)
    return found


class Families:
    """Brings every family's path to /v1. A path of no family, or of none that is known, stays as it is and is not found."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = dict(scope)
            scope["path"], scope[_SCOPE_KEY] = resolve(scope.get("raw_path") or scope["path"].encode())
        await self._app(scope, receive, send)


def resolve(raw_path: bytes) -> tuple[str, Address]:
    """The path under /v1, decoded, and where it came from.

    Looks at the path before it is decoded: %2F in a project's or a deployment's name does not end the name.
    """
    raw = raw_path.partition(b"?")[0].decode("latin-1")
    for family, form in _FORMS:
        if match := form.fullmatch(raw):
            rest = match["rest"]
            deployment = match.groupdict().get("deployment")
            address = Address(
                family,
                unquote(raw[: match.start("rest")]),
                unquote(deployment) if deployment is not None else None,
            )
            return "/v1" + unquote(rest), address
    return unquote(raw), _NOWHERE
