"""Pages of a list, and the answer to a deletion."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class ListPage(BaseModel, Generic[Item]):
    """One page. The next one is asked for with `after` set to `last_id`, while `has_more` is true."""

    model_config = ConfigDict(frozen=True)

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool
    """Always there: the official client would go on asking for files where it is missing."""


class Deleted(BaseModel):
    """Something that is no more."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: str
    deleted: Literal[True] = True
