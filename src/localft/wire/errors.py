"""The error envelope: OpenAI's and Azure's in one, so that either client finds what it looks for.

OpenAI's is {message, type, param, code}; Azure's dated API has {code, message, target, details, innererror}.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ErrorDetail(BaseModel):
    """One of several things that are wrong."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    target: str | None = None


class InnerError(BaseModel):
    """The precise code, where `code` is Azure's own general one."""

    model_config = ConfigDict(frozen=True)

    code: str


class ErrorBody(BaseModel):
    """What went wrong. `param` and `target` name the field at fault."""

    model_config = ConfigDict(frozen=True)

    message: str
    type: str
    param: str | None = None
    code: str
    target: str | None = None
    details: tuple[ErrorDetail, ...] | None = None
    innererror: InnerError | None = None


class ErrorEnvelope(BaseModel):
    """The body of every answer of 400 and above."""

    model_config = ConfigDict(frozen=True)

    error: ErrorBody
