"""What is asked for about fine-tuning jobs. What is answered comes from the store."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from localft.hyperparameters import BatchSize, Epochs, LearningRateMultiplier, Seed
from localft.plan.request import Suffix

Id = Annotated[str, Field(min_length=1, max_length=512)]


class Hyperparameters(BaseModel):
    """The knobs as they may be asked for; "auto", -1 and null leave them to localft."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_epochs: Epochs = None
    batch_size: BatchSize = None
    learning_rate_multiplier: LearningRateMultiplier = None


class Supervised(BaseModel):
    """Settings of supervised fine-tuning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hyperparameters: Hyperparameters | None = None


class Method(BaseModel):
    """The method. Only `supervised` is trained here."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Literal["supervised"] = "supervised"
    supervised: Supervised | None = None


class CreateFineTuningJob(BaseModel):
    """Body of a job's creation. Keys that are not known are ignored, and the job's events say so."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: Id
    """Catalogue id, fine-tuned model, or name or id of a checkpoint."""
    training_file: Id
    validation_file: Id | None = None
    suffix: Suffix = None
    seed: Seed = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    """OpenAI's older place for the knobs; those under `method` go before these."""
    integrations: Annotated[list[dict[str, Any]], Field(max_length=5)] | None = None
    metadata: dict[str, str] | None = None
    trainingType: Annotated[str, Field(max_length=64)] | None = None
    """Azure's; echoed, and nothing else."""
    localft: dict[str, Any] | None = None
    """Keys of recipes that the service has no word for: lora, quantization, max_length, overlong, execution, precision."""

    def knobs(self) -> dict[str, Any]:
        """What is asked of each knob, by whichever of the two places says something."""
        places = (
            self.hyperparameters,
            self.method.supervised.hyperparameters if self.method and self.method.supervised else None,
        )
        asked: dict[str, Any] = {}
        for place in places:
            if place is not None:
                asked.update(place.model_dump(exclude_none=True))
        return asked

    def ignored(self) -> tuple[str, ...]:
        """Keys that nothing is done with."""
        method = self.method.model_extra or {} if self.method else {}
        return (*(self.model_extra or {}), *(f"method.{key}" for key in method))
