"""What is asked for about files and uploads. What is answered comes from the store."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

Purpose = Literal["fine-tune", "assistants", "batch", "vision", "user_data", "evals"]
"""What a caller may upload a file for; `fine-tune-results` is for files that a job makes."""


class ExpiresAfter(BaseModel):
    """When a file deletes itself."""

    model_config = ConfigDict(frozen=True)

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3_600, le=2_592_000)


class CreateUpload(BaseModel):
    """Begins a file that comes in parts."""

    model_config = ConfigDict(frozen=True)

    bytes: StrictInt = Field(ge=0, le=512 * 1024 * 1024)
    filename: str = Field(min_length=1, max_length=1024)
    mime_type: str = Field(max_length=256)
    purpose: Purpose
    expires_after: ExpiresAfter | None = None


class CompleteUpload(BaseModel):
    """Makes a file of an upload's parts."""

    model_config = ConfigDict(frozen=True)

    part_ids: list[str] = Field(max_length=10_000)
    """In the order of the file."""
    md5: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{32}$")
