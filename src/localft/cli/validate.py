"""`localft validate`: everything that is wrong with a data file, before any model is loaded."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from localft.cli import options
from localft.data.problem_log import ProblemLog
from localft.data.problems import Problem
from localft.data.report import text_lines, write_json
from localft.data.validation import FileReport, ValidationReport, validate_files
from localft.errors import UsageError

if TYPE_CHECKING:
    from localft.errors import RowRefused
    from localft.tokenization.survey import DroppedRow, Overlong
    from localft.tokenization.tokenizer import ChatTokenizer


def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Chat-JSONL to train on.", show_default=False)],
    validation_file: Annotated[str | None, typer.Option("--validation-file", help="Chat-JSONL to validate on.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="Catalogue id, hub id, directory of a model, or a finished run: counts tokens too."
        ),
    ] = None,
    chat_template: Annotated[
        str | None, typer.Option("--chat-template", help="Jinja file to use in place of the model's own template.")
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option("--max-length", min=1, help="With --model: tokens of the longest row; else the model's context."),
    ] = None,
    overlong: Annotated[
        Literal["refuse", "truncate", "drop"] | None,
        typer.Option("--overlong", help="With --model: rows over it: refuse (the default), truncate or drop."),
    ] = None,
    format: Annotated[Literal["text", "json"], typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Find everything that is wrong with a data file: each problem with its line, its place in the JSON and a code.

    With --model every row is rendered too, and a row whose loss mask cannot be proven is an error.

    Exit code 0: valid, with warnings or without. 1: errors. 2: a file cannot be read, or a flag makes no sense.
    """
    if model is None and (max_length is not None or overlong is not None):
        flag = "--overlong" if max_length is None else "--max-length"
        raise UsageError(f"{flag}: expected --model beside it, found none; rows have no tokens without a model.")
    report = validate_files(file, validation_file)
    if model is not None and report.valid:
        paths = (file,) if validation_file is None else (file, validation_file)
        report = _with_tokens(report, paths, model, chat_template, max_length, overlong or "refuse")
    if format == "json":
        write_json(report, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        for line in text_lines(report, model=model, flags=options.about_rows(chat_template, max_length, overlong)):
            typer.echo(line)
    if not report.valid:
        raise typer.Exit(1)


def _with_tokens(
    report: ValidationReport,
    paths: tuple[str, ...],
    model: str,
    chat_template: str | None,
    max_length: int | None,
    overlong: Overlong,
) -> ValidationReport:
    """The report of valid files, with their tokens counted and the rows added that the model cannot be trained on."""
    from localft.catalog import model_facts, resolve_model
    from localft.tokenization.loading import load_chat_tokenizer, read_chat_template

    planned = resolve_model(model)
    template = read_chat_template(chat_template) if chat_template else None
    tokenizer = load_chat_tokenizer(planned, chat_template=template)
    context_length = model_facts(planned).context_length
    if max_length is not None and max_length > context_length:
        raise UsageError(
            f"--max-length: expected at most {context_length}, the context of {model}, found {max_length}; lower it."
        )
    max_length = max_length or context_length
    counts: dict[str, dict[str, Any]] = {}
    files = []
    for path, file in zip(paths, report.files, strict=True):
        counts[file.role], surveyed = _survey(path, file, tokenizer, max_length, overlong)
        files.append(surveyed)
    tokens = {
        "training": counts["training"],
        "validation": counts.get("validation"),
        "max_length": max_length,
        **_automatic_steps(counts["training"]["examples"]),
    }
    return ValidationReport(valid=not any(file.errors for file in files), files=tuple(files), tokens=tokens)


def _survey(
    path: str, file: FileReport, tokenizer: ChatTokenizer, max_length: int, overlong: Overlong
) -> tuple[dict[str, Any], FileReport]:
    """Token counts of a file, and its report with refused rows among the errors and dropped ones among the warnings."""
    from localft.data.reading import read_examples
    from localft.tokenization.survey import survey

    examples = read_examples(path, param=f"{file.role}_file")
    statistics, refused, dropped = survey(examples, tokenizer, file=path, max_length=max_length, overlong=overlong)
    errors, warnings = ProblemLog(file.errors), ProblemLog(file.warnings)
    errors.extend(_problem_of(path, row) for row in refused)
    warnings.extend(_warning_of(row) for row in dropped)
    return statistics.to_dict(), replace(file, errors=errors, warnings=warnings)


def _problem_of(path: str, row: RowRefused) -> Problem:
    """A refused row as an entry of the report, which has the place beside the message and not in it."""
    place = None if row.message_index is None else f"messages[{row.message_index}]"
    message = row.message.removeprefix(f"{path}:{row.line}: ").removeprefix(f"{place}: ")
    return Problem(row.line, place, row.code, message)


def _warning_of(row: DroppedRow) -> Problem:
    message = (
        f"{row.reason}; the row is left out: shorten it, or raise --max-length where the model's context is longer"
    )
    return Problem(row.line, None, "row_dropped", message)


def _automatic_steps(examples: int) -> dict[str, int | None]:
    """Epochs and steps that automatic hyperparameters give for this many training examples."""
    from localft.hyperparameters import resolve_batch_size, resolve_n_epochs

    if not examples:
        return {"batch_size": None, "n_epochs": None, "steps_per_epoch": None, "total_steps": None}
    batch_size = int(resolve_batch_size("auto", examples).value)
    n_epochs = int(resolve_n_epochs("auto", examples).value)
    steps = math.ceil(examples / batch_size)
    return {
        "batch_size": batch_size,
        "n_epochs": n_epochs,
        "steps_per_epoch": steps,
        "total_steps": n_epochs * steps,
    }
