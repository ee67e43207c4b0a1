"""The validation report as text for people and as JSON for programs. Both are streamed, however much was found.

The JSON's schema is `schemas/validate.schema.json`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec

from localft.data.problems import Problem
from localft.data.validation import ValidationReport

SHOWN_PER_CODE = 20

_encode = msgspec.json.Encoder().encode


def describe(file: str, problem: Problem) -> str:
    """One finding on one line: `train.jsonl:17: messages[2].weight: expected ... [invalid_weight]`."""
    place = file if problem.line is None else f"{file}:{problem.line}"
    path = f"{problem.path}: " if problem.path else ""
    return f"{place}: {path}{problem.message} [{problem.code}]"


def write_json(report: ValidationReport, stream: BinaryIO) -> None:
    """Writes `report.to_dict()` as JSON in UTF-8, one finding a line."""
    stream.write(b'{"valid": %s, "files": [' % (b"true" if report.valid else b"false"))
    for index, file in enumerate(report.files):
        stream.write(b",\n" if index else b"\n")
        head = b'{"path": %s, "role": %s, "examples": %d' % (_encode(file.path), _encode(file.role), file.examples)
        stream.write(head)
        for key, problems in ((b"errors", file.errors), (b"warnings", file.warnings)):
            stream.write(b', "%s": [' % key)
            for position, problem in enumerate(problems):
                stream.write((b",\n  " if position else b"\n  ") + _encode(problem))
            stream.write(b"]")
        stream.write(b"}")
    stream.write(b'],\n"tokens": %s}\n' % _encode(report.tokens))


def text_lines(
    report: ValidationReport, *, model: str | None = None, shown_per_code: int = SHOWN_PER_CODE
) -> Iterator[str]:
    """The report for a terminal: counts, findings grouped by code, token counts, and what to do next with `model`."""
    for file in report.files:
        part = f" ({file.role} file)" if len(report.files) > 1 else ""  # one file alone may be either
        yield (
            f"{file.path}{part}: {counted(file.examples, 'example')}, "
            f"{counted(len(file.errors), 'error')}, {counted(len(file.warnings), 'warning')}"
        )
        for kind, problems in (("Errors", file.errors), ("Warnings", file.warnings)):
            if problems:
                yield ""
                yield f"{kind}:"
                yield from _grouped(file.path, problems, shown_per_code)
        yield ""
    if report.tokens is not None:
        yield from _token_lines(report)
        yield ""
    yield from _next_steps(report, model)


@dataclass
class _Group:
    shown: list[Problem] = field(default_factory=list)
    count: int = 0


def _grouped(file: str, problems: Sequence[Problem], shown_per_code: int) -> Iterator[str]:
    """The findings by code, in the order in which the codes appear: the first of each, and how many more there are."""
    groups: dict[str, _Group] = {}
    for problem in problems:
        group = groups.setdefault(problem.code, _Group())
        group.count += 1
        if len(group.shown) < shown_per_code:
            group.shown.append(problem)
    for code, group in groups.items():
        for problem in group.shown:
            yield f"  {describe(file, problem)}"
        if hidden := group.count - len(group.shown):
            yield f"  … and {hidden} more of {code}; --format json lists all"


def _token_lines(report: ValidationReport) -> Iterator[str]:
    tokens = report.tokens
    assert tokens is not None, "asked for only where there are any"
    for role in ("training", "validation"):
        if counts := tokens[role]:
            part = f"{role} file: " if len(report.files) > 1 else ""
            yield (
                f"{part}{counted(counts['tokens'], 'token')}, {counts['trained_tokens']} of them trained "
                f"({counts['trained_share']:.1%}); the longest example has {counts['longest']}"
            )
            cut, dropped = counts.get("truncated", 0), counts.get("dropped", 0)
            if cut or dropped:
                yield f"{part}over {tokens['max_length']} tokens: {cut} truncated, {dropped} dropped"
    if tokens["total_steps"]:
        yield (
            f"with automatic hyperparameters: {counted(tokens['n_epochs'], 'epoch')} of "
            f"{counted(tokens['steps_per_epoch'], 'step')}, {tokens['total_steps']} in all; "
            f"{counted(tokens['batch_size'], 'example')} a step"
        )


def _next_steps(report: ValidationReport, model: str | None) -> Iterator[str]:
    if not report.valid:
        yield (
            "Not valid. Mend the errors above and run the same command again; docs/data-format.md and docs/masking.md "
            "explain each code."
        )
        return
    training, *validation = (shlex.quote(file.path) for file in report.files)
    name = shlex.quote(model) if model else "MODEL"
    files = f"--training-file {training}" + "".join(f" --validation-file {path}" for path in validation)
    yield "Valid. Next:" if model else "Valid. Next (`localft models` lists what MODEL may be):"
    yield f"  localft show {training} --model {name}"
    yield "    shows which tokens are trained"
    yield f"  localft plan --model {name} {files}"
    yield "    shows every setting, the steps and the memory they need"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
