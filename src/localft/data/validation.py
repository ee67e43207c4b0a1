"""Finds everything that is wrong with a data file, and says it all. Nothing is edited, and nothing is dropped.

`check_line` asks the rules of one line (they stand in `rules`), `validate_file` adds those of a file, `validate_files`
those of a training file together with its validation file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from localft.data.building import build_example
from localft.data.examples import ChatExample
from localft.data.json_array import ArraySigns
from localft.data.jsonl import MAX_LINE_BYTES, NumberedLine, first_bytes, lines_of, open_data_file
from localft.data.not_text import not_text
from localft.data.plain_chat import plain_example, read_plain
from localft.data.problem_log import ProblemLog
from localft.data.problems import Problem
from localft.data.repeated_rows import RowIndex
from localft.data.rules import Findings, check_row
from localft.data.strict_json import NotJson, parse

FileRole = Literal["training", "validation"]

MIN_TRAINING_EXAMPLES = 10
SERVICE_FILE_LIMIT_BYTES = 512 * 1000 * 1000
"""The service's limit for one uploaded file. The smaller reading of "512 MB", since this only warns."""


@dataclass(frozen=True)
class FileReport:
    """What was found in one file."""

    path: str
    role: FileRole
    examples: int
    """Lines that are not blank, valid or not."""
    errors: Sequence[Problem]
    warnings: Sequence[Problem]

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "role": self.role,
            "examples": self.examples,
            "errors": [problem.to_dict() for problem in self.errors],
            "warnings": [problem.to_dict() for problem in self.warnings],
        }


@dataclass(frozen=True)
class ValidationReport:
    """What was found in the files of one job. `to_dict` is the JSON of `localft validate --format json`."""

    valid: bool
    files: tuple[FileReport, ...]
    tokens: dict[str, Any] | None = None
    """Token counts and the steps they lead to, where a model was given and the files are valid."""

    def to_dict(self) -> dict[str, Any]:
        return {"valid": self.valid, "files": [file.to_dict() for file in self.files], "tokens": self.tokens}


def validate_files(training_file: str | Path, validation_file: str | Path | None = None) -> ValidationReport:
    """Validates the files of a job, each alone and the two against each other."""
    training, training_rows = _inspect_file(training_file, "training")
    if validation_file is None:
        return ValidationReport(valid=not training.errors, files=(training,))
    validation, validation_rows = _inspect_file(validation_file, "validation")
    _warn_of_overlap(training.path, training_rows, validation, validation_rows)
    return ValidationReport(valid=not training.errors and not validation.errors, files=(training, validation))


def validate_file(path: str | Path, role: FileRole = "training") -> FileReport:
    """Validates one file. A file that cannot be read is a `UsageError`."""
    return _inspect_file(path, role)[0]


def check_line(
    raw: bytes, *, file: str = "", line: int = 1, offset: int = 0
) -> tuple[ChatExample | None, list[Problem], list[Problem]]:
    """Returns the example (None where there are errors), the errors and the warnings of one line.

    `offset` is the line's byte offset in the file, for messages about single bytes.
    """
    if plain := read_plain(raw):
        return plain_example(plain, file, line), [], []
    return check_line_by_rules(raw, file=file, line=line, offset=offset)


def check_line_by_rules(
    raw: bytes, *, file: str = "", line: int = 1, offset: int = 0
) -> tuple[ChatExample | None, list[Problem], list[Problem]]:
    """Does what `check_line` does without the short cut for plain lines, hence slower."""
    row, findings = _judge(raw, line, offset)
    if findings.errors:
        return None, findings.errors, findings.warnings
    assert isinstance(row, dict), "check_row reports everything else"
    return build_example(row, file, line), findings.errors, findings.warnings


def _judge(raw: bytes, line: int, offset: int) -> tuple[object, Findings]:
    """The parsed line and all that the rules find in it."""
    findings = Findings(line)
    row = _parse_line(raw, offset, findings)
    if row is not _UNREADABLE:
        check_row(row, findings)
    findings.close()
    return row, findings


_UNREADABLE = object()


def _parse_line(raw: bytes, offset: int, findings: Findings) -> object:
    """Returns the line's value, or _UNREADABLE where the rules of a row cannot be asked."""
    try:
        value, flaws = parse(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        place = f"byte offset {offset + error.start} of the file (byte {error.start + 1} of the line)"
        findings.add(
            None,
            "invalid_utf8",
            f"expected UTF-8, found byte 0x{raw[error.start]:02X} at {place}; save the file as UTF-8",
        )
        return _UNREADABLE
    except NotJson as error:
        findings.add(None, error.code, error.message)
        return _UNREADABLE
    for flaw in flaws:
        findings.add(flaw.path, flaw.code, flaw.message)
    return _UNREADABLE if any(flaw.code == "too_deep" for flaw in flaws) else value


def _inspect_file(path: str | Path, role: FileRole) -> tuple[FileReport, RowIndex]:
    """Validates one file and indexes its rows, so that they can be compared with another file's."""
    name = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")  # a name may hold bytes that are no text
    param = f"{role}_file"
    with open_data_file(path, param=param) as file:
        if problem := not_text(first_bytes(file, path, param=param)):
            return FileReport(name, role, 0, ProblemLog([problem]), ProblemLog()), RowIndex()
        return _inspect_lines(lines_of(file, path, param=param), name, role)


def _inspect_lines(lines: Iterable[NumberedLine], name: str, role: FileRole) -> tuple[FileReport, RowIndex]:
    errors, warnings, rows = ProblemLog(), ProblemLog(), RowIndex()
    array: ArraySigns | None = None
    examples = size = blank = first_blank = 0
    for line in lines:
        size = line.offset + (line.too_long or len(line.raw))
        if line.is_blank:
            blank += 1
            first_blank = first_blank or line.number
            continue
        examples += 1
        if array is None:
            array = ArraySigns(line)
        else:
            array.follow(line)
        if line.too_long:
            problem, hint = too_long_problem(line), _hint_of_format(line.raw) if line.number == 1 else None
            errors.append(replace(problem, message=f"{problem.message}. {hint}") if hint else problem)
            continue
        rows.add(line.raw, line.number)
        if read_plain(line.raw) is None:
            _, findings = _judge(line.raw, line.number, line.offset)
            if line.number == 1 and findings.errors and (hint := _hint_of_format(line.raw)):
                findings.errors[0] = replace(findings.errors[0], message=f"{findings.errors[0].message}. {hint}")
            errors.extend(findings.errors)
            warnings.extend(findings.warnings)
    if array is not None and array.found:
        return FileReport(name, role, 0, ProblemLog([_array_problem()]), ProblemLog()), RowIndex()
    _check_count(examples, role, errors)
    _warn_of_file(rows, blank, first_blank, size, warnings)
    return FileReport(name, role, examples, errors, warnings), rows


def _check_count(examples: int, role: FileRole, errors: ProblemLog) -> None:
    if not examples:
        errors.append(Problem(None, None, "empty_file", "expected one example a line, found none; check the file"))
    if role == "training" and examples < MIN_TRAINING_EXAMPLES:
        missing = MIN_TRAINING_EXAMPLES - examples
        message = (
            f"expected at least {MIN_TRAINING_EXAMPLES} training examples, found {examples}; add {missing} or more (a "
            "validation file may have fewer: give it as validation_file)"
        )
        errors.append(Problem(None, None, "invalid_n_examples", message))


def _warn_of_file(rows: RowIndex, blank: int, first_blank: int, size: int, warnings: ProblemLog) -> None:
    if blank:
        lines = _counted(blank, "blank line")
        message = (
            f"expected an example on each line, found {lines}, the first at line {first_blank}; not counted as examples"
        )
        warnings.append(Problem(None, None, "blank_lines", message))
    if (repeated := rows.repeated()).rows:
        count = _counted(repeated.rows, "row")
        message = (
            f"expected different rows, found {count} repeating an earlier one, "
            f"the first at line {repeated.line} (as line {repeated.repeats}); each is trained as often as it stands"
        )
        warnings.append(Problem(None, None, "duplicate_rows", message))
    if size > SERVICE_FILE_LIMIT_BYTES:
        message = f"found {size / 1e6:.0f} MB; localft takes it, the service's upload refuses files of more than 512 MB"
        warnings.append(Problem(None, None, "file_too_large", message))


def _warn_of_overlap(
    training_path: str, training_rows: RowIndex, validation: FileReport, validation_rows: RowIndex
) -> None:
    shared = validation_rows.shared_with(training_rows)
    if not shared.rows:
        return
    count = _counted(shared.rows, "row")
    message = (
        f"expected rows that are not trained on, found {count} that also stand in {training_path}, "
        f"the first at line {shared.line} (line {shared.repeats} there); the validation loss will look too good"
    )
    assert isinstance(validation.warnings, ProblemLog), "as _inspect_file makes it"
    validation.warnings.append(Problem(None, None, "training_validation_overlap", message))


def _hint_of_format(first: bytes) -> str | None:
    """What the file seems to be, by its first line, where that is no JSONL."""
    if b"{" not in first and b"," in first and not first.startswith((b"[", b'"messages"')) and _is_utf8(first):
        return "The file looks like CSV: write each row as one JSON object with a key messages"
    return None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _array_problem() -> Problem:
    message = (
        "expected one JSON object a line, found one JSON array around all rows; write each of its objects on a line of its "
        "own, for instance with: jq -c '.[]' FILE > OUT"
    )
    return Problem(None, None, "json_array", message)


def too_long_problem(line: NumberedLine) -> Problem:
    limit = MAX_LINE_BYTES // (1 << 20)
    message = (
        f"expected one example of at most {limit} MiB, found a line of {line.too_long / (1 << 20):.1f} MiB; split it"
    )
    return Problem(line.number, None, "line_too_long", message)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
