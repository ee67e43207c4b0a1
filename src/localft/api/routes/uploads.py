"""Uploads: a file that comes in parts."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from localft.api.bodies import StrictRoute
from localft.api.dependencies import StoreDependency
from localft.api.multipart import MIB, FileForm
from localft.api.shapes import answer, created
from localft.jobs.store import UploadObject, UploadPart
from localft.jobs.store.uploads import PartWriter
from localft.wire.files import CompleteUpload, CreateUpload

MAX_PART_BYTES = 64 * MIB

router = APIRouter(prefix="/uploads", route_class=StrictRoute, tags=["uploads"])

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["data"],
                    "properties": {"data": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post("", response_model=UploadObject)
def create_upload(request: Request, store: StoreDependency, body: CreateUpload) -> JSONResponse:
    """Begins a file that comes in parts."""
    seconds = body.expires_after.seconds if body.expires_after else None
    upload = store.uploads.create(body.filename, body.purpose, body.bytes, body.mime_type, seconds)
    return created(request, upload, path=f"/uploads/{upload.id}")


@router.post("/{upload_id}/parts", response_model=UploadPart, openapi_extra=_FORM)
async def add_part(request: Request, store: StoreDependency, upload_id: str) -> JSONResponse:
    """Takes a part of at most 64 MB; parts may come in any order and at the same time."""
    await run_in_threadpool(store.uploads.get, upload_id)
    with ExitStack() as stack:
        writers: list[PartWriter] = []

        def receive(_filename: str) -> PartWriter:
            writers.append(stack.enter_context(store.uploads.part_writer(upload_id)))
            return writers[-1]

        await FileForm("data", MAX_PART_BYTES, receive).read(request)
        part = await run_in_threadpool(writers[0].commit)
    return created(request, part, path=f"/uploads/{upload_id}")


@router.post("/{upload_id}/complete", response_model=UploadObject)
def complete_upload(request: Request, store: StoreDependency, upload_id: str, body: CompleteUpload) -> JSONResponse:
    """Makes a file of the parts, in the order given."""
    return answer(request, store.uploads.complete(upload_id, body.part_ids, body.md5))


@router.post("/{upload_id}/cancel", response_model=UploadObject)
def cancel_upload(request: Request, store: StoreDependency, upload_id: str) -> JSONResponse:
    """Drops an upload and its parts."""
    return answer(request, store.uploads.cancel(upload_id))
