"""The one place where an exception becomes an HTTP answer.

Whatever a caller sends is answered below 500. What is left for 500 and above: a full disk (507), a database that another
process keeps locked (503), and our own mistakes, which are logged and say nothing of their insides.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.routing import Match
from starlette.types import Scope

from localft.api.families import address_of
from localft.data.strict_json import shown
from localft.errors import Conflict, LocalftError, NotFound, UsageError, is_disk_full
from localft.serving.engines import EngineUnavailable
from localft.wire.errors import ErrorBody, ErrorDetail, ErrorEnvelope, InnerError

_log = logging.getLogger(__name__)

_SHOWN_PROBLEMS = 20
_TYPES = {401: "authentication_error", 403: "permission_error", 409: "conflict_error", 429: "rate_limit_error"}
_AZURE_CODES = {
    400: "invalidPayload",
    401: "unauthorized",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    413: "invalidPayload",
    429: "tooManyRequests",
    503: "serviceUnavailable",
}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large", 415: "invalid_content_type"}
_RETRIED_BY_CLIENTS = frozenset({408, 409, 429})


@dataclass(frozen=True)
class Problem:
    """What is to be said about a request that did not succeed."""

    status: int
    message: str
    code: str
    param: str | None = None
    details: tuple[ErrorDetail, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Raised in a route to answer with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def bad_request(message: str, *, param: str | None = None, code: str = "invalid_value") -> Refused:
    return Refused(Problem(400, message, code, param))


def envelope_response(problem: Problem, scope: Scope) -> JSONResponse:
    """The answer in the words of the caller's URL family. Clients are told not to try again what would fail again."""
    dated = address_of(HTTPConnection(scope)).family in ("azure_dated", "azure_resource_manager")
    azure_code = _AZURE_CODES.get(problem.status, "internalFailure" if problem.status >= 500 else "invalidPayload")
    body = ErrorBody(
        message=problem.message,
        type="server_error" if problem.status >= 500 else _TYPES.get(problem.status, "invalid_request_error"),
        param=problem.param,
        code=azure_code if dated else problem.code,
        target=problem.param if dated else None,
        details=problem.details or None,
        innererror=InnerError(code=problem.code) if dated else None,
    )
    headers = dict(problem.headers)
    if problem.status in _RETRIED_BY_CLIENTS or problem.status in (500, 507):
        headers["x-should-retry"] = "false"
    content = ErrorEnvelope(error=body).model_dump(exclude_none=True)
    content["error"].setdefault("param", None)
    return JSONResponse(content, problem.status, headers)


_DISK_FULL = Problem(507, "no room is left on the service's disk; free some", "disk_full")


def problem_of(error: Exception) -> Problem:
    """What an exception means to the caller."""
    match error:
        case Refused():
            return error.problem
        case LocalftError() if error.code == "disk_full":
            return _DISK_FULL
        case UsageError() if len(error.params) > 1:
            return _all_of(
                [
                    ErrorDetail(code=error.code, message=sentence, target=param)
                    for sentence, param in zip(error.problems, error.params, strict=True)
                ]
            )
        case LocalftError():
            return Problem(_status_of(error), error.message, error.code, error.param)
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _of_the_framework(error)
        case sqlite3.OperationalError() if "locked" in str(error) or "busy" in str(error):
            return Problem(503, "the store is busy; try again", "busy", headers={"Retry-After": "1"})
        case _ if is_disk_full(error) or "disk is full" in str(error):
            return _DISK_FULL
        case _:
            return Problem(500, "the service made a mistake; its log tells where", "internal_error")


def _status_of(error: LocalftError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, EngineUnavailable):
        return 503
    return 409 if isinstance(error, Conflict) else 400


def _of_the_framework(error: HTTPException) -> Problem:
    message = error.detail
    if error.status_code == 404:
        message = "there is nothing at this address; the service's own description is at /openapi.json"
    elif error.status_code == 405:
        message = f"this address does not take the method; it takes {(error.headers or {}).get('Allow', 'others')}"
    code = _CODES.get(error.status_code, "invalid_request")
    return Problem(error.status_code, message, code, headers=error.headers or {})


def _invalid(error: RequestValidationError) -> Problem:
    """All that is wrong with a request's fields, one problem a field."""
    fields: dict[str, list[Mapping[str, Any]]] = {}
    for entry in error.errors():
        fields.setdefault(_field_of(entry, error.body), []).append(entry)
    return _all_of([_one_invalid(path, entries) for path, entries in fields.items()])


def _all_of(found: Sequence[ErrorDetail]) -> Problem:
    """Several problems as one, the first as the message."""
    first, more = found[0], len(found) - 1
    if not more:
        return Problem(400, first.message, first.code, first.target)
    message = f"{first.message} ({more} more: see details)"
    return Problem(400, message, first.code, first.target, details=tuple(found[:_SHOWN_PROBLEMS]))


def _field_of(entry: Mapping[str, Any], body: Any) -> str:
    """Where in the request it is: `method.supervised`. The framework's names for the forms of a union are left out: they are
    no keys of the body."""
    source, *where = entry["loc"]
    path, value = "", body
    for index, part in enumerate(where):
        if isinstance(part, int):
            path += f"[{part}]"
            value = value[part] if isinstance(value, list) and part < len(value) else None
            continue
        known = isinstance(value, dict) and part in value
        is_missing = entry["type"] == "missing" and index == len(where) - 1
        if known or is_missing or source != "body":
            path += f"{'.' if path else ''}{part}"
            value = value[part] if known else None
    return path.encode("utf-8", "replace").decode()[:200]


def _one_invalid(path: str, entries: Sequence[Mapping[str, Any]]) -> ErrorDetail:
    """What is wrong with a field; `entries` has one entry for each form that it might have had."""
    first = entries[0]
    message = " or ".join(dict.fromkeys(_expected(entry) for entry in entries)).replace(" or expected ", " or ")
    code, found = "invalid_value", first.get("input")
    if first["type"] == "missing":
        code = "missing_required_parameter"
        if not path:
            message = "expected a JSON object as the body, with `Content-Type: application/json`, found none"
    elif first["type"] == "knob":  # a sentence of our own, behind the field's last name
        return ErrorDetail(code=code, message=path[: path.rfind(".") + 1] + message.rstrip("."), target=path)
    elif "found" not in message:
        message += f", found {shown(found) if _is_json(found) else 'something else'}"
    return ErrorDetail(code=code, message=f"{path}: {message}" if path else message, target=path or None)


_KINDS = {
    "missing": "expected a value, found none",
    "extra_forbidden": "expected no field of this name",
    "model_attributes_type": "expected an object",
    "model_type": "expected an object",
    "dict_type": "expected an object",
    "list_type": "expected an array",
    "string_type": "expected text",
    "int_type": "expected an integer",
    "int_parsing": "expected an integer",
    "int_from_float": "expected an integer",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "too_short": "expected at least {min_length} entries",
    "too_long": "expected at most {max_length} entries",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
}
"""The framework's kinds of problem in our words."""


def _expected(entry: Mapping[str, Any]) -> str:
    """What was expected; of a kind that is not listed, the framework's sentence turned: `Input should be x` → `expected x`."""
    if entry["type"] in _KINDS:
        return _KINDS[entry["type"]].format(**entry.get("ctx", {})).replace("least 1 entries", "least 1 entry")
    if entry["type"] == "knob":
        return str(entry["msg"])
    message = str(entry["msg"]).removeprefix("Value error, ")
    for theirs, ours in (
        (" should be ", "expected "),
        (" should have ", "expected "),
        (" should match ", "expected text of "),
    ):
        _, found, rest = message.partition(theirs)
        if found:
            return ours + rest
    return message[:1].lower() + message[1:]


def _is_json(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, list, dict))


_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def _methods_at(request: Request) -> str:
    """The methods that this path takes; the framework names those of its first route."""
    asked = ((method, dict(request.scope, method=method)) for method in _METHODS)
    return ", ".join(
        method
        for method, scope in asked
        if any(route.matches(dict(scope))[0] is Match.FULL for route in request.app.routes)
    )


def install(app: FastAPI) -> None:
    """Gives the app its handlers."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, HTTPException) and error.status_code == 405:
            error = HTTPException(405, headers={"Allow": _methods_at(request)})
        problem = problem_of(error)
        if problem.status == 500:
            _log.error("%s %s", request.method, request.url.path, exc_info=error)
        return envelope_response(problem, request.scope)

    async def gone(request: Request, error: Exception) -> JSONResponse:
        """Nobody reads this: the caller went away before the request was whole."""
        return envelope_response(Problem(400, "the request was cut off", "cut_off"), request.scope)

    handled = (Refused, LocalftError, RequestValidationError, HTTPException, sqlite3.Error, OSError, Exception)
    for kind in handled:
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(ClientDisconnect, gone)
