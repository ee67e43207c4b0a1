"""Files and uploads as the service shows them, fields in the order of its specification."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Object(BaseModel):
    model_config = ConfigDict(frozen=True)


class FileObject(_Object):
    """A file in the store. It is whole as soon as it is there, so its status never waits."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: str | None = None
    expires_at: int | None = None


class UploadObject(_Object):
    """A file that is sent in parts."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    expires_at: int
    file: FileObject | None = None


class UploadPart(_Object):
    """One part of an upload."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str
