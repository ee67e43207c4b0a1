"""What `--grid` may say, and the trials that it stands for."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from localft.errors import UsageError
from localft.recipe import find_key
from localft.sweep.grid import MAX_TRIALS, Axis, Point, read_grid, read_points
from runs import MODEL


def recipe(directory: Path, **changes: Any) -> Path:
    path = directory / "recipe.yaml"
    path.write_text(json.dumps({"model": MODEL, "training_file": "train.jsonl", **changes}, indent=1))
    return path


def points(directory: Path, *options: str, **changes: Any) -> list[Point]:
    return read_points(recipe(directory, **changes), read_grid(options))


def problems(directory: Path, *options: str, **changes: Any) -> list[str]:
    with pytest.raises(UsageError) as refused:
        points(directory, *options, **changes)
    return list(refused.value.problems)


def test_axes_are_multiplied_the_last_one_fastest(tmp_path: Path) -> None:
    found = points(tmp_path, "n_epochs=2,3", "lora.rank=8,16,32")
    assert [tuple(point.settings.values()) for point in found] == list(itertools.product((2, 3), (8, 16, 32)))
    last = found[-1].request
    assert last.method.supervised.hyperparameters.n_epochs == 3
    assert last.lora != "none" and last.lora.rank == 32 and last.lora.alpha == 32


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("n_epochs", "method.supervised.hyperparameters.n_epochs"),
        ("method.supervised.hyperparameters.n_epochs", "method.supervised.hyperparameters.n_epochs"),
        ("learning-rate-multiplier", "method.supervised.hyperparameters.learning_rate_multiplier"),
        ("lora.rank", "lora.rank"),
        ("lora_rank", "lora.rank"),
        ("rank", "lora.rank"),
        ("Seed", "seed"),
    ],
)
def test_a_key_is_found_by_its_path_its_flag_or_its_last_word(name: str, key: str) -> None:
    assert find_key(name) == key


def test_values_are_read_as_a_recipe_would_read_them(tmp_path: Path) -> None:
    found = points(tmp_path, "learning_rate_multiplier=0.5,1,auto", "quantization=none")
    assert [point.settings["learning_rate_multiplier"] for point in found] == [0.5, 1.0, "auto"]
    assert found[0].settings["quantization"] == "none"


def test_a_trials_name_follows_from_its_settings_alone(tmp_path: Path) -> None:
    one = points(tmp_path, "n_epochs=2", "learning_rate_multiplier=1.0")[0]
    other = points(tmp_path, "learning_rate_multiplier=0.5,1", "n_epochs=3,2")[-1]
    assert one.name == other.name == "learning_rate_multiplier=1,n_epochs=2"


def test_names_that_no_directory_could_have_are_told_apart_by_a_sum(tmp_path: Path) -> None:
    names = [point.name for point in points(tmp_path, "training_file=a/b.jsonl,a b.jsonl," + "long/" * 60 + "c.jsonl")]
    assert len(set(names)) == 3
    assert all("/" not in name and " " not in name and len(name) < 140 for name in names)


def test_every_problem_of_the_options_is_told_at_once() -> None:
    options = ("n_epoch=2", "n_epochs", "batch_size=4,,8", "lora_rank=8", "rank=16", "compile=true,false", "suffix=a,b")
    with pytest.raises(UsageError) as refused:
        read_grid([*options, "output_dir=x", "validation_file=a.jsonl,b.jsonl", "zzzzzz=1"])
    found = refused.value.problems
    assert found[0] == "--grid n_epoch=2: n_epoch is not a key. Did you mean n_epochs?"
    assert found[1].startswith("--grid n_epochs: expected NAME=VALUE,VALUE,...") and "no equals sign" in found[1]
    assert found[2].startswith("--grid batch_size=4,,8: expected a value between all commas")
    assert found[3] == "--grid rank=16: lora.rank stands in two grids; give all its values in one."
    assert found[4] == "--grid compile=true,false: execution.compile cannot be varied: it never changes the result."
    assert [problem.partition(":")[0] for problem in found[5:]] == [
        "--grid suffix=a,b",
        "--grid output_dir=x",
        "--grid validation_file=a.jsonl,b.jsonl",
        "--grid zzzzzz=1",
    ]
    assert len(found) == 9


def test_a_grid_of_too_many_trials_is_refused_before_they_are_made() -> None:
    with pytest.raises(UsageError, match=rf"at most {MAX_TRIALS} trials, found 1,600"):
        read_grid(["seed=" + ",".join(map(str, range(40))), "n_epochs=" + ",".join(map(str, range(1, 41)))])


def test_every_value_that_cannot_be_is_told_once_with_the_recipes_own_problems(tmp_path: Path) -> None:
    found = problems(tmp_path, "n_epochs=2,51,many", "lora_rank=0,8", quantisation="nf4")
    path = tmp_path / "recipe.yaml"
    assert found == [
        f"{path}:4: quantisation is not a key. Did you mean quantization?",
        "--grid lora.rank: lora.rank is 0; expected at least 1.",
        '--grid n_epochs: n_epochs is 51; expected an integer from 1 to 50, or "auto".',
        '--grid n_epochs: n_epochs is "many"; expected an integer from 1 to 50, or "auto".',
    ]


def test_combinations_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "lora=none", "quantization=none,nf4")
    assert "quantization is nf4 while lora is none" in problem
    assert problems(tmp_path, "lora=none", "lora.rank=8") == [
        "--grid lora and --grid lora.rank contradict each other; give one of them."
    ]


def test_the_same_value_twice_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "learning_rate_multiplier=1,1.0") == [
        "--grid: learning_rate_multiplier=1 comes 2 times; give each value once."
    ]


def test_a_seed_left_open_inside_of_the_grid_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "seed=1,auto")[0].startswith("--grid seed: expected numbers, found auto")


def test_an_axis_is_called_as_people_call_it() -> None:
    assert [Axis(find_key(name), ()).label for name in ("n_epochs", "lora_rank", "seed")] == [
        "n_epochs",
        "lora.rank",
        "seed",
    ]
