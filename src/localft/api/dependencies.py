"""What routes ask for: the store, a page, the deployment in the path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from localft.api.families import address_of
from localft.jobs.store import Store
from localft.serving.chats import Chats


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def _chats(request: Request) -> Chats:
    chats: Chats = request.app.state.chats
    return chats


def _deployment_in_path(request: Request) -> str | None:
    return address_of(request).deployment


@dataclass(frozen=True)
class Paging:
    """Which page of a list is asked for."""

    after: str | None
    limit: int


After = Annotated[str | None, Query(max_length=512, description="Id of the last item of the page before.")]


def _paging(after: After = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 20) -> Paging:
    return Paging(after, limit)


def _checkpoint_paging(after: After = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 10) -> Paging:
    return Paging(after, limit)


StoreDependency = Annotated[Store, Depends(_store)]
ChatsDependency = Annotated[Chats, Depends(_chats)]
DeploymentInPath = Annotated[str | None, Depends(_deployment_in_path)]
"""The deployment that AzureOpenAI puts into the path; where there is one it goes before the body's `model`."""
PageWanted = Annotated[Paging, Depends(_paging)]
CheckpointPageWanted = Annotated[Paging, Depends(_checkpoint_paging)]
