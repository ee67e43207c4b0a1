"""The embedded base models lie whole in the package, are checked when they are used, and are never written to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localft import catalog, settings
from localft.cli import main, quickstart
from localft.errors import ModelError
from localft.manifest import MANIFEST_FILE
from localft.plan import TrainingPlan
from localft.runner import run_job
from localft.tiny_base import model as tiny_base
from localft.tokenization.tokenizer import ChatTokenizer
from localft.training.checkpoints import read_state
from runs import FakeEngine, plan_for, request_for, snapshot

NAMES = list(tiny_base.DIRECTORIES)
WEIGHTS = "model.safetensors"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of localft/tiny-base that may be damaged, in the place of the package's own."""
    directory = tmp_path / "installed"
    shutil.copytree(tiny_base.DIRECTORIES["localft/tiny-base"], directory)
    monkeypatch.setitem(tiny_base.DIRECTORIES, "localft/tiny-base", directory)
    return directory


@pytest.mark.parametrize("name", NAMES)
def test_the_package_holds_it_whole_and_nothing_that_is_not_in_the_manifest(name: str) -> None:
    directory = tiny_base.whole(tiny_base.DIRECTORIES[name])
    listed = set(json.loads((directory / MANIFEST_FILE).read_text())["sha256"])
    assert set(tiny_base.FILES) <= listed
    assert {path.name for path in directory.iterdir()} == {*listed, MANIFEST_FILE}


@pytest.mark.parametrize("name", NAMES)
def test_the_base_learning_rate_is_the_peak_of_the_pretraining(name: str) -> None:
    entry = catalog.find(name)
    record = json.loads((tiny_base.DIRECTORIES[name] / "pretraining.json").read_text())
    assert entry is not None and entry.base_learning_rate == record["recipe"]["learning_rate"]
    assert entry.base_learning_rate_source.startswith("its own pretraining: scripts/make_tiny_base")


def test_each_takes_at_most_ten_megabytes_and_both_at_most_twenty() -> None:
    sizes = [sum(p.stat().st_size for p in directory.iterdir()) for directory in tiny_base.DIRECTORIES.values()]
    assert max(sizes) <= 10_000_000 and sum(sizes) <= 20_000_000


def test_both_have_the_same_tokenizer_template_and_stop_tokens() -> None:
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert len({(directory / file).read_bytes() for directory in tiny_base.DIRECTORIES.values()}) == 1, file


def test_weights_with_one_bit_turned_are_refused_by_name(copied: Path) -> None:
    weights = bytearray((copied / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (copied / WEIGHTS).write_bytes(weights)
    with pytest.raises(ModelError) as caught:
        catalog.resolve_model("localft/tiny-base")
    assert caught.value.code == "model_changed" and caught.value.param == "model"
    message = str(caught.value)
    assert message.startswith(f"{copied / WEIGHTS}: expected the sha256 ")
    assert message.endswith("; the file was changed or torn: install localft again.")


@pytest.mark.parametrize("file", [*tiny_base.FILES, MANIFEST_FILE])
def test_any_file_that_is_missing_is_refused_by_name(copied: Path, file: str) -> None:
    (copied / file).unlink()
    with pytest.raises(ModelError, match=r"install localft again") as caught:
        catalog.resolve_model("localft/tiny-base")
    assert str(caught.value).startswith(f"{copied / file}: expected ")


def test_weights_that_change_while_the_process_lives_are_found(copied: Path) -> None:
    catalog.resolve_model("localft/tiny-base")
    (copied / WEIGHTS).write_bytes((copied / WEIGHTS).read_bytes()[:-2])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        catalog.resolve_model("localft/tiny-base")


def test_a_saved_plan_is_checked_too_and_takes_the_model_from_this_installation(copied: Path, tmp_path: Path) -> None:
    plan = plan_for(tmp_path, model="localft/tiny-base")
    elsewhere = plan.model_copy(update={"model": plan.model.model_copy(update={"path": "/another/machine"})})
    assert run_job(elsewhere, engine=FakeEngine()).status == "succeeded"
    written = TrainingPlan.model_validate_json((tmp_path / "run" / "plan.json").read_bytes())
    assert written.model.path == str(copied)
    (copied / WEIGHTS).write_bytes(b"")
    again = elsewhere.model_copy(update={"output_dir": str(tmp_path / "again")})
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        run_job(again, engine=FakeEngine())
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("named_by", ["localft/tiny-base", str(tiny_base.DIRECTORIES["localft/tiny-base"])])
def test_an_adapter_that_names_it_by_id_or_directory_goes_on_from_the_catalogues_model(
    tmp_path: Path, named_by: str
) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    configuration = {"base_model_name_or_path": named_by, "r": 8, "lora_alpha": 16}
    (adapter / "adapter_config.json").write_text(json.dumps(configuration))
    model = catalog.resolve_model(str(adapter))
    base = str(tiny_base.DIRECTORIES["localft/tiny-base"])
    assert (model.catalog_id, model.path, model.adapter_path) == ("localft/tiny-base", base, str(adapter))


def test_the_model_card_names_the_base_model_and_its_licence(tmp_path: Path) -> None:
    run_job(request_for(tmp_path, model="localft/tiny-base"), engine=FakeEngine())
    card = (tmp_path / "run" / "model" / "README.md").read_text(encoding="utf-8")
    assert 'base_model: "localft/tiny-base"\n' in card
    assert 'license: "apache-2.0"\n' in card


@pytest.mark.parametrize("name", NAMES)
def test_transformers_loads_it_without_missing_or_unknown_weights(name: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    directory = tiny_base.DIRECTORIES[name]
    model, report = AutoModelForCausalLM.from_pretrained(directory, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    entry = catalog.find(name)
    assert entry is not None and entry.shape.parameters == model.num_parameters()
    assert model.config.model_type == entry.shape.architecture
    assert str(model.dtype) == "torch.bfloat16"
    tokenizer = AutoTokenizer.from_pretrained(directory)
    assert len(tokenizer) <= model.config.vocab_size
    assert tokenizer.eos_token_id in ChatTokenizer.from_directory(directory).special_tokens.stop_ids
    assert tokenizer.pad_token_id == model.generation_config.pad_token_id


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", [("validate",), ("show", "--line", "1"), ("plan", "--training-file")])
def test_every_command_that_reads_a_model_takes_it_by_name(name: str, command: tuple[str, ...]) -> None:
    arguments = [*command, str(quickstart.TRAINING_FILE), "--model", name]
    result = CliRunner().invoke(main.app, arguments)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module", params=NAMES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a short real training, behind which the package was looked at for traces."""
    directory = tmp_path_factory.mktemp("trained")
    package = tiny_base.DIRECTORIES[request.param]
    before = snapshot(package)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "visible_gpus", lambda: 0)
        assert run_job(request_for(directory, model=request.param)).status == "succeeded"
    assert snapshot(package) == before, "a training writes beside the model"
    return directory / "run"


def test_a_checkpoint_knows_the_files_that_it_was_trained_on(trained: Path) -> None:
    state = read_state(trained / "checkpoint-6")
    assert {"config.json", WEIGHTS, "tokenizer.json", "chat_template.jinja"} <= set(state.model_files)


def test_a_finished_run_is_trained_on_and_loads_as_its_card_says(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = catalog.resolve_model(str(trained))
    assert model.catalog_id in NAMES and model.path == str(tiny_base.DIRECTORIES[model.catalog_id])
    adapter = json.loads((trained / "model" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == model.catalog_id, "on another machine too"
    card = (trained / "model" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("max_new_tokens=200", "max_new_tokens=2")
    monkeypatch.chdir(trained / "model")
    exec(compile(code, "README.md", "exec"), {})


def test_finding_and_checking_it_imports_no_gpu_package() -> None:
    program = (
        "import sys; from localft.catalog import resolve_model\n"
        "resolve_model('localft/tiny-base')\n"
        "print([name for name in ('torch', 'transformers', 'numpy', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
