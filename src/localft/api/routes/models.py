"""Models: those of the catalogue, and those that the jobs have made."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from localft import catalog
from localft.api.bodies import StrictRoute
from localft.api.dependencies import StoreDependency
from localft.api.errors import Problem, Refused
from localft.api.shapes import answer, page
from localft.catalog import CatalogEntry
from localft.jobs.store import ServableModel
from localft.wire.lists import Deleted, ListPage
from localft.wire.models import Capabilities, Model

OWNER = "localft"
CATALOGUE_DATE = 1_767_225_600
"""2026-01-01; the catalogue does not say since when a model exists, and the field is not optional."""

router = APIRouter(prefix="/models", route_class=StrictRoute, tags=["models"])


@router.get("", response_model=ListPage[Model])
def list_models(request: Request, store: StoreDependency) -> JSONResponse:
    """All in one page: fine-tuned models, newest first, then the catalogue."""
    models = [_fine_tuned(model) for model in store.models.fine_tuned()]
    models += [_base(entry) for entry in catalog.entries()]
    return page(request, models, has_more=False)


@router.get("/{model:path}", response_model=Model)
def show_model(request: Request, store: StoreDependency, model: str) -> JSONResponse:
    """A model of the catalogue, a fine-tuned model, or a checkpoint by name or id."""
    entry = catalog.find(model)
    return answer(request, _base(entry) if entry else _fine_tuned(store.models.resolve(model)))


@router.delete("/{model:path}", response_model=Deleted)
def delete_model(request: Request, store: StoreDependency, model: str) -> JSONResponse:
    """Deletes the weights of a fine-tuned model that is not deployed."""
    if catalog.find(model):
        raise Refused(
            Problem(
                403, f"{model} is a model of the catalogue; only fine-tuned ones can be deleted.", "forbidden", "model"
            )
        )
    store.models.delete(model)
    return answer(request, Deleted(id=model, object="model"))


def _base(entry: CatalogEntry) -> Model:
    here = entry.hub_id is None or catalog.cached_snapshot(entry.hub_id) is not None
    return Model(
        id=entry.id,
        created=CATALOGUE_DATE,
        created_at=CATALOGUE_DATE,
        owned_by=entry.hub_id.partition("/")[0] if entry.hub_id else OWNER,
        capabilities=Capabilities(fine_tune=True, inference=here, chat_completion=here),
    )


def _fine_tuned(model: ServableModel) -> Model:
    return Model(
        id=model.name,
        created=model.created_at,
        created_at=model.created_at,
        owned_by=OWNER,
        model=model.base,
        fine_tune=model.job_id,
        capabilities=Capabilities(fine_tune=True, inference=True, chat_completion=True),
    )
