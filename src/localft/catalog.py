"""The base models that localft knows, and what the word behind `model:` stands for.

The facts are in catalog.toml beside this file. `find` looks a name up there; `resolve_model` also takes what is no
catalogue entry: a hub id, a directory of a saved model, an adapter, a checkpoint, a finished run. Nothing here uses the
network: a hub model that is not in the local hub cache stays a name until a training downloads it.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from localft import settings
from localft.errors import ModelError

_HERE = Path(__file__).parent

ACCEPTED_FORMS = (
    "a catalogue id (see `localft models`), a hub id such as meta-llama/Llama-3.1-8B-Instruct, a directory of a saved "
    "model, or a finished run's directory"
)

FALLBACK_FORMULA = "5e-4 x (2000 / hidden_size) ^ 0.781"


def fallback_learning_rate(hidden_size: int) -> float:
    """Base learning rate of a model whose pretraining rate is not known.

    A fit of the best LoRA learning rates of Llama models of several widths (tinker-cookbook, `hyperparam_utils.py`):
    hidden_size 2048 -> 4.9e-4, 4096 -> 2.9e-4, 8192 -> 1.7e-4.
    """
    return 5e-4 * math.pow(2000 / hidden_size, 0.781)


class ModelShape(BaseModel):
    """The widths of a decoder-only transformer: all that parameter counts and memory estimates need."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    """`model_type` of config.json: "llama", "phi", "phi3"."""
    hidden_size: int
    layers: int
    attention_heads: int
    kv_heads: int
    intermediate_size: int
    vocab_size: int
    tied_embeddings: bool
    head_size: int | None = None
    """Width of one attention head where it is not hidden_size / attention_heads."""

    @property
    def head_dim(self) -> int:
        return self.head_size or self.hidden_size // self.attention_heads

    def linears(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the linear layers of one block, as the architecture builds them.

        Phi-3 fuses query, key and value, and gate and up, which makes its adapters smaller; Phi-1.5 and Phi-2 have no
        gate.
        """
        h, i = self.hidden_size, self.intermediate_size
        q, kv = self.attention_heads * self.head_dim, self.kv_heads * self.head_dim
        if self.architecture == "phi3":
            return [(h, q + 2 * kv), (q, h), (h, 2 * i), (i, h)]
        attention = [(h, q), (h, kv), (h, kv), (q, h)]
        if self.architecture == "phi":
            return [*attention, (h, i), (i, h)]
        return [*attention, (h, i), (h, i), (i, h)]

    @property
    def linear_parameters(self) -> int:
        """Weights of the linear layers of all blocks: what NF4 quantises and LoRA adapts. Biases left out."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linears())

    @property
    def parameters(self) -> int:
        """All weights but biases and norms' (within 0.1 % of the published counts)."""
        embeddings = self.vocab_size * self.hidden_size * (1 if self.tied_embeddings else 2)
        return self.linear_parameters + embeddings + (2 * self.layers + 1) * self.hidden_size

    def adapter_parameters(self, rank: int) -> int:
        """Weights of a LoRA adapter of this rank on all linear layers."""
        return rank * self.layers * sum(inputs + outputs for inputs, outputs in self.linears())

    @classmethod
    def from_config(cls, config: dict[str, Any], where: str) -> ModelShape:
        """Reads the shape out of a model's config.json; ModelError names the keys that are missing."""
        text = config.get("text_config", config)
        names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
        missing = [name for name in names if not _is_positive_integer(text.get(name))]
        if missing:
            raise ModelError(
                f"{where}: expected the config.json of a decoder-only language model, found none or no number for "
                f"{', '.join(missing)}; name a model of a Llama-like or Phi-like architecture.",
                param="model",
            )
        heads = text["num_attention_heads"]
        return cls(
            architecture=str(text.get("model_type", "unknown")),
            hidden_size=text["hidden_size"],
            layers=text["num_hidden_layers"],
            attention_heads=heads,
            kv_heads=text.get("num_key_value_heads") or heads,
            intermediate_size=text["intermediate_size"],
            vocab_size=text["vocab_size"],
            tied_embeddings=bool(config.get("tie_word_embeddings", False)),
            head_size=text.get("head_dim"),
        )


@dataclass(frozen=True)
class CatalogEntry:
    """One base model of the catalogue."""

    id: str
    hub_id: str | None
    """None for a model that comes with localft."""
    kind: Literal["hub", "embedded"]
    family: str
    licence: str
    gated: bool
    """Whether the hub asks for the licence to be accepted before it gives the weights."""
    context_length: int
    shape: ModelShape
    pretraining_learning_rate: float | None
    """Published, or ours; None where it is not known or there was no pretraining."""
    learning_rate_source: str
    chat_template: str | None
    """Name of the fallback template of a model that ships without one."""
    unsure: str | None
    """What of this entry is recalled rather than checked."""

    @property
    def base_learning_rate(self) -> float:
        return self.pretraining_learning_rate or fallback_learning_rate(self.shape.hidden_size)

    @property
    def base_learning_rate_source(self) -> str:
        """Where the number comes from.

        "published: arXiv ...", "its own pretraining: scripts/..." or "fallback: formula = number (why)".
        """
        if self.pretraining_learning_rate is not None:
            origin = "its own pretraining" if self.kind == "embedded" else "published"
            unsure = f" ({self.unsure})" if self.unsure else ""
            return f"{origin}: {self.learning_rate_source}{unsure}"
        return f"{fallback_source(self.shape.hidden_size)}; {self.learning_rate_source}"


def fallback_source(hidden_size: int) -> str:
    formula = FALLBACK_FORMULA.replace("hidden_size", str(hidden_size))
    return f"fallback: {formula} = {fallback_learning_rate(hidden_size):.4g}"


@cache
def entries() -> tuple[CatalogEntry, ...]:
    """The catalogue, in the order of catalog.toml."""
    tables = tomllib.loads((_HERE / "catalog.toml").read_text(encoding="utf-8"))["family"]
    return tuple(_entry(family, model) for family in tables for model in family["models"])


def _entry(family: dict[str, Any], model: dict[str, Any]) -> CatalogEntry:
    return CatalogEntry(
        id=model["id"],
        hub_id=model.get("hub_id"),
        kind=model.get("kind", "hub"),
        family=family["name"],
        licence=family["licence"],
        gated=family["gated"],
        context_length=family["context_length"],
        shape=ModelShape(**family["shape"]),
        pretraining_learning_rate=family.get("learning_rate"),
        learning_rate_source=family["source"],
        chat_template=model.get("chat_template"),
        unsure=family.get("unsure"),
    )


def find(name: str) -> CatalogEntry | None:
    """The entry of a catalogue id, a hub id or the last part of one, whatever its case.

    "Meta-Llama-3.1-8B-Instruct", the name in the service's own catalogue, finds llama-3.1-8b-instruct.
    """
    return _by_name().get(_plain(name))


@cache
def _by_name() -> dict[str, CatalogEntry]:
    names: dict[str, CatalogEntry] = {}
    for entry in entries():
        for name in (entry.id, entry.hub_id, entry.hub_id and entry.hub_id.rpartition("/")[2]):
            if name:
                names[_plain(name)] = entry
    return names


def _plain(name: str) -> str:
    lowered = name.strip().lower()
    return lowered.removeprefix("meta-") if "/" not in lowered else lowered


def suggestions(name: str) -> list[str]:
    """Up to three catalogue ids whose id or hub id looks like `name`, the nearest first."""
    near = difflib.get_close_matches(_plain(name), list(_by_name()), n=9, cutoff=0.6)
    return list(dict.fromkeys(_by_name()[match].id for match in near))[:3]


class PlannedModel(BaseModel):
    """The model a plan is for: what it was called, and where it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    id: str
    """As the user named it, or the catalogue id."""
    path: str | None
    """Local directory with config.json, weights and tokenizer; None where the model is not on this machine yet."""
    hub_id: str | None
    adapter_path: str | None = None
    """Directory of the adapter to go on training, where the model is a finished LoRA run."""
    architecture: str | None = None
    """`model_type` of config.json, such as "llama"."""
    catalog_id: str | None = None
    """Catalogue entry of the base model, where there is one."""

    @property
    def base(self) -> str:
        """The base model's name, under which it is found again: catalogue id, hub id or directory."""
        name = self.catalog_id or self.hub_id or self.path
        assert name is not None, "a model has a name or a place"
        return name

    @property
    def public_base(self) -> str:
        """The base model's name as others know it: hub id, localft's id of a model that comes with it, or directory."""
        return self.hub_id or self.base


@dataclass(frozen=True)
class ModelFacts:
    """What planning needs to know of a model."""

    shape: ModelShape
    context_length: int
    base_learning_rate: float
    base_learning_rate_source: str
    fallback_template: str | None


def resolve_model(name: str) -> PlannedModel:
    """Finds what `name` stands for: catalogue id, hub id, directory of a model, adapter, checkpoint or finished run.

    Uses no network. ModelError says what was found instead, and names the nearest entries.
    """
    return _resolve(name, seen=())


def _resolve(name: str, seen: tuple[str, ...]) -> PlannedModel:
    if name in seen:
        chain = " -> ".join([*seen, name])
        raise ModelError(f"{name}: its base model leads back to itself ({chain}).", param="model")
    if not name.strip():
        raise ModelError(f"model is empty; expected {ACCEPTED_FORMS}.", param="model")
    entry = find(name)
    if entry is not None:
        return _from_catalog(entry)
    directory = Path(name).expanduser()
    if directory.is_dir():
        return _from_directory(name, directory.resolve(), (*seen, name))
    if is_hub_id(name):
        return _from_hub_cache(name)
    raise _unknown(name)


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a hub id, owner/model, and is not one of ours."""
    return not _is_ours(name) and re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) is not None


def _is_ours(name: str) -> bool:
    """Whether a name can only be an embedded model's: those called localft/... are in this package, and nowhere else."""
    return name.lower().startswith("localft/")


def _from_catalog(entry: CatalogEntry) -> PlannedModel:
    path = embedded_directory(entry.id) if entry.hub_id is None else cached_snapshot(entry.hub_id)
    return PlannedModel(
        id=entry.id,
        path=str(path) if path else None,
        hub_id=entry.hub_id,
        architecture=entry.shape.architecture,
        catalog_id=entry.id,
    )


def embedded_directory(name: str) -> Path | None:
    """Directory of a model that comes with localft, all of it checked now; None for any other name.

    ModelError where a file was changed, or where the model that is written on first use cannot be.
    """
    entry = find(name)
    if entry is None or entry.kind != "embedded":
        return None
    from localft.tiny.model import materialize
    from localft.tiny_base.model import DIRECTORIES, whole

    return whole(DIRECTORIES[entry.id]) if entry.id in DIRECTORIES else materialize(settings.home())


def _from_hub_cache(hub_id: str) -> PlannedModel:
    """A hub model outside the catalogue: its config.json has to be here, or there is nothing to plan with."""
    path = cached_snapshot(hub_id)
    if path is None:
        near = suggestions(hub_id)
        hint = f" Did you mean {_listing(near)}?" if near else ""
        raise ModelError(
            f"{hub_id}: expected a model of the catalogue, or one on this machine; found neither a directory of that "
            f"name nor the model in the local hub cache.{hint} If it is on the hub, fetch it first: hf download {hub_id}",
            code="model_not_found",
            param="model",
        )
    return PlannedModel(
        id=hub_id, path=str(path), hub_id=hub_id, architecture=_read_json(path / "config.json").get("model_type")
    )


def _from_directory(name: str, directory: Path, seen: tuple[str, ...]) -> PlannedModel:
    if (directory / "plan.json").is_file():
        if not (directory / "model").is_dir():
            raise ModelError(_unfinished(name, directory), code="run_not_finished", param="model")
        return _from_directory(name, directory / "model", seen)
    if (directory / "adapter_config.json").is_file():
        return _from_adapter(name, directory, seen)
    if (directory / "config.json").is_file():
        if not has_weights(directory):
            raise ModelError(
                f"{name}: expected the model's weights (model.safetensors, or all parts that its index names) beside "
                "config.json, found none; copy the whole directory.",
                param="model",
            )
        embedded = _embedded_in(directory)
        if embedded is not None:
            return _from_catalog(embedded).model_copy(update={"id": name})
        hub_id = _hub_id_of_snapshot(directory)
        entry = find(hub_id) if hub_id else None
        return PlannedModel(
            id=name,
            path=str(directory),
            hub_id=hub_id,
            architecture=_read_json(directory / "config.json").get("model_type"),
            catalog_id=entry.id if entry else None,
        )
    raise ModelError(
        f"{name}: expected a directory with config.json (a saved model), adapter_config.json (an adapter) or plan.json "
        "(a run), found none of them.",
        code="model_not_found",
        param="model",
    )


def _from_adapter(name: str, directory: Path, seen: tuple[str, ...]) -> PlannedModel:
    """An adapter's base is what its run was planned for; adapters made elsewhere name it in adapter_config.json."""
    base_name = _base_of_adapter(name, directory)
    try:
        base = _resolve(base_name, seen)
    except ModelError as error:
        raise ModelError(
            f"{name}: the base model of this adapter cannot be used: {error}", code=error.code, param="model"
        ) from None
    if base.adapter_path is not None:
        raise ModelError(
            f"{name}: its base model {base_name} is itself an adapter; merge that one into its base first.",
            param="model",
        )
    return base.model_copy(update={"id": name, "adapter_path": str(directory)})


def _base_of_adapter(name: str, directory: Path) -> str:
    run_plan = _plan_beside(directory)
    if run_plan is not None:
        planned = run_plan["model"]
        base, called = planned.get("catalog_id") or planned.get("hub_id") or planned.get("path"), planned.get("id")
        key, file = "model.path", directory.parent / "plan.json"
    else:
        base, called = _read_json(directory / "adapter_config.json").get("base_model_name_or_path"), None
        key, file = "base_model_name_or_path", directory / "adapter_config.json"
    if not isinstance(base, str) or not base:
        raise ModelError(f"{file}: expected {key} to name the base model, found {base!r}.", param="model")
    if Path(base).is_absolute() and not Path(base).is_dir():
        known = f" ({called} when it was trained)" if called and called != base else ""
        raise ModelError(
            f"{name}: expected the base model of this adapter{known} in {base}, as {key} of {file} says; found no such "
            "directory. Bring it back, or write its new place into that file.",
            code="model_not_found",
            param="model",
        )
    return base


def _unfinished(name: str, directory: Path) -> str:
    checkpoints = sorted(
        (path.name for path in directory.glob("checkpoint-*") if path.is_dir()),
        key=lambda checkpoint: int("".join(re.findall(r"\d+", checkpoint)) or 0),
    )
    way_out = f"; finish it with: localft train {directory / 'plan.json'} --resume auto"
    if checkpoints:
        way_out += f", or name its checkpoint: {Path(name) / checkpoints[-1]}"
    return f"{name}: expected a finished run, found one without model/{way_out}"


def _unknown(name: str) -> ModelError:
    near = suggestions(name)
    if name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1:
        message = f"{name}: expected a directory, found none; model takes {ACCEPTED_FORMS}."
    elif _is_ours(name):
        embedded = [entry.id for entry in entries() if entry.kind == "embedded"]
        near = [id for id in near if id in embedded] or embedded
        message = f"{name}: no such model comes with localft. Did you mean {_listing(near)}?"
    elif near:
        message = f"{name}: no such model. Did you mean {_listing(near)}? model takes {ACCEPTED_FORMS}."
    else:
        message = f"{name}: no such model; model takes {ACCEPTED_FORMS}."
    return ModelError(message, code="model_not_found", param="model")


def _listing(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def model_facts(model: PlannedModel) -> ModelFacts:
    """Shape, context and base learning rate: from the catalogue, or from config.json and the formula.

    A full fine-tuning's result keeps the base learning rate of the run it came from, which plan.json beside it records.
    """
    entry = find(model.catalog_id) if model.catalog_id else None
    if entry is not None:
        return ModelFacts(
            shape=entry.shape,
            context_length=entry.context_length,
            base_learning_rate=entry.base_learning_rate,
            base_learning_rate_source=entry.base_learning_rate_source,
            fallback_template=entry.chat_template,
        )
    assert model.path is not None, "a model outside the catalogue is on this machine"
    directory = Path(model.path)
    config = _read_json(directory / "config.json")
    shape = ModelShape.from_config(config, str(directory / "config.json"))
    rate, source = fallback_learning_rate(shape.hidden_size), fallback_source(shape.hidden_size)
    run_plan = _plan_beside(directory)
    if run_plan is not None:
        recorded = run_plan.get("learning_rate", {})
        if isinstance(recorded.get("base"), float) and isinstance(recorded.get("source"), str):
            rate, source = recorded["base"], recorded["source"]
    context = config.get("text_config", config).get("max_position_embeddings")
    if not _is_positive_integer(context):
        raise ModelError(
            f"{directory / 'config.json'}: expected max_position_embeddings, the longest row the model can read, "
            f"found {context!r}.",
            param="model",
        )
    assert isinstance(context, int)
    return ModelFacts(shape, context, rate, source, fallback_template=None)


def adapter_settings(directory: Path) -> tuple[int, int, float]:
    """Rank, alpha and dropout of the adapter in `directory`."""
    config = _read_json(directory / "adapter_config.json")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not _is_positive_integer(rank) or not isinstance(alpha, int | float):
        raise ModelError(
            f"{directory / 'adapter_config.json'}: expected a LoRA adapter with r and lora_alpha, found {rank!r} and "
            f"{alpha!r}.",
            param="model",
        )
    assert isinstance(rank, int)
    return rank, int(alpha), float(config.get("lora_dropout") or 0.0)


def tokenizer_directory(model: PlannedModel) -> Path | None:
    """Local directory with the tokenizer that training will use; None where it is not on this machine yet.

    The adapter's own comes first: a finished run carries the tokenizer and chat template it was trained with. A hub
    model may have its tokenizer in the hub cache without its weights, which is enough to count tokens. ModelError for a
    local model that has none.
    """
    for directory in (model.adapter_path, model.path):
        if directory and has_tokenizer(Path(directory)):
            return Path(directory)
    if model.hub_id is not None:
        return _cached(model.hub_id, "tokenizer.json")
    raise ModelError(
        f"{model.path}: expected the tokenizer's tokenizer.json in it, found none; save it with "
        "transformers.AutoTokenizer.from_pretrained(...).save_pretrained(...)",
        code="no_tokenizer",
        param="model",
    )


def has_chat_template(directory: Path) -> bool:
    """Whether the tokenizer in `directory` brings its own chat template."""
    if (directory / "chat_template.jinja").is_file():
        return True
    configuration = directory / "tokenizer_config.json"
    return configuration.is_file() and bool(_read_json(configuration).get("chat_template"))


def has_tokenizer(directory: Path) -> bool:
    return (directory / "tokenizer.json").is_file()


def has_weights(directory: Path) -> bool:
    """Whether the weights are there as safetensors, all parts of them; other formats can carry code and are not read."""
    if (directory / "model.safetensors").is_file():
        return True
    index = directory / "model.safetensors.index.json"
    if not index.is_file():
        return False
    parts = set(_read_json(index).get("weight_map", {}).values())
    return bool(parts) and all((directory / part).is_file() for part in parts)


def cached_snapshot(hub_id: str) -> Path | None:
    """The directory of a hub model in the local hub cache, where config, weights and tokenizer are all there."""
    directory = _cached(hub_id, "config.json")
    return directory if directory and has_weights(directory) and has_tokenizer(directory) else None


def _cached(hub_id: str, filename: str) -> Path | None:
    """Directory of the snapshot that holds this file, without asking the network; None where it is not cached."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:  # the light install has no hub client, so there is nothing in its cache
        return None
    found = try_to_load_from_cache(hub_id, filename)
    return Path(found).parent if isinstance(found, str) else None


def _embedded_in(directory: Path) -> CatalogEntry | None:
    """The pretrained embedded model whose directory this is: adapters name their base by it."""
    from localft.tiny_base.model import DIRECTORIES

    return next((find(name) for name, place in DIRECTORIES.items() if place.resolve() == directory), None)


def _hub_id_of_snapshot(directory: Path) -> str | None:
    """`.../models--org--name/snapshots/<commit>` -> `org/name`: a directory inside the hub cache is that hub model."""
    if directory.parent.name != "snapshots":
        return None
    repository = directory.parent.parent.name
    return "/".join(repository.split("--")[1:]) if repository.startswith("models--") else None


def _plan_beside(directory: Path) -> dict[str, Any] | None:
    """plan.json of the run that `directory`, its model/ or a checkpoint, belongs to."""
    path = directory.parent / "plan.json"
    if not path.is_file():
        return None
    plan = _read_json(path)
    return plan if isinstance(plan.get("model"), dict) else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: expected JSON, found {error}.", param="model") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object, found {type(content).__name__}.", param="model")
    return content


def _is_positive_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
