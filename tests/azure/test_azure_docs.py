"""The commands of docs/azure-ml.md and recipes/azureml that are localft's own: run where that needs no account, else parsed."""

from __future__ import annotations

import inspect
import os
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from localft.azure.files import PACKAGE
from localft.cli import main
from localft.recipe import request_from
from planning import ROOT
from runs import write_chats

PAGE = (ROOT / "docs" / "azure-ml.md").read_text(encoding="utf-8")
JOB_FILES = sorted((ROOT / "recipes" / "azureml").glob("*.yml"))


def in_blocks(page: str) -> list[str]:
    """The lines of the page's shell blocks that call localft."""
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("localft ")]


def in_sentences(page: str) -> list[str]:
    """Commands in the running text that are whole: those with arguments and without a placeholder."""
    quoted = re.findall(r"`(localft [^`]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    return [" ".join(command.split()) for command in quoted]


def in_headers() -> list[str]:
    lines = [line for path in JOB_FILES for line in path.read_text(encoding="utf-8").splitlines()[:3]]
    return [line.partition(": ")[2].strip() for line in lines]


def parse(command: str) -> None:
    """Parses a command down to its last flag without running it."""
    group = typer.main.get_command(main.app)
    name, *arguments = shlex.split(command)[1:]
    found = group.get_command(typer.Context(group), name)  # type: ignore[attr-defined]
    assert found is not None, command
    if hasattr(found, "commands"):
        if not arguments:
            return
        found = found.commands[arguments.pop(0)]
    if arguments:
        found.make_context(name, arguments).close()


@pytest.mark.parametrize("command", sorted({*in_blocks(PAGE), *in_headers(), *in_sentences(PAGE)}))
def test_a_command_of_localfts_parses(command: str) -> None:
    parse(command)


def test_a_command_that_is_wrong_does_not_parse() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse("localft azure job recipe.yaml --computer gpu")


def test_the_page_runs_from_top_to_bottom_up_to_what_needs_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("src", "recipes"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "data").mkdir()
    write_chats(tmp_path / "data" / "train.jsonl")
    link = tmp_path / "localft-files" / "code" / "localft"
    link.parent.mkdir(parents=True)
    link.symlink_to(PACKAGE)
    monkeypatch.chdir(tmp_path)
    ran = []
    for command in in_blocks(PAGE):
        if command.startswith("localft azure submit") and "--dry-run" not in command:
            continue
        if command.startswith("localft azure model"):  # of a run that came from Azure
            continue
        with pytest.raises(SystemExit) as ended:
            main.run(shlex.split(command)[1:])
        assert ended.value.code == 0, f"{command}\n{capsys.readouterr().err}"
        ran.append(command)
    assert len(ran) >= 6
    assert sorted(path.name for path in tmp_path.glob("*.yml")) == [
        "first.yml",
        "four.yml",
        "job.yml",
        "llama.yml",
        "sixteen.yml",
    ]


def test_the_recipe_on_the_page_is_one() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert request_from(yaml.safe_load(block)).method.supervised.hyperparameters.n_epochs == 2


def test_a_finished_job_lies_where_the_page_says() -> None:
    """By the client that `az ml job download` calls."""
    from azure.ai.ml.operations import JobOperations

    source = inspect.getsource(JobOperations.download)
    assert 'output_directory_name = "named-outputs"' in source
    assert "download_path / output_directory_name / item_name" in source
    assert "finished/named-outputs/run" in PAGE


def test_each_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"recipes/[\w./-]+\.ya?ml", PAGE))
    assert named and [name for name in named if not (ROOT / name).is_file()] == []
    links = re.findall(r"\]\((\.\./[^)#]+|[a-z-]+\.md)\)", PAGE)
    assert [link for link in links if not os.path.exists(ROOT / "docs" / link)] == []
