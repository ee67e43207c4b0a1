"""The validation report as text for people and as JSON for programs. Both are streamed, however much was found.

The JSON's schema is `schemas/validate.schema.json`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from localft.data.problems import Problem
from localft.data.validation import ValidationReport

SHOWN_PER_CODE = 20
LINES_SUMMED = 5

_encode = msgspec.json.Encoder().encode


def describe(file: str, problem: Problem) -> str:
    """One finding on one line: `train.jsonl:17: messages[2].weight: expected ... [invalid_weight]`."""
    place = file if problem.line is None else f"{file}:{problem.line}"
    path = f"{problem.path}: " if problem.path else ""
    return f"{place}: {path}{problem.message} [{problem.code}]"


def summed_warnings(report: ValidationReport) -> Iterator[str]:
    """The warnings of a job's files, one sentence for each code of a file: how many, the first lines, and the first in full."""
    for file in report.files:
        name = os.path.basename(file.path)
        first: dict[str, Problem] = {}
        lines: dict[str, list[int]] = {}
        counts: Counter[str] = Counter()
        for problem in file.warnings:
            counts[problem.code] += 1
            first.setdefault(problem.code, problem)
            shown = lines.setdefault(problem.code, [])
            if problem.line is not None and len(shown) < LINES_SUMMED:
                shown.append(problem.line)
        for code, count in counts.items():
            if count == 1:
                yield describe(name, first[code])
                continue
            more = ", …" if count > len(lines[code]) else ""
            places = ", ".join(map(str, lines[code])) + more
            yield f"{name}: {count} warnings of {code}, in lines {places}; the first: {first[code].message}"


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
    report: ValidationReport, *, model: str | None = None, flags: str = "", shown_per_code: int = SHOWN_PER_CODE
) -> Iterator[str]:
    """The report for a terminal: counts, findings, token counts, and what to do next with `model` and `flags`."""
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
                yield from _finding_lines(file.path, problems, shown_per_code)
        yield ""
    if report.tokens is not None:
        yield from _token_lines(report)
        yield ""
    yield from _next_steps(report, model, flags)


def _finding_lines(file: str, problems: Sequence[Problem], shown_per_code: int) -> Iterator[str]:
    """The first findings of each code by line, those of the whole file last, and how many more there are of each code."""
    counts: Counter[str] = Counter()
    shown: list[Problem] = []
    for problem in problems:
        counts[problem.code] += 1
        if counts[problem.code] <= shown_per_code:
            shown.append(problem)
    for problem in sorted(shown, key=lambda problem: problem.line or sys.maxsize):
        yield f"  {describe(file, problem)}"
    for code, count in counts.items():
        if count > shown_per_code:
            yield f"  … and {count - shown_per_code} more of {code}; --format json lists all"


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
            if refused := counts.get("refused", 0):
                yield f"{part}not counted here: {counted(refused, 'refused row')}"
            cut, dropped = counts.get("truncated", 0), counts.get("dropped", 0)
            if cut or dropped:
                yield f"{part}over {tokens['max_length']} tokens: {cut} truncated, {dropped} dropped"
    if tokens["total_steps"]:
        without = ", without refused rows" if tokens["training"].get("refused") else ""
        yield (
            f"with automatic hyperparameters{without}: {counted(tokens['n_epochs'], 'epoch')} of "
            f"{counted(tokens['steps_per_epoch'], 'step')}, {tokens['total_steps']} in all; "
            f"{counted(tokens['batch_size'], 'example')} a step"
        )


def _next_steps(report: ValidationReport, model: str | None, flags: str) -> Iterator[str]:
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
    yield f"  localft show {training} --model {name}{flags}"
    yield "    shows which tokens are trained"
    yield f"  localft plan --model {name} {files}{flags}"
    yield "    shows every setting, the steps and the memory they need"


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
