"""Reads the typed examples of a data file, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from localft.data.examples import ChatExample
from localft.data.jsonl import NumberedLine, read_lines
from localft.data.report import describe
from localft.data.validation import FileReport, ValidationReport, check_line, too_long_problem
from localft.errors import DataError

SHOWN_IN_ERROR = 20


def read_examples(path: str | Path, *, param: str = "training_file") -> Iterator[ChatExample]:
    """Yields the example of each line that is not blank.

    A line with errors raises `DataError` with all of that line's errors; `validate_file` tells those of all lines.
    """
    for line in read_lines(path, param=param):
        if not line.is_blank:
            yield read_example(path, line, param=param)


def read_example(path: str | Path, line: NumberedLine, *, param: str = "training_file") -> ChatExample:
    """The example of one line of `path`. A blank line is none, so it is an error here."""
    if line.too_long:
        example, errors = None, [too_long_problem(line)]
    else:
        example, errors, _ = check_line(line.raw, file=str(path), line=line.number, offset=line.offset)
    if example is None:
        message = "\n".join(describe(str(path), problem) for problem in errors[:SHOWN_IN_ERROR])
        raise DataError(message, report=tuple(errors), code=f"invalid_{param}", param=param)
    return example


def require_valid(report: ValidationReport) -> None:
    """Raises `DataError` where files of the report have errors: those of all files, with the first one's code and param.

    The code and the param are those of the service's job error.
    """
    invalid = [file for file in report.files if file.errors]
    if invalid:
        text = "\n".join(map(_error_text, invalid))
        raise DataError(text, report=report, code=_job_error_code(invalid[0]), param=f"{invalid[0].role}_file")


def _job_error_code(file: FileReport) -> str:
    """The service's code: `invalid_n_examples` where nothing else is wrong, else such as `invalid_training_file`."""
    codes = {problem.code for problem in file.errors}
    return "invalid_n_examples" if codes <= {"invalid_n_examples", "empty_file"} else f"invalid_{file.role}_file"


def _error_text(file: FileReport) -> str:
    lines = [describe(file.path, problem) for problem in file.errors[:SHOWN_IN_ERROR]]
    if hidden := len(file.errors) - len(lines):
        lines.append(f"… and {hidden} more; `localft validate` lists them")
    return "\n".join(lines)
