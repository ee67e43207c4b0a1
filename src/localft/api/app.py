"""The service as one ASGI application, over a store.

Families   brings /openai/..., /openai/v1/... and the others to /v1
Gate       Host, Origin, token
FastAPI    the routes, each declared once
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from localft import __version__
from localft.api import errors
from localft.api.bodies import StrictRoute
from localft.api.families import Families
from localft.api.gate import Gate, Names
from localft.api.routes import chat, deployments, files, fine_tuning, models, responses, uploads
from localft.jobs.store import Store
from localft.serving.chats import Chats
from localft.wire.errors import ErrorEnvelope

ROUTERS = (
    files.router,
    uploads.router,
    fine_tuning.router,
    models.router,
    deployments.router,
    chat.router,
    responses.router,
)

THREADS = 6
"""Handlers at work at the same time. What they do takes the interpreter more than the disk, and each row that SQLite hands over
lets another thread in: with the framework's forty a long list would wait for its turn hundreds of times."""


def make_app(store: Store, chats: Chats, *, routers: Sequence[APIRouter] = ROUTERS) -> FastAPI:
    """The routes under /v1, without families and gate: what OpenAPI describes. Closes `chats` when it is shut down."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        try:
            yield
        finally:
            await chats.close()

    app = FastAPI(
        title="localft",
        version=__version__,
        docs_url=None,  # both pages load scripts from the internet
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses={"4XX": {"model": ErrorEnvelope, "description": "What was wrong with the request."}},
    )
    app.state.store = store
    app.state.chats = chats
    v1 = APIRouter(prefix="/v1", route_class=StrictRoute)
    for router in routers:
        v1.include_router(router)
    app.include_router(v1)
    errors.install(app)
    return app


def guarded(app: ASGIApp, *, token: str, names: Names) -> ASGIApp:
    """The application as it is served."""
    return Families(Gate(app, token=token, names=names))
