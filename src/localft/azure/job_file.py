"""A job file as it stands: its values, the line of each key, and what is said about it.

Where a sweep has its command, code and environment under `trial`, the functions here find them there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from localft.azure.addresses import is_cloud_path
from localft.azure.command import Command, read_command
from localft.errors import UsageError

Key = tuple[str, ...]
_OF_JOBS = {"type", "command", "trial", "jobs", "environment", "code", "inputs"}
_OF_RECIPES = {"model", "training_file", "validation_file", "method", "lora", "suffix"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where in the job, and what was expected, found and is to be done."""

    key: Key
    message: str


@dataclass(frozen=True)
class JobFile:
    """A job file as read: its values, and the line of each key."""

    path: Path
    values: dict[str, Any]
    lines: Mapping[Key, int] = field(default_factory=dict)
    repeated: tuple[Problem, ...] = ()
    """Keys that stand twice, of which YAML would take the last one in silence."""

    @property
    def directory(self) -> Path:
        return self.path.parent

    @cached_property
    def command(self) -> Command:
        """What each machine runs; without words where there is none."""
        text = trial(self)[1].get("command")
        return read_command(text if isinstance(text, str) else "")

    @property
    def code(self) -> Path | None:
        """The folder that is uploaded and run in; None where there is none here."""
        code = trial(self)[1].get("code")
        return self.directory / code if isinstance(code, str) and not is_cloud_path(code) else None

    def said(self, problem: Problem) -> str:
        """The problem as a line for people: `job.yml:12: inputs.data.path: expected ..., found ...; ...`"""
        line = self.line_of(problem.key)
        name = f"{'.'.join(problem.key)}: " if problem.key else ""
        return f"{self.path}{f':{line}' if line else ''}: {name}{problem.message}"

    def line_of(self, key: Key) -> int | None:
        """The line of a key, or of the nearest key above it."""
        above = (key[:length] for length in range(len(key), 0, -1))
        return next((self.lines[each] for each in above if each in self.lines), None)


def read_job(path: Path) -> JobFile:
    """Reads a job file; UsageError where it is no YAML mapping, or a recipe or a data file."""
    if path.suffix == ".jsonl":
        raise UsageError(
            f"{path}: expected a job file (YAML), found a data file; give one that `localft azure job` made."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        node, values = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
        lines, repeated = ({}, ()) if node is None else (dict(_lines(node, ())), tuple(_repeated(node, ())))
    except OSError as error:
        raise UsageError(f"{path}: expected a job file, found: {error.strerror}.", code="file_not_found") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected UTF-8 text, found a byte that is not at offset {error.start}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UsageError(
            f"{path}{f':{mark.line + 1}' if mark else ''}: expected YAML, found {_fault(error)}."
        ) from None
    except ValueError as error:  # a date that is none
        raise UsageError(f"{path}: expected YAML, found a value that is none: {error}.") from None
    except RecursionError:
        raise UsageError(
            f"{path}: expected values of a few levels, found one that holds itself, or too many levels; write it out without "
            "the alias (*NAME)."
        ) from None
    if not isinstance(node, yaml.MappingNode) or not isinstance(values, dict):
        raise UsageError(
            f"{path}: expected the keys of an Azure ML job, such as command: and environment:, found none."
        )
    if not _OF_JOBS & set(values) and _OF_RECIPES & set(values):
        raise UsageError(
            f"{path}: expected an Azure ML job, found a recipe; "
            f"`localft azure job {shlex.quote(str(path))} -o job.yml` makes a job of it."
        )
    return JobFile(path, values, lines, repeated)


def _fault(error: yaml.YAMLError) -> str:
    """PyYAML's sentence as what was found: its own words begin with `expected` or `found`, or with neither."""
    said = str(getattr(error, "problem", None) or error).splitlines()[0].removeprefix("but ")
    wanted, but_found, found = said.replace(", but got ", ", but found ").partition(", but found ")
    if but_found and wanted.startswith("expected "):
        return f"{found} in the place of {wanted.removeprefix('expected ')}"
    missing = said.removeprefix("could not find expected ")
    return f"no {missing}" if missing != said else said.removeprefix("found ")


def _lines(node: yaml.Node, parent: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*parent, str(key_node.value))
            yield key, key_node.start_mark.line + 1
            yield from _lines(value_node, key)


def _repeated(node: yaml.Node, parent: Key) -> Iterator[Problem]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, parent)
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key_node, value_node in node.value:
        name, line = str(key_node.value), key_node.start_mark.line + 1
        if name in first:
            yield Problem(
                (*parent, name), f"expected each key once, found it in line {first[name]} too; remove one of the two."
            )
        first.setdefault(name, line)
        yield from _repeated(value_node, (*parent, name))


def refuse(job: JobFile, found: Iterable[Problem]) -> None:
    """UsageError with all problems in the order of the file; nothing where there are none."""
    ordered = sorted(found, key=lambda problem: job.line_of(problem.key) or 0)
    if ordered:
        said = tuple(dict.fromkeys(job.said(problem) for problem in ordered))
        raise UsageError("\n".join(said), problems=said, code="invalid_job")


def trial(job: JobFile) -> tuple[Key, dict[str, Any]]:
    """Where command, code and environment stand: at the top, or under `trial` in a sweep."""
    found = job.values.get("trial")
    return (("trial",), found) if isinstance(found, dict) else ((), job.values)


def mapping(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What stands under a name; empty where that is no mapping."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def resources(job: JobFile) -> dict[str, Any]:
    """The machines that one run of the job takes; in a sweep they stand under `trial`."""
    return mapping(job.values, "resources") or mapping(trial(job)[1], "resources")


def machines(job: JobFile) -> int:
    """How many machines one run of the job takes."""
    nodes = whole_number(resources(job).get("instance_count", 1))
    return 1 if nodes is None else nodes


def whole_number(value: object) -> int | None:
    """A whole number, also as text: Azure's client takes both. None where it is none, such as `$GPUS`."""
    text = str(value)
    return int(text) if re.fullmatch(r"-?\d+", text) else None
