"""Responses, stateless: each request brings all that the model is to know."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from localft.api.bodies import StrictRoute
from localft.api.dependencies import ChatsDependency, DeploymentInPath, StoreDependency
from localft.api.routes.chat import served_by, streamed, while_connected
from localft.serving.responses import Responses
from localft.wire import responses as wire
from localft.wire.chat import sse

router = APIRouter(prefix="/responses", route_class=StrictRoute, tags=["responses"])


@router.post("", response_model=wire.Response)
async def create_response(
    request: Request,
    store: StoreDependency,
    chats: ChatsDependency,
    deployment: DeploymentInPath,
    body: wire.ResponseRequest,
) -> Response:
    """Answers items of a conversation, whole or as a stream of events."""
    served = await served_by(store, deployment or body.model)
    responses = Responses(chats)
    if body.stream:
        return await streamed(responses.events(served, body), _event)
    return JSONResponse(await while_connected(request, responses.response(served, body)))


def _event(event: dict[str, Any]) -> bytes:
    return sse(event, event["type"])
