"""Deployments: names of one's own for models, under Azure's control plane and under a short path."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from localft.api.bodies import StrictRoute
from localft.api.dependencies import PageWanted, StoreDependency
from localft.api.errors import bad_request
from localft.api.families import address_of
from localft.api.shapes import answer, page
from localft.errors import NotFound
from localft.jobs import store as kept
from localft.wire.deployments import DeployedModel, Deployment, DeploymentProperties, PutDeployment, Sku
from localft.wire.lists import Deleted, ListPage

router = APIRouter(prefix="/deployments", route_class=StrictRoute, tags=["deployments"])


@router.put("/{name}", response_model=Deployment)
def put_deployment(request: Request, store: StoreDependency, name: str, body: PutDeployment) -> JSONResponse:
    """Makes a deployment, or points it at another model. 201 where it is new."""
    model, sku = body.properties.model, body.sku
    wanted = kept.Deployment(name, model.name, model.format, model.version, sku.name, sku.capacity)
    try:
        deployment, is_new = store.deployments.put(wanted)
    except NotFound as error:
        param = "properties.model.name"
        raise bad_request(f"{param}: {error.message}", param=param, code="model_not_found") from None
    response = answer(request, _shown(request, deployment))
    response.status_code = 201 if is_new else 200
    return response


@router.get("", response_model=ListPage[Deployment])
def list_deployments(request: Request, store: StoreDependency, wanted: PageWanted) -> JSONResponse:
    """Newest first. Azure's control plane has all of them in one page, as `value`."""
    if address_of(request).family == "azure_resource_manager":
        every = store.deployments.page(limit=10_000)
        return JSONResponse({"value": [_shown(request, one).model_dump(mode="json") for one in every.items]})
    deployments = store.deployments.page(wanted.limit, wanted.after)
    return page(request, [_shown(request, one) for one in deployments.items], has_more=deployments.has_more)


@router.get("/{name}", response_model=Deployment)
def show_deployment(request: Request, store: StoreDependency, name: str) -> JSONResponse:
    """One deployment."""
    return answer(request, _shown(request, store.deployments.get(name)))


@router.delete("/{name}", response_model=Deleted)
def delete_deployment(request: Request, store: StoreDependency, name: str) -> Response:
    """Deletes the name; the model stays."""
    store.deployments.delete(name)
    if address_of(request).family == "azure_resource_manager":
        return Response(status_code=204)
    return answer(request, Deleted(id=name, object="deployment"))


def _shown(request: Request, deployment: kept.Deployment) -> Deployment:
    address = address_of(request)
    is_resource = address.family == "azure_resource_manager"
    model = DeployedModel(format=deployment.format, name=deployment.model, version=deployment.version)
    return Deployment(
        id=f"{address.prefix}/deployments/{deployment.name}" if is_resource else deployment.name,
        name=deployment.name,
        sku=Sku(name=deployment.sku, capacity=deployment.capacity),
        properties=DeploymentProperties(model=model),
        model=deployment.model,
        created_at=deployment.created_at,
    )
