"""Fine-tuning jobs, their events and their checkpoints."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from localft.api.bodies import StrictRoute
from localft.api.dependencies import CheckpointPageWanted, PageWanted, StoreDependency
from localft.api.errors import bad_request
from localft.api.shapes import answer, created, page
from localft.jobs.checkpoints import FineTuningJobCheckpoint
from localft.jobs.events import FineTuningJobEvent
from localft.jobs.job import ServiceJob
from localft.jobs.store import Idempotency, JobRequest
from localft.jobs.store.requests import MAX_METADATA_PAIRS
from localft.wire.fine_tuning import CreateFineTuningJob
from localft.wire.lists import ListPage

router = APIRouter(prefix="/fine_tuning/jobs", route_class=StrictRoute, tags=["fine-tuning"])


async def _wish(
    request: Request,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    x_stainless_retry_count: Annotated[int, Header(ge=0, le=1000)] = 0,
) -> Idempotency:
    """What tells a repeated request from a second one."""
    credential = request.headers.get("authorization") or request.headers.get("api-key") or ""
    return Idempotency(credential, await request.body(), idempotency_key, x_stainless_retry_count)


@router.post("", response_model=ServiceJob)
def create_job(
    request: Request, store: StoreDependency, body: CreateFineTuningJob, wish: Annotated[Idempotency, Depends(_wish)]
) -> JSONResponse:
    """Makes a job and puts it into the queue. A request that is repeated finds the job that it made."""
    wanted = JobRequest(
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file,
        suffix=body.suffix,
        seed=body.seed,
        hyperparameters=body.knobs(),
        integrations=tuple(body.integrations or ()),
        metadata=body.metadata,
        training_type=body.trainingType,
        recipe=body.localft or {},
        ignored=body.ignored(),
    )
    job = store.jobs.create(wanted, idempotency=wish)
    return created(request, job.to_wire(), path=f"/fine_tuning/jobs/{job.id}")


@router.get("", response_model=ListPage[ServiceJob])
def list_jobs(
    request: Request,
    store: StoreDependency,
    wanted: PageWanted,
    metadata: Annotated[Literal["null"] | None, Query(description="`null`: jobs without metadata.")] = None,
) -> JSONResponse:
    """Newest first; `metadata[key]=value` keeps the jobs that have the pair."""
    pairs = {
        match[1]: value
        for name, value in request.query_params.items()
        if (match := re.fullmatch(r"metadata\[(.*)\]", name, re.DOTALL))
    }
    if len(pairs) > MAX_METADATA_PAIRS:
        raise bad_request(
            f"metadata: expected at most {MAX_METADATA_PAIRS} pairs, found {len(pairs)}", param="metadata"
        )
    jobs = store.jobs.page(wanted.after, wanted.limit, pairs, without_metadata=metadata == "null")
    return page(request, [job.to_wire() for job in jobs.items], has_more=jobs.has_more)


@router.get("/{job_id}", response_model=ServiceJob)
def show_job(request: Request, store: StoreDependency, job_id: str) -> JSONResponse:
    """One job."""
    return answer(request, store.jobs.get(job_id).to_wire())


@router.delete("/{job_id}", status_code=204, response_class=Response)
def delete_job(store: StoreDependency, job_id: str) -> Response:
    """Deletes a job that is not running. Its model stays until that is deleted itself."""
    store.jobs.delete(job_id)
    return Response(status_code=204)


@router.post("/{job_id}/cancel", response_model=ServiceJob)
def cancel_job(request: Request, store: StoreDependency, job_id: str) -> JSONResponse:
    """Ends a job for good."""
    return answer(request, store.jobs.cancel(job_id).to_wire())


@router.post("/{job_id}/pause", response_model=ServiceJob)
def pause_job(request: Request, store: StoreDependency, job_id: str) -> JSONResponse:
    """Has a running job save and stop; it is `paused` once it has."""
    return answer(request, store.jobs.pause(job_id).to_wire())


@router.post("/{job_id}/resume", response_model=ServiceJob)
def resume_job(request: Request, store: StoreDependency, job_id: str) -> JSONResponse:
    """Puts a paused or failed job back into the queue; it goes on from its last checkpoint."""
    return answer(request, store.jobs.resume(job_id).to_wire())


@router.get("/{job_id}/events", response_model=ListPage[FineTuningJobEvent])
def list_events(request: Request, store: StoreDependency, job_id: str, wanted: PageWanted) -> JSONResponse:
    """Newest first."""
    events = store.jobs.events(job_id, wanted.after, wanted.limit)
    return page(request, events.items, has_more=events.has_more)


@router.get("/{job_id}/checkpoints", response_model=ListPage[FineTuningJobCheckpoint])
def list_checkpoints(
    request: Request, store: StoreDependency, job_id: str, wanted: CheckpointPageWanted
) -> JSONResponse:
    """Newest first."""
    checkpoints = store.jobs.checkpoints(job_id, wanted.after, wanted.limit)
    return page(request, checkpoints.items, has_more=checkpoints.has_more)
