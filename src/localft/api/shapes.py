"""The shape of answers: plain objects, pages of them, and what Azure's dated API does differently.

The dated API says `pending` where OpenAI has two statuses, `warning` for `warn`, leaves out what is null, and answers a creation
with 201 and the new object's address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from localft.api.families import Family, address_of

_DATED_STATUS = {"validating_files": "pending", "queued": "pending"}


def answer(request: Request, item: BaseModel) -> JSONResponse:
    """One object."""
    return JSONResponse(_shaped(item, address_of(request).family))


def created(request: Request, item: BaseModel, *, path: str) -> JSONResponse:
    """A new object, found at `path` behind the prefix that the caller used."""
    address = address_of(request)
    if address.family != "azure_dated":
        return answer(request, item)
    query = f"?{request.url.query}" if request.url.query else ""
    location = f"{quote(address.prefix)}{path}{query}"
    return JSONResponse(_shaped(item, address.family), 201, {"Location": location})


def page(request: Request, items: Sequence[BaseModel], *, has_more: bool) -> JSONResponse:
    """One page of a list, of objects that have an `id`."""
    data = _all_shaped(items, address_of(request).family)
    ids = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return JSONResponse({"object": "list", "data": data, **ids, "has_more": has_more})


def _all_shaped(items: Iterable[BaseModel], family: Family) -> list[dict[str, Any]]:
    return [_shaped(item, family) for item in items]


def _shaped(item: BaseModel, family: Family) -> dict[str, Any]:
    dated = family == "azure_dated"
    body = item.model_dump(mode="json", exclude_none=dated)
    if dated and body.get("object") == "fine_tuning.job":
        body["status"] = _DATED_STATUS.get(body["status"], body["status"])
    if dated and body.get("level") == "warn":
        body["level"] = "warning"
    return body
