"""Files: uploaded in one piece, listed, read, deleted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated, Any, BinaryIO, Literal, get_args
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from localft.api.bodies import StrictRoute
from localft.api.dependencies import After, StoreDependency
from localft.api.errors import bad_request
from localft.api.multipart import MIB, FileForm
from localft.api.shapes import answer, created, page
from localft.jobs.store import FileObject
from localft.jobs.store.files import checked_filename
from localft.jobs.store.staging import StagedFile
from localft.wire.files import ExpiresAfter, Purpose
from localft.wire.lists import Deleted, ListPage

MAX_FILE_BYTES = 512 * MIB
_READ_AT_ONCE_BYTES = 4 * MIB
"""A results file may be cut back by a run that goes on from a checkpoint; read at once, it is of one moment."""

router = APIRouter(route_class=StrictRoute, tags=["files"])

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "purpose": {"type": "string", "enum": list(get_args(Purpose))},
                        "file": {"type": "string", "format": "binary"},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer", "minimum": 3_600, "maximum": 2_592_000},
                    },
                }
            }
        },
    }
}


@router.post("/files", response_model=FileObject, openapi_extra=_FORM)
async def upload_file(request: Request, store: StoreDependency) -> JSONResponse:
    """Takes a file of at most 512 MB as it arrives. Without the last byte nothing of it is kept."""
    with ExitStack() as stack:
        received: list[tuple[str, StagedFile]] = []

        def receive(filename: str) -> StagedFile:
            staged = stack.enter_context(StagedFile(store.files.directory))
            received.append((checked_filename(filename or "file"), staged))
            return staged

        form = FileForm("file", MAX_FILE_BYTES, receive)
        await form.read(request)
        [(filename, staged)] = received
        purpose, expires_after = _purpose(form.fields), _expires_after(form.fields)
        file = await run_in_threadpool(store.files.add, staged, filename, purpose, expires_after)
    return created(request, file, path=f"/files/{file.id}")


@router.get("/files", response_model=ListPage[FileObject])
def list_files(
    request: Request,
    store: StoreDependency,
    purpose: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    after: After = None,
) -> JSONResponse:
    """Newest first unless `order` says otherwise."""
    files = store.files.page(purpose, limit, after, order)
    return page(request, files.items, has_more=files.has_more)


@router.get("/files/{file_id}", response_model=FileObject)
def show_file(request: Request, store: StoreDependency, file_id: str) -> JSONResponse:
    """One file, without its content."""
    return answer(request, store.files.get(file_id))


@router.get("/files/{file_id}/content", response_class=Response)
def read_file(store: StoreDependency, file_id: str) -> Response:
    """The content, byte for byte. Of a results file that still grows, what is there now."""
    named = store.files.get(file_id)
    file = store.files.open(file_id)
    size = os.fstat(file.fileno()).st_size
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(named.filename, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    kind = "application/octet-stream"
    if size <= _READ_AT_ONCE_BYTES:
        with file:
            return Response(file.read(), media_type=kind, headers=headers)
    return StreamingResponse(_exactly(file, size), media_type=kind, headers={**headers, "Content-Length": str(size)})


@router.delete("/files/{file_id}", response_model=Deleted)
def delete_file(request: Request, store: StoreDependency, file_id: str) -> JSONResponse:
    """Deletes a file that no unfinished job needs."""
    store.files.delete(file_id)
    return answer(request, Deleted(id=file_id, object="file"))


def _exactly(file: BinaryIO, size: int) -> Iterator[bytes]:
    with file:
        while size > 0 and (chunk := file.read(min(size, MIB))):
            size -= len(chunk)
            yield chunk


def _purpose(fields: dict[str, str]) -> str:
    given = fields.get("purpose")
    if given is None or given not in get_args(Purpose):
        found = "none" if given is None else repr(given[:80])
        raise bad_request(f"purpose: expected one of {', '.join(get_args(Purpose))}, found {found}", param="purpose")
    return given


def _expires_after(fields: dict[str, str]) -> int | None:
    """The client sends `expires_after[anchor]` and `expires_after[seconds]`."""
    given: dict[str, Any] = {
        match[1]: value for name, value in fields.items() if (match := re.fullmatch(r"expires_after\[(\w+)\]", name))
    }
    if not given:
        return None
    try:
        return ExpiresAfter.model_validate(given).seconds
    except ValidationError as error:
        first = error.errors()[0]
        where = f"expires_after.{first['loc'][0]}"
        raise bad_request(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}", param=where) from None
