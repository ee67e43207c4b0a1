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
    (read,) = read_command(command).trainings
    assert (read.recipe, read.stray, read.from_code) == (recipe, (), True)
    assert dict(read.flags)["--training-file"] == "${{inputs.training_file}}"
    assert recipe in shlex.split(command)


def test_other_ways_to_write_a_command_are_read_too() -> None:
    (read,) = read_command(
        "pip list && localft train --seed=3 \\\n  r.yaml --n-epochs ${{ inputs.n }} 2>&1 | tee log; echo --x y"
    ).trainings
    assert (read.recipe, read.from_code) == ("r.yaml", False)
    assert read.flags[:2] == (("--seed", "3"), ("--n-epochs", "${{inputs.n}}"))
    assert "--x" not in dict(read.flags)
    assert read_command("python train.py").trainings == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b 2>&1 | tee c; d&&e", [("a", "b"), ("tee", "c"), ("d",), ("e",)]),
        ("a >> x.txt 2> y b &> z c < in", [("a", "b", "c")]),
        ("a # it's b\nc https://d/#e", [("a",), ("c", "https://d/#e")]),
        ("cat <<-'END' > f\ndon't\n\tEND\na", [("cat",), ("a",)]),
        ("if a; then b; else c; fi", [("a",), ("b",), ("c",), ("fi",)]),
        ("X=1 Y='a b' nohup nice -n 5 python a.py", [("nohup", "nice", "-n", "5", "python", "a.py")]),
        ("bash -euo pipefail -c 'a; b' && eval \"c d\"", [("a",), ("b",), ("c", "d")]),
        ('A=(x "y z" $(w)) ${B:+--c d}', [("w",), ("${B:+--c d}",)]),
        ("bash -lc 'a \"b c\" && d'", [("a", "b c"), ("d",)]),
        ("x=$(a b) c", [("a", "b"), ("c",)]),
        ("a $((2 * 8)) ${{ inputs.x }}", [("a", "$((2 * 8))", "${{inputs.x}}")]),
        ("a \\\n  b\\ c", [("a", "b c")]),
    ],
)
def test_a_command_is_taken_apart_as_the_shell_does(text: str, words: list[tuple[str, ...]]) -> None:
    assert [each.words for each in read_command(text).simple] == words


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "bash -c 'a \"b'"])
def test_a_quote_that_is_not_closed_is_said(text: str) -> None:
    assert read_command(text).problem == "expected quotes in pairs, found one that is not closed; close it."


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_of_the_command_line_is_known_by_its_key(flag: str) -> None:
    assert _key_of(f"--{flag.replace('_', '-')}") == FLAGS[flag]


@pytest.mark.parametrize("flag", ["--nepochs", "--n_epochs", "--rank", "--lora.rank"])
def test_what_is_no_flag_is_none(flag: str) -> None:
    assert _key_of(flag) is None
