"""The training in a job's command is read back as the shell would split it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from localft.azure.command import read_command
from localft.azure.job import job_inputs, train_command
from localft.azure.launch import Machines
from localft.azure.training import _key_of
from localft.cli.options import FLAGS
from localft.recipe import request_from


@pytest.mark.parametrize("machines", [Machines(), Machines(2, 8), Machines(2, 8, "platform")])
@pytest.mark.parametrize(
    "recipe", ["job.yaml", "my job.yaml", "it's $(date) & more.yaml", "a --seed 3.yaml", "\u00e9t\u00e9.yaml"]
)
def test_the_recipe_comes_back_whatever_it_is_called(recipe: str, machines: Machines) -> None:
    request = request_from({"model": "phi-4-mini-instruct", "training_file": "train.jsonl"})
    command = train_command(machines, recipe, job_inputs(request, Path()))
    read = read_command(command)
    assert read is not None and (read.recipe, read.stray, read.from_code) == (recipe, (), True)
    assert dict(read.flags)["--training-file"] == "${{inputs.training_file}}"
    assert recipe in shlex.split(command)


def test_other_ways_to_write_a_command_are_read_too() -> None:
    read = read_command(
        "pip list && localft train --seed=3 \\\n  r.yaml --n-epochs ${{ inputs.n }} 2>&1 | tee log; echo --x y"
    )
    assert read is not None and (read.recipe, read.from_code) == ("r.yaml", False)
    assert read.flags[:2] == (("--seed", "3"), ("--n-epochs", "${{inputs.n}}"))
    assert "--x" not in dict(read.flags)
    assert read_command("python train.py") is None


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_of_the_command_line_is_known_by_its_key(flag: str) -> None:
    assert _key_of(f"--{flag.replace('_', '-')}") == FLAGS[flag]


@pytest.mark.parametrize("flag", ["--nepochs", "--n_epochs", "--rank", "--lora.rank"])
def test_what_is_no_flag_is_none(flag: str) -> None:
    assert _key_of(flag) is None
