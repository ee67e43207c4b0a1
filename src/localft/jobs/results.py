"""`results.csv`: one row an optimizer step, in the service's columns.

A cell is empty where the number was not computed at that step. Numbers have nine significant digits, enough to tell any
two float32 values apart, so equal runs give equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from localft.errors import CheckpointError
from localft.jobs.files import AppendedFile, drop_torn_line, write_whole
from localft.progress import StepMetrics

METRICS = (
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
)
HEADER = ",".join(("step", *METRICS))


def number(value: float) -> str:
    """Nine significant digits: 2.5 → `2.5`, 1/3 → `0.333333333`."""
    return format(value, ".9g")


@dataclass(frozen=True)
class ResultRow:
    """One row as read back; `metrics` holds the filled cells only."""

    step: int
    metrics: dict[str, float]


class ResultsWriter:
    """Appends rows to results.csv; each is handed to the operating system as soon as its step is done."""

    def __init__(self, path: Path) -> None:
        self._file = AppendedFile(path)

    def write(self, step: StepMetrics) -> None:
        cells = [getattr(step, name) for name in METRICS]
        row = ",".join((str(step.step), *("" if cell is None else number(cell) for cell in cells)))
        self._file.write(row + "\n")

    def settle(self) -> None:
        """Brings all rows so far to where they outlast this machine; a checkpoint that follows relies on them."""
        self._file.settle()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start_results(path: Path) -> None:
    """Writes the header alone."""
    write_whole(path, HEADER + "\n")


def rewind_results(path: Path, step: int) -> int:
    """Cuts the rows behind `step`, whose training will be done again, and a torn last line; says how many rows are left.

    Fewer than `step` are left where the disk lost what it had promised to keep; the training itself does not need them.
    """
    if step == 0 or not path.exists():
        start_results(path)
        return 0
    drop_torn_line(path)
    rows = [line for line in _lines(path) if _step_of(path, line) <= step]
    write_whole(path, "".join(f"{line}\n" for line in (HEADER, *rows)))
    return len(rows)


def read_results(path: Path) -> list[ResultRow]:
    """All whole rows; a last line that is still being written is left out."""
    return [_parsed(path, line) for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    header, *rows = path.read_text(encoding="utf-8").split("\n")
    if header != HEADER:
        raise CheckpointError(
            f"{path}: the first line should be the header `{HEADER}`, found `{header[:120]}`; "
            "put the file back as it was, or train into another output_dir."
        )
    return rows[:-1]  # behind the last newline stands nothing, or a line that is not whole


def _step_of(path: Path, line: str) -> int:
    return _parsed(path, line).step


def _parsed(path: Path, line: str) -> ResultRow:
    step, *cells = line.split(",")
    try:
        filled = {name: float(cell) for name, cell in zip(METRICS, cells, strict=True) if cell}
        return ResultRow(int(step), filled)
    except ValueError:
        raise CheckpointError(
            f"{path}: expected rows of a step number and {len(METRICS)} numbers or empty cells, found `{line[:120]}`; "
            "put the file back as it was, or train into another output_dir."
        ) from None
