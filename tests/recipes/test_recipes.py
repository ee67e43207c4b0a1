"""Every shipped recipe parses, plans, fits the GPU that it names, and says how to run it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from launches import launch_environment
from localft import settings
from localft.plan import make_plan, memory
from localft.plan.memory import GpuMemory
from localft.recipe import read_recipe, recipe_schema
from localft.training.sharding import chosen_sharding
from planning import ROOT, SAMPLE

RECIPES = sorted(path for path in (ROOT / "recipes").glob("*/*.yaml") if path.parent.name != "accelerate")
GPU_GIB = {
    "llama-3.1-8b/lora-80gb": 80,
    "llama-3.1-8b/qlora-24gb": 24,
    "llama-3.2-1b/lora": 8,
    "phi-3.5-mini/lora": 16,
    "phi-4-mini/qlora": 12,
    "tiny-base/cpu-quickstart": None,
    "tiny-base/travel": None,
    "tiny-llama/cpu-smoke": None,
}
SHARDED = {
    "llama-3.1-70b/lora-fsdp": (8, 80),
    "llama-3.1-70b/qlora-fsdp": (4, 48),
    "llama-3.1-8b/full-fsdp": (4, 80),
}
"""GPUs, and GiB of each."""


Launched = Callable[[str, GpuMemory], settings.Sharding | None]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Launched:
    """Puts this process where accelerate's own launcher would start it by a command, on a machine with such GPUs."""

    def as_first_process(command: str, gpu: GpuMemory) -> settings.Sharding | None:
        environment = launch_environment(command)
        for variable in [variable for variable in os.environ if variable.startswith(("ACCELERATE", "FSDP"))]:
            monkeypatch.delenv(variable)
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setattr(settings, "visible_gpus", lambda: int(environment["WORLD_SIZE"]))
        monkeypatch.setattr(memory, "gpu_memory", lambda: gpu)
        return settings.launched_sharding()

    monkeypatch.chdir(ROOT)
    return as_first_process


def name(recipe: Path) -> str:
    return f"{recipe.parent.name}/{recipe.stem}"


def run_command(text: str) -> str:
    """The command that a recipe's header gives, on one line."""
    found = re.search(r"^# Run:   (.+)$", text, re.M)
    assert found is not None
    return found[1]


def test_the_recipes_are_the_ones_that_are_tested() -> None:
    assert [name(recipe) for recipe in RECIPES] == sorted(GPU_GIB | SHARDED)


def test_the_travel_recipe_trains_as_the_page_on_the_embedded_models_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny_base.trials import TRAVEL, TRAVEL_LORA

    monkeypatch.chdir(ROOT)
    planned = make_plan(read_recipe(ROOT / "recipes" / "tiny-base" / "travel.yaml"), device="cpu")
    knobs = planned.hyperparameters
    assert {"batch_size": knobs.batch_size.value, "n_epochs": knobs.n_epochs.value} == TRAVEL
    assert planned.lora is not None
    assert planned.lora.model_dump() == {**TRAVEL_LORA, "dropout": 0.0}


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_a_recipe_plans_on_a_machine_without_gpu_and_network(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    planned = make_plan(read_recipe(recipe, {"training_file": str(SAMPLE)}), device="cpu")
    assert planned.total_steps > 0 and planned.tokens is None
    assert planned.model.catalog_id is not None


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if GPU_GIB.get(name(recipe))], ids=name)
def test_a_recipe_fits_the_gpu_that_it_names(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = GPU_GIB[name(recipe)]
    assert size is not None
    text = recipe.read_text(encoding="utf-8")
    assert f"of {size} GB" in text
    monkeypatch.setattr(settings, "visible_gpus", lambda: 1)
    found = GpuMemory(size * memory.GIB, size * memory.GIB)
    monkeypatch.setattr(memory, "gpu_memory", lambda: found)
    planned = make_plan(read_recipe(recipe, {"training_file": str(SAMPLE)}))
    assert planned.memory.fits is True
    readme = (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")
    assert f"| {size} GB | {planned.memory.total_gib:.1f} GiB |" in readme


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if name(recipe) in SHARDED], ids=name)
def test_a_sharded_recipe_fits_the_gpus_that_it_names(recipe: Path, launched: Launched) -> None:
    gpus, size = SHARDED[name(recipe)]
    text = recipe.read_text(encoding="utf-8")
    assert f"over {gpus} GPUs of {size} GB" in text
    sharding = launched(run_command(text), GpuMemory(size * memory.GIB, size * memory.GIB))
    assert sharding == settings.Sharding("FSDP", 2)
    assert chosen_sharding() is not None
    planned = make_plan(read_recipe(recipe, {"training_file": str(SAMPLE)}))
    assert (planned.execution.processes, planned.memory.fits) == (gpus, True)
    readme = (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")
    assert f"| {gpus} of {size} GB | {planned.memory.total_gib:.1f} GiB |" in readme


def test_a_recipe_for_several_gpus_does_not_fit_one_of_them(launched: Launched) -> None:
    for recipe in (recipe for recipe in RECIPES if name(recipe) in SHARDED):
        _, size = SHARDED[name(recipe)]
        launched("accelerate launch --num_processes 1 -m localft", GpuMemory(size * memory.GIB, size * memory.GIB))
        assert make_plan(read_recipe(recipe, {"training_file": str(SAMPLE)})).memory.fits is False


def test_the_24_gb_recipe_needs_the_checkpointing_that_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 1)
    monkeypatch.setattr(memory, "gpu_memory", lambda: GpuMemory(24 * memory.GIB, 24 * memory.GIB))
    recipe = ROOT / "recipes" / "llama-3.1-8b" / "qlora-24gb.yaml"
    without = {"training_file": str(SAMPLE), "execution.gradient_checkpointing": "off"}
    assert make_plan(read_recipe(recipe, without)).memory.fits is False


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_a_recipe_names_its_schema_its_needs_and_its_command(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../recipe.schema.json\n")
    assert "# Needs:" in text
    command = run_command(text)
    assert command.endswith(f"localft train recipes/{name(recipe)}.yaml")
    assert f"`{command}`" in (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_a_recipe_fits_the_schema_that_editors_read(recipe: Path) -> None:
    jsonschema.validate(yaml.safe_load(recipe.read_text(encoding="utf-8")), recipe_schema())


def test_the_learning_rates_in_the_comments_are_the_planned_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for recipe in RECIPES:
        stated = re.search(r"# 1 x (\S+?),", recipe.read_text(encoding="utf-8"))
        assert stated is not None
        planned: Any = make_plan(read_recipe(recipe, {"training_file": str(SAMPLE)}), device="cpu")
        assert planned.learning_rate.value == pytest.approx(float(stated[1]), rel=0.02), name(recipe)
