"""Models as OpenAI and Azure list them, in one object."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Capabilities(BaseModel):
    """What may be done with a model."""

    model_config = ConfigDict(frozen=True)

    fine_tune: bool
    inference: bool
    completion: bool = False
    chat_completion: bool
    embeddings: bool = False


class Deprecation(BaseModel):
    """When a model ends. A model of one's own does not."""

    model_config = ConfigDict(frozen=True)

    fine_tune: int | None = None
    inference: int | None = None


class Model(BaseModel):
    """A base model, a fine-tuned one, or a checkpoint."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["model"] = "model"
    created: int
    created_at: int
    owned_by: str
    status: Literal["succeeded"] = "succeeded"
    model: str | None = None
    """What a fine-tuned model was trained from."""
    fine_tune: str | None = None
    """The job that made it."""
    capabilities: Capabilities
    lifecycle_status: Literal["generally-available"] = "generally-available"
    deprecation: Deprecation = Deprecation()
