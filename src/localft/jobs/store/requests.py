"""What a caller asks of a job, and the recipe that it becomes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localft.errors import UsageError
from localft.hyperparameters import Requested
from localft.plan import TrainingRequest
from localft.recipe import request_from

MAX_METADATA_PAIRS, MAX_METADATA_KEY, MAX_METADATA_VALUE = 16, 64, 512
RECIPE_KEYS = ("lora", "quantization", "max_length", "overlong", "execution", "precision")
"""Keys of recipes that the service's request has no word for."""


@dataclass(frozen=True)
class JobRequest:
    """A job as the service's request says it. What None and "auto" become is decided later."""

    model: str
    """Catalogue id, fine-tuned model, or name or id of a checkpoint."""
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: Requested = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """batch_size, learning_rate_multiplier, n_epochs; each may be missing, "auto", -1 or None."""
    integrations: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, str] | None = None
    training_type: str | None = None
    """Azure's trainingType, which is only echoed."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """localft's own keys, see RECIPE_KEYS."""
    ignored: tuple[str, ...] = ()
    """Keys that nothing is done with; the job's events name them."""

    def checked(self) -> TrainingRequest:
        """The request as a recipe with file ids in place of paths; UsageError holds all that is wrong with it."""
        problems = [
            (f"localft.{key}", f"localft.{key} is not a key; expected {', '.join(RECIPE_KEYS)}.")
            for key in self.recipe
            if key not in RECIPE_KEYS
        ]
        problems += [("metadata", sentence) for sentence in _flaws_of_metadata(self.metadata or {})]
        try:
            request = request_from(self._as_recipe())
        except UsageError as error:
            problems += zip(map(_service_field, error.params), error.problems, strict=True)
        if problems:
            params, sentences = zip(*problems, strict=True)
            raise UsageError("\n".join(sentences), problems=sentences, params=params, param=params[0])
        return request

    def _as_recipe(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "training_file": self.training_file,
            "validation_file": self.validation_file,
            "suffix": self.suffix,
            "seed": self.seed,
            "method": {"type": "supervised", "supervised": {"hyperparameters": dict(self.hyperparameters)}},
            "integrations": [dict(integration) for integration in self.integrations],
            **{key: value for key, value in self.recipe.items() if key in RECIPE_KEYS},
        }


def _service_field(key: str) -> str:
    """A recipe's key as the service's request has it: overlong -> localft.overlong."""
    first = key.partition(".")[0]
    return f"localft.{key}" if first in RECIPE_KEYS else key.removeprefix("method.supervised.")


def recipe_text(request: TrainingRequest, **changes: object) -> str:
    """The recipe file of a job. It is JSON, which is YAML too and leaves no doubt about what is text."""
    values = {**request.model_dump(mode="json"), **changes}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _flaws_of_metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    if len(metadata) > MAX_METADATA_PAIRS:
        yield f"metadata has {len(metadata)} pairs; expected at most {MAX_METADATA_PAIRS}."
        return
    for key, value in metadata.items():
        if not 0 < len(key) <= MAX_METADATA_KEY:
            yield f"metadata has a key of {len(key)} characters; expected 1 to {MAX_METADATA_KEY}."
        elif not isinstance(value, str):
            yield f"metadata[{key!r}] is not text; expected text."
        elif len(value) > MAX_METADATA_VALUE:
            yield f"metadata[{key!r}] has {len(value)} characters; expected at most {MAX_METADATA_VALUE}."
