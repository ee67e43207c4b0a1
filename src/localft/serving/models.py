"""From the name in a request to the files of a model: deployments, fine-tuned models, checkpoints, base models."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from localft import __version__, catalog
from localft.errors import ModelError, NotFound
from localft.jobs.store import Store


@dataclass(frozen=True)
class BaseModel:
    """What one engine holds in memory."""

    directory: Path
    nf4: bool = False
    """Whether it is held in NF4, as the adapter's job had it."""


@dataclass(frozen=True)
class ServedModel:
    """A model as it is asked: a base, and the adapter on it where there is one."""

    name: str
    base: BaseModel
    adapter: Path | None

    @property
    def fingerprint(self) -> str:
        """Changes when the same request may be answered otherwise: another model, another version of localft."""
        parts = [__version__, str(self.base.directory), self.base.nf4, str(self.adapter)]
        return f"fp_{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:10]}"


def find_served(store: Store, name: str) -> ServedModel:
    """The model that a name means. NotFound where it means none; ModelError where it is not on this machine."""
    target = _deployed(store, name) or name
    entry = catalog.find(target)
    if entry is not None:
        return _served(name, entry.id)
    try:
        directory = store.models.resolve(target).directory
    except NotFound:
        raise _unknown(name) from None
    return _served(name, str(directory))


def served_directory(directory: str) -> ServedModel:
    """A model that is named by its place or its catalogue id."""
    return _served(directory, directory)


def _deployed(store: Store, name: str) -> str | None:
    try:
        return store.deployments.get(name).model
    except NotFound:
        return None


def _unknown(name: str) -> NotFound:
    near = catalog.suggestions(name)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return NotFound(
        f"The model {name} does not exist here; it may be a deployment, a fine-tuned model, a checkpoint's name or id, or a "
        f"base model of GET /models.{hint}",
        code="model_not_found",
        param="model",
    )


def _served(name: str, place: str) -> ServedModel:
    base, adapter = _files_of(place)
    return ServedModel(name, base, adapter)


@lru_cache(maxsize=256)
def _files_of(place: str) -> tuple[BaseModel, Path | None]:
    """Base and adapter of a catalogue id or directory; remembered, since files of embedded models are checked each time."""
    found = catalog.resolve_model(place)
    if found.path is None:
        raise ModelError(
            f"{found.id} is not on this machine; fetch it with: hf download {found.hub_id}",
            code="model_not_downloaded",
            param="model",
        )
    adapter = Path(found.adapter_path) if found.adapter_path else None
    nf4 = adapter is not None and _trained_in_nf4(adapter)
    return BaseModel(Path(found.path), nf4), adapter


def _trained_in_nf4(adapter: Path) -> bool:
    plan = adapter.parent / "plan.json"
    try:
        return bool(json.loads(plan.read_text("utf-8"))["quantization"] == "nf4")
    except (OSError, ValueError, KeyError, TypeError):  # an adapter from elsewhere
        return False
