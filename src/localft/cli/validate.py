"""`localft validate`: every problem of a data file, before any model is loaded."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from localft.data.report import text_lines, write_json
from localft.data.validation import validate_files


class Format(StrEnum):
    text = "text"
    json = "json"


def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Chat-JSONL to train on.")],
    validation_file: Annotated[str | None, typer.Option(help="Chat-JSONL to validate on.")] = None,
    output_format: Annotated[
        Format, typer.Option("--format", help="text for people, json for programs.")
    ] = Format.text,
) -> None:
    """Find everything that is wrong with a data file: each problem with its line, its place in the JSON and a code.

    Exit code 0: valid, warnings or not. 1: errors. 2: the file cannot be read, or a flag makes no sense.
    """
    report = validate_files(file, validation_file)
    if output_format is Format.json:
        write_json(report, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        for line in text_lines(report):
            typer.echo(line)
    if not report.valid:
        raise typer.Exit(1)
