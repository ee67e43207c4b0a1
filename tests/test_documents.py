"""What the documents name exists: commands, flags, files, links, and the Python names that the README imports."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "recipes/**/*.md")
    for path in ROOT.glob(pattern)
)
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def command_lines(text: str) -> Iterator[list[str]]:
    """Each `localft ...` of the code blocks of a document as words, comments and prompts left out."""
    shell = "\n".join(blocks(text, "bash"))
    prompts = "\n".join(re.findall(r"^\$ (.*)", "\n".join(blocks(text, "console")), re.M))
    for line in f"{shell}\n{prompts}".replace("\\\n", " ").splitlines():
        if re.match(r"[\w./]*localft ", line):
            yield shlex.split(line, comments=True)[1:]


def commands() -> dict[str, set[str]]:
    """Name of each subcommand, and its flags; a group of commands has those of all of them."""
    import typer

    from localft.cli.main import app

    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="localft")

    def flags(command: Any) -> set[str]:
        inner = [flags(below) for below in getattr(command, "commands", {}).values()]
        return {option for parameter in command.params for option in parameter.opts}.union(*inner)

    return {name: flags(group.get_command(context, name)) for name in group.list_commands(context)}


def test_set_up_is_the_two_scripts_and_nothing_else() -> None:
    section = README.partition("## Set-up")[2]
    lines = [line.split("#")[0].strip() for line in blocks(section, "bash")[0].splitlines()]
    assert lines == ["scripts/quickstart", "scripts/test"]
    assert all((ROOT / line).is_file() for line in lines)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (path.parent / target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_and_flag_that_a_document_shows_exists(name: str) -> None:
    known = commands()
    for command, *arguments in command_lines((ROOT / name).read_text(encoding="utf-8")):
        if command.startswith("-"):
            continue
        assert command in known, f"{name}: localft {command}"
        flags = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
        assert flags <= known[command] | {"--help"}, f"{name}: localft {command} {flags - known[command]}"


def test_readme_lists_every_command() -> None:
    listed = set(re.findall(r"^\| `localft (\w+)", README, re.M))
    assert listed == set(commands())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_recipe_that_a_document_names_is_there(name: str) -> None:
    for recipe in re.findall(r"\brecipes/[\w.-]+/[\w.-]+\.yaml", (ROOT / name).read_text(encoding="utf-8")):
        assert (ROOT / recipe).is_file(), f"{name} names {recipe}"


def test_readme_shows_the_output_of_every_step_of_a_first_job() -> None:
    consoles = dict(re.findall(r"<!-- output: ([\w-]+) -->\n(.*?)<!-- /output -->", README, re.S))
    assert list(consoles) == ["quickstart", "validate-bad", "validate", "show", "plan", "train"]
    for name, console in consoles.items():
        assert console.startswith("```console\n$ ") and console.endswith("\n```\n"), name
        assert "Traceback" not in console, name


def test_python_of_the_readme_imports_what_is_public() -> None:
    import localft

    programs = [ast.parse(block) for block in blocks(README, "python")]
    imported = {
        alias.name
        for program in programs
        for node in ast.walk(program)
        if isinstance(node, ast.ImportFrom) and node.module == "localft"
        for alias in node.names
    }
    assert imported
    assert imported <= set(localft.__all__)


def test_readme_shows_what_the_quickstart_prints() -> None:
    """The pasted output goes stale with the words of the command; the numbers are those of one machine."""
    from localft.cli import quickstart
    from localft.samples.probes import read_style_probe

    shown = README.partition("<!-- output: quickstart -->")[2].partition("<!-- /output -->")[0]
    for text in (
        quickstart.introduction(),
        quickstart._RESULTS.format(directory="runs/quickstart"),
        quickstart._NEXT_STEPS.format(model=quickstart.MODEL, directory="runs/quickstart"),
        f"of {len(read_style_probe().questions)} unseen questions",
        "runs/quickstart/metrics.png",
    ):
        assert text in shown


def test_every_setting_and_field_that_the_page_on_execution_names_exists() -> None:
    from localft.cli.options import FLAGS
    from localft.jobs.execution import Attempt, Totals
    from localft.plan import ExecutionRequest, PlannedExecution

    page = (ROOT / "docs/execution.md").read_text(encoding="utf-8")
    knobs = dict(re.findall(r"^\| `execution\.(\w+)` \| `--([\w-]+)` \|", page, re.M))
    assert set(knobs) == set(ExecutionRequest.model_fields)
    assert all(FLAGS[flag.replace("-", "_")] == f"execution.{key}" for key, flag in knobs.items())
    named = set(re.findall(r"`execution\.(\w+)`", page)) - {"json"}
    assert named <= set(ExecutionRequest.model_fields) | set(PlannedExecution.model_fields)
    fields = page.partition("## Reading execution.json")[2].partition("computed_ratio")[0]
    cells = "".join(line.split("|")[1] for line in fields.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", cells)) | {"planned", "changes"} == set(Attempt.model_fields)
    assert "computed_ratio" in Totals.model_fields


def test_the_page_on_execution_names_every_line_of_the_plans_table(tmp_path: Path) -> None:
    from localft.cli.plan import _execution
    from localft.plan import ExecutionForecast
    from runs import plan_for

    counts = {"tokens": 10, "computed_tokens": 10, "padded_tokens": 10}
    forecast = ExecutionForecast(steps=1, micro_batches=1.0, fullest_micro_batch=10, **counts)
    lines = {str(cell) for cell in _execution(plan_for(tmp_path).with_forecast(forecast)).columns[0].cells}
    page = (ROOT / "docs/execution.md").read_text(encoding="utf-8")
    table = page.partition("## Reading the plan")[2].partition("## ")[0]
    told = {name for line in re.findall(r"^\| ([\w, -]+) \|", table, re.M) for name in line.split(", ")}
    assert told - {"line"} == lines
