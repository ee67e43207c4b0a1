"""How request bodies are read: strictly, up to a limit, and only where a route wants one.

The framework's reader takes NaN, doubled keys, UTF-16 and half a surrogate pair, and fails later on some of them. Here a
body is UTF-8 and one JSON value without such flaws, or it is refused with what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from localft.data import strict_json

MAX_JSON_BYTES = 16 * 1024 * 1024
"""Of a JSON body. A conversation that fills the longest context in the catalogue has about a million characters."""


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    _whole: bytes | None = None

    async def body(self) -> bytes:
        if self._whole is None:
            chunks, size = [], 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > MAX_JSON_BYTES:
                    raise HTTPException(413, f"expected a body of at most {MAX_JSON_BYTES:,} bytes, found more")
                chunks.append(chunk)
            self._whole = b"".join(chunks)
            self._require_json()
        return self._whole

    def _require_json(self) -> None:
        """A page in a browser may send what is not called JSON to any address, so that is never read as JSON."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self._whole and not re.fullmatch(r"application/(?:[^/]+\+)?json", kind):
            raise HTTPException(
                415, f"expected Content-Type: application/json, found {kind[:80] or 'none'}; send the header"
            )

    async def json(self) -> Any:
        body = await self.body()
        try:
            value, flaws = strict_json.parse(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise HTTPException(400, f"expected a body in UTF-8, found byte {error.start} to be none") from None
        except strict_json.NotJson as error:
            raise HTTPException(400, f"body: {_about_a_body(error.message)}") from None
        if flaws:
            first = flaws[0]
            raise HTTPException(400, f"{first.path or 'body'}: {first.message}")
        return value


def _about_a_body(message: str) -> str:
    """What is said of a line of JSONL, without what to do about lines."""
    return message.partition(";")[0].replace("the line's end", "its end").replace(" column ", " character ")


class StrictRoute(APIRoute):
    """Gives its endpoint a StrictRequest. All routers of the service have it as their route_class."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly
