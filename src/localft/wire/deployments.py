"""Deployments, in the words of Azure's control plane: a name that stands for a model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DEPLOYMENT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


class Sku(BaseModel):
    """How a deployment is billed on the service; kept and echoed, since nothing is billed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(default="standard", max_length=64)
    capacity: int = Field(default=1, ge=0, le=1_000_000)


class DeployedModel(BaseModel):
    """The model behind a deployment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: str = Field(default="OpenAI", max_length=64)
    name: str = Field(min_length=1, max_length=512)
    """Catalogue id, name of a fine-tuned model, or name or id of a checkpoint."""
    version: str = Field(default="1", max_length=64)


class PutProperties(BaseModel):
    """What a deployment is to be."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: DeployedModel


class PutDeployment(BaseModel):
    """Body of a deployment's PUT."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sku: Sku = Sku()
    properties: PutProperties


class DeploymentProperties(BaseModel):
    """What a deployment is."""

    model_config = ConfigDict(frozen=True)

    model: DeployedModel
    provisioningState: Literal["Succeeded"] = "Succeeded"


class Deployment(BaseModel):
    """A deployment. The fields of Azure's object, and `object`, `created_at` and `model` as OpenAI's objects have them."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The resource's path under Azure's control plane, else the name."""
    type: Literal["Microsoft.CognitiveServices/accounts/deployments"] = (
        "Microsoft.CognitiveServices/accounts/deployments"
    )
    object: Literal["deployment"] = "deployment"
    name: str
    sku: Sku
    properties: DeploymentProperties
    model: str
    created_at: int
