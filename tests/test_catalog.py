"""The catalogue's facts, and everything that `model:` may stand for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localft import catalog
from localft.catalog import (
    ModelShape,
    PlannedModel,
    adapter_settings,
    cached_snapshot,
    entries,
    fallback_learning_rate,
    find,
    has_weights,
    model_facts,
    resolve_model,
    suggestions,
    tokenizer_directory,
)
from localft.errors import ModelError
from localft.tiny import model as tiny
from localft.tiny_base import model as tiny_base

LLAMA_CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 256,
    "max_position_embeddings": 512,
}


def write_model(directory: Path, **changes: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps({**LLAMA_CONFIG, **changes}))
    (directory / "model.safetensors").write_bytes(b"weights")
    (directory / "tokenizer.json").write_text("{}")
    (directory / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    return directory


def write_adapter(directory: Path, base: str, **changes: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    configuration = {"base_model_name_or_path": base, "r": 8, "lora_alpha": 16, "lora_dropout": 0.1, **changes}
    (directory / "adapter_config.json").write_text(json.dumps(configuration))
    return directory


def write_run(directory: Path, model: dict[str, object], **plan: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "plan.json").write_text(json.dumps({"model": model, **plan}))
    return directory


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty local hub cache."""
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


def put_in_cache(hub_cache: Path, hub_id: str, commit: str = "a" * 40) -> Path:
    repository = hub_cache / f"models--{hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    return snapshot


# --- facts


@pytest.mark.parametrize(
    ("model", "parameters", "adapter_of_rank_one"),
    [
        # Counted on the real architectures of transformers 5.23, on the meta device.
        ("llama-2-7b", 6_738_415_616, 2_498_560),
        ("llama-2-13b", 13_015_864_320, 3_911_680),
        ("llama-2-70b", 68_976_648_192, 12_943_360),
        ("llama-3.1-8b", 8_030_261_248, 2_621_440),
        ("llama-3.3-70b-instruct", 70_553_706_496, 12_943_360),
        ("llama-3.2-1b", 1_235_814_400, 704_512),
        ("llama-3.2-3b", 3_212_749_824, 1_519_616),
        ("phi-1.5", 1_418_270_720, 884_736),
        ("phi-2", 2_779_683_840, 1_474_560),
        ("phi-3-mini-4k-instruct", 3_821_079_552, 1_572_864),
        ("phi-3-medium-4k-instruct", 13_960_238_080, 3_481_600),
        ("phi-4", 14_659_507_200, 3_481_600),
        ("phi-4-mini-instruct", 3_836_021_760, 1_441_792),
        ("tinyllama-1.1b-chat", 1_100_048_384, 788_480),
        ("smollm2-135m", 134_515_008, 305_280),
        ("smollm2-360m", 361_821_120, 542_720),
        ("smollm2-1.7b", 1_711_376_384, 1_130_496),
        ("localft/tiny-base", 4_492_032, 22_400),
        ("localft/tiny-base-phi", 4_492_032, 18_560),
    ],
)
def test_shapes_give_the_published_parameter_counts(model: str, parameters: int, adapter_of_rank_one: int) -> None:
    entry = find(model)
    assert entry is not None
    assert entry.shape.parameters == pytest.approx(parameters, rel=1e-3)
    assert entry.shape.adapter_parameters(1) == adapter_of_rank_one


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("llama-2-7b-chat", 3e-4), ("llama-2-13b", 3e-4), ("llama-2-70b", 1.5e-4), ("llama-3-8b", 3e-4),
        ("llama-3.1-8b-instruct", 3e-4), ("llama-3.1-70b", 1.5e-4), ("phi-1.5", 2e-4), ("phi-4", 3e-4),
        ("smollm2-135m", 3e-3), ("smollm2-360m", 3e-3), ("smollm2-1.7b", 5e-4), ("tinyllama-1.1b-chat", 4e-4),
    ],
)  # fmt: skip
def test_published_learning_rates_are_the_papers(model: str, rate: float) -> None:
    entry = find(model)
    assert entry is not None and entry.base_learning_rate == rate
    assert entry.base_learning_rate_source.startswith("published: ")


@pytest.mark.parametrize(
    "model",
    [
        "llama-3.2-1b", "llama-3.2-3b", "llama-3.3-70b-instruct", "phi-2", "phi-3-mini-4k-instruct",
        "phi-3.5-mini-instruct", "phi-4-mini-instruct",
    ],
)  # fmt: skip
def test_unpublished_learning_rates_come_from_the_formula_and_say_so(model: str) -> None:
    entry = find(model)
    assert entry is not None
    assert entry.base_learning_rate == 5e-4 * (2000 / entry.shape.hidden_size) ** 0.781
    source = entry.base_learning_rate_source
    assert source.startswith(f"fallback: 5e-4 x (2000 / {entry.shape.hidden_size}) ^ 0.781 = ")
    assert "published" in source


@pytest.mark.parametrize(("hidden_size", "rate"), [(2048, 4.9e-4), (3072, 3.6e-4), (4096, 2.9e-4), (8192, 1.7e-4)])
def test_the_fallback_formula_gives_the_rates_computed_for_llama(hidden_size: int, rate: float) -> None:
    assert fallback_learning_rate(hidden_size) == pytest.approx(rate, rel=0.03)


def test_every_model_that_the_project_names_is_there() -> None:
    ids = {entry.id for entry in entries()}
    for size in ("7b", "13b", "70b"):
        assert {f"llama-2-{size}", f"llama-2-{size}-chat"} <= ids
    for version in ("3", "3.1"):
        assert {f"llama-{version}-8b", f"llama-{version}-8b-instruct", f"llama-{version}-70b"} <= ids
    assert {"llama-3.2-1b-instruct", "llama-3.2-3b", "llama-3.3-70b-instruct", "phi-1.5", "phi-2", "phi-4"} <= ids
    assert {"phi-3-mini-4k-instruct", "phi-3-mini-128k-instruct", "phi-3-medium-4k-instruct"} <= ids
    assert {"phi-3.5-mini-instruct", "phi-4-mini-instruct", "tinyllama-1.1b-chat"} <= ids
    assert {f"smollm2-{size}{kind}" for size in ("135m", "360m", "1.7b") for kind in ("", "-instruct")} <= ids


def test_ids_and_hub_ids_are_unique_and_found() -> None:
    names = [name for entry in entries() for name in (entry.id, entry.hub_id) if name]
    assert len(names) == len(set(names))
    assert all(find(entry.id) is entry for entry in entries())
    assert all(find(entry.hub_id) is entry for entry in entries() if entry.hub_id)


def test_a_fallback_template_that_the_catalogue_names_is_one_of_localfts() -> None:
    from localft.tokenization.tokenizer import template_names

    assert {entry.chat_template for entry in entries()} - {None} <= set(template_names())


EMBEDDED = {"localft/tiny-llama": tiny.SHIPPED_DIRECTORY, **tiny_base.DIRECTORIES}


def test_the_embedded_models_are_these() -> None:
    assert {entry.id for entry in entries() if entry.kind == "embedded"} == set(EMBEDDED)
    assert all((entry.hub_id is None) == (entry.kind == "embedded") for entry in entries())


@pytest.mark.parametrize(("name", "directory"), EMBEDDED.items(), ids=EMBEDDED)
def test_an_embedded_entry_has_the_shape_of_its_model(name: str, directory: Path) -> None:
    config = json.loads((directory / "config.json").read_text())
    entry = find(name)
    assert entry is not None
    shape = ModelShape.from_config(config, "config.json")
    assert shape.model_copy(update={"head_size": None}) == entry.shape and shape.head_dim == entry.shape.head_dim
    assert config["max_position_embeddings"] == entry.context_length


# --- names


@pytest.mark.parametrize(
    "name",
    [
        "llama-3.1-8b-instruct", "Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", "Meta-Llama-3.1-8B-Instruct",
        " llama-3.1-8b-instruct ",
    ],
)  # fmt: skip
def test_a_model_is_found_by_id_hub_id_and_the_services_name(name: str) -> None:
    entry = find(name)
    assert entry is not None and entry.id == "llama-3.1-8b-instruct"


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("llama-3.1-8b-instuct", "llama-3.1-8b-instruct"),
        ("phi4-mini-instruct", "phi-4-mini-instruct"),
        ("smollm-135m", "smollm2-135m"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_id(typo: str, meant: str) -> None:
    assert suggestions(typo)[0] == meant
    with pytest.raises(ModelError, match="Did you mean") as caught:
        resolve_model(typo)
    assert meant in str(caught.value) and caught.value.param == "model"


def test_an_unknown_name_is_answered_with_the_forms_that_are_accepted() -> None:
    with pytest.raises(ModelError, match=r"catalogue id .* hub id .* directory of a saved model"):
        resolve_model("zzz")


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/model", "~/nothing-here", "a/b/c"])
def test_a_path_that_is_not_there_is_said_to_be_a_directory(name: str) -> None:
    with pytest.raises(ModelError, match="expected a directory, found none"):
        resolve_model(name)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(ModelError, match="model is empty"):
        resolve_model("  ")


# --- hub cache


@pytest.mark.usefixtures("hub_cache")
def test_a_catalogue_model_that_is_not_on_this_machine_is_planned_without_a_path() -> None:
    model = resolve_model("meta-llama/Llama-3.2-1B")
    assert model == PlannedModel(
        id="llama-3.2-1b", path=None, hub_id="meta-llama/Llama-3.2-1B", architecture="llama", catalog_id="llama-3.2-1b"
    )
    assert tokenizer_directory(model) is None


def test_a_cached_hub_model_gets_the_path_of_its_snapshot(hub_cache: Path) -> None:
    snapshot = write_model(put_in_cache(hub_cache, "meta-llama/Llama-3.2-1B"))
    assert resolve_model("llama-3.2-1b").path == str(snapshot)


def test_a_cached_tokenizer_without_weights_serves_to_count_tokens_only(hub_cache: Path) -> None:
    snapshot = write_model(put_in_cache(hub_cache, "meta-llama/Llama-3.2-1B"))
    (snapshot / "model.safetensors").unlink()
    model = resolve_model("llama-3.2-1b")
    assert model.path is None and tokenizer_directory(model) == snapshot


def test_a_hub_model_outside_the_catalogue_is_planned_from_its_cached_config(hub_cache: Path) -> None:
    write_model(put_in_cache(hub_cache, "someone/small-llama"))
    model = resolve_model("someone/small-llama")
    assert model.hub_id == "someone/small-llama" and model.architecture == "llama" and model.catalog_id is None
    facts = model_facts(model)
    assert facts.context_length == 512 and facts.base_learning_rate == fallback_learning_rate(64)


@pytest.mark.usefixtures("hub_cache")
def test_an_absent_hub_model_outside_the_catalogue_is_refused_with_the_command_that_fetches_it() -> None:
    with pytest.raises(ModelError, match="hf download someone/small-llama"):
        resolve_model("someone/small-llama")


def test_without_the_hub_client_nothing_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert cached_snapshot("meta-llama/Llama-3.2-1B") is None


def test_weights_in_parts_count_only_when_all_parts_are_there(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-1.safetensors").write_bytes(b"")
    assert not has_weights(tmp_path)
    (tmp_path / "model-2.safetensors").write_bytes(b"")
    assert has_weights(tmp_path)


# --- directories


def test_a_directory_of_a_saved_model_is_read_from_its_config(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine", num_key_value_heads=None, head_dim=32)
    model = resolve_model(str(directory))
    assert (model.path, model.hub_id, model.architecture) == (str(directory), None, "llama")
    facts = model_facts(model)
    assert facts.shape.kv_heads == 4 and facts.shape.head_dim == 32
    assert facts.base_learning_rate_source.startswith("fallback: ")


def test_a_snapshot_directory_is_the_hub_model_that_it_holds(hub_cache: Path) -> None:
    snapshot = write_model(put_in_cache(hub_cache, "meta-llama/Llama-3.2-1B"))
    model = resolve_model(str(snapshot))
    assert model.hub_id == "meta-llama/Llama-3.2-1B" and model.catalog_id == "llama-3.2-1b"


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    (directory / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights .* found none"):
        resolve_model(str(directory))


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json .* adapter_config\.json .* plan\.json"):
        resolve_model(str(tmp_path))


@pytest.mark.parametrize("key", ["hidden_size", "vocab_size", "max_position_embeddings"])
def test_a_config_without_what_planning_needs_is_refused_by_key(tmp_path: Path, key: str) -> None:
    directory = write_model(tmp_path / "mine", **{key: None})
    with pytest.raises(ModelError, match=key):
        model_facts(resolve_model(str(directory)))


def test_a_broken_config_is_refused_by_path(tmp_path: Path) -> None:
    directory = write_model(tmp_path / "mine")
    (directory / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json: expected JSON"):
        resolve_model(str(directory))


def test_an_adapter_is_resolved_to_its_base(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base")
    adapter = write_adapter(tmp_path / "adapter", str(base))
    model = resolve_model(str(adapter))
    assert (model.id, model.path, model.adapter_path) == (str(adapter), str(base), str(adapter))
    assert adapter_settings(adapter) == (8, 16, 0.1)


@pytest.mark.usefixtures("hub_cache")
def test_an_adapter_of_a_hub_model_keeps_the_catalogues_facts(tmp_path: Path) -> None:
    model = resolve_model(str(write_adapter(tmp_path / "adapter", "meta-llama/Llama-3.1-8B-Instruct")))
    assert model.hub_id == "meta-llama/Llama-3.1-8B-Instruct" and model.path is None
    assert model_facts(model).base_learning_rate == 3e-4


def test_an_adapter_of_an_adapter_is_refused(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base")
    first = write_adapter(tmp_path / "first", str(base))
    with pytest.raises(ModelError, match="is itself an adapter"):
        resolve_model(str(write_adapter(tmp_path / "second", str(first))))


def test_an_adapter_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", str(tmp_path / "adapter"))
    with pytest.raises(ModelError, match="leads back to itself"):
        resolve_model(str(adapter))


def test_an_adapter_whose_base_is_not_here_says_which(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", "somebody/gone")
    with pytest.raises(ModelError, match=r"base model of this adapter cannot be used: .*gone"):
        resolve_model(str(adapter))


@pytest.mark.parametrize("part", ["", "model", "checkpoint-10"])
def test_a_finished_run_its_model_and_its_checkpoints_go_on_from_their_base(tmp_path: Path, part: str) -> None:
    base = write_model(tmp_path / "base")
    run = write_run(tmp_path / "run", {"id": "x", "path": str(base), "hub_id": None})
    write_adapter(run / "model", "/moved/away")
    write_adapter(run / "checkpoint-10", "/moved/away")
    model = resolve_model(str(run / part))
    assert model.path == str(base)
    assert model.adapter_path == str(run / (part or "model"))


def test_a_base_directory_that_is_gone_is_named_with_the_file_that_names_it(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", "/moved/away")
    with pytest.raises(ModelError) as caught:
        resolve_model(str(adapter))
    assert caught.value.code == "model_not_found"
    assert str(caught.value) == (
        f"{adapter}: expected the base model of this adapter in /moved/away, as base_model_name_or_path of "
        f"{adapter / 'adapter_config.json'} says; found no such directory. Bring it back, or write its new place into that file."
    )


def test_a_run_whose_base_directory_is_gone_tells_what_the_base_was_called(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"id": "models/mine", "path": "/moved/away", "hub_id": None})
    write_adapter(run / "model", "/moved/away")
    with pytest.raises(ModelError) as caught:
        resolve_model(str(run))
    assert "(models/mine when it was trained) in /moved/away, as model.path of " in str(caught.value)
    assert str(run / "plan.json") in str(caught.value)


def test_a_run_on_an_embedded_model_goes_on_from_this_installations_wherever_it_was_made(tmp_path: Path) -> None:
    planned = {"id": "localft/tiny-base", "path": "/moved/away", "hub_id": None, "catalog_id": "localft/tiny-base"}
    run = write_run(tmp_path / "run", planned)
    write_adapter(run / "model", "/moved/away")
    assert resolve_model(str(run)).path == resolve_model("localft/tiny-base").path


def test_a_fully_tuned_run_keeps_the_base_learning_rate_that_it_was_planned_with(tmp_path: Path) -> None:
    rate = {"base": 3e-4, "source": "published: arXiv 2407.21783"}
    run = write_run(tmp_path / "run", {"id": "x", "path": "/gone", "hub_id": None}, learning_rate=rate)
    write_model(run / "model")
    facts = model_facts(resolve_model(str(run)))
    assert (facts.base_learning_rate, facts.base_learning_rate_source) == (3e-4, "published: arXiv 2407.21783")


def test_an_unfinished_run_names_its_newest_checkpoint(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"id": "x"})
    for step in (9, 10):
        (run / f"checkpoint-{step}").mkdir()
    with pytest.raises(ModelError, match=r"expected a finished run.*--resume auto.*checkpoint-10"):
        resolve_model(str(run))


def test_the_tokenizer_of_a_run_comes_before_its_bases(tmp_path: Path) -> None:
    base = write_model(tmp_path / "base")
    adapter = write_adapter(tmp_path / "adapter", str(base))
    assert tokenizer_directory(resolve_model(str(adapter))) == base
    (adapter / "tokenizer.json").write_text("{}")
    assert tokenizer_directory(resolve_model(str(adapter))) == adapter


def test_the_embedded_model_is_made_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALFT_HOME", str(tmp_path))
    model = resolve_model("localft/tiny-llama")
    assert model.path is not None and Path(model.path).is_relative_to(tmp_path)
    assert has_weights(Path(model.path)) and catalog.has_chat_template(Path(model.path))


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("localft/tiny-bse", "localft/tiny-base"),
        ("LocalFT/tinybase-phi", "localft/tiny-base-phi"),
        ("localft/something-else-altogether", "localft/tiny-llama, localft/tiny-base or localft/tiny-base-phi?"),
    ],
)
def test_a_mistyped_name_of_an_embedded_model_is_no_hub_id_and_gets_the_nearest(typo: str, meant: str) -> None:
    assert not catalog.is_hub_id(typo)
    with pytest.raises(ModelError) as caught:
        resolve_model(typo)
    assert caught.value.code == "model_not_found"
    assert f"{typo}: no such model comes with localft. Did you mean {meant}" in str(caught.value)
    assert " hub" not in str(caught.value)


def test_a_directory_may_be_called_as_an_embedded_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "localft" / "mine")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("localft/mine").path == str(tmp_path / "localft" / "mine")
