"""The token store: a data file as token ids and loss weights, tokenised once and memory-mapped ever after.

An Arrow file through `datasets`, kept under `LOCALFT_HOME/tokens/<key>/`. The key is the sha256 of everything that decides
the tokens: the data file's bytes, tokenizer, template (with the job's date where the template prints it), max_length and
what happens to overlong rows. A second run or a resume on the same inputs reads it and tokenises nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import overload

from datasets import Dataset, Features, Value
from datasets import Sequence as ListOf
from datasets.arrow_writer import ArrowWriter

from localft import settings
from localft.data.reading import read_examples
from localft.errors import DataError, RowRefused, UsageError
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.survey import DroppedRow, Overlong, TokenStatistics, survey_rows
from localft.tokenization.system_message import SharedSystemMessage
from localft.tokenization.tokenizer import ChatTokenizer

# Raised when what is stored changes its meaning or its parts, so that no older store is read as a newer one.
FORMAT = 4
_FEATURES = Features(
    {"line": Value("int64"), "input_ids": ListOf(Value("int32")), "loss_weights": ListOf(Value("float32"))}
)
_SHOWN_REFUSALS = 20
_MAKING = ".making-"
_ABANDONED_SECONDS = 24 * 3600.0
"""Untouched for so long, a store in the making on another machine is taken for abandoned."""


class TokenStore(Sequence[TokenizedExample]):
    """The kept rows of one data file, in file order, read from disk as they are asked for."""

    def __init__(self, directory: Path, *, was_cached: bool) -> None:
        record = json.loads((directory / "store.json").read_text("utf-8"))
        self.directory = directory
        self.was_cached = was_cached
        """True where nothing had to be tokenised."""
        self.statistics = TokenStatistics.from_dict(record["statistics"])
        self.dropped = [DroppedRow(**row) for row in record["dropped"]]
        self.system_message: dict[str, str] | None = record["system_message"]
        """What all rows of the file begin with, as the chat template takes it; None where they do not."""
        self._rows = Dataset.from_file(str(directory / "rows.arrow"))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> TokenizedExample: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenizedExample]: ...
    def __getitem__(self, index: int | slice) -> TokenizedExample | list[TokenizedExample]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        row = self._rows[index]
        return TokenizedExample(row["line"], row["input_ids"], row["loss_weights"])

    def __iter__(self) -> Iterator[TokenizedExample]:
        for row in self._rows:
            yield TokenizedExample(row["line"], row["input_ids"], row["loss_weights"])


def store_key(data_sha256: str, tokenizer: ChatTokenizer, *, max_length: int | None, overlong: Overlong) -> str:
    """sha256 over all that decides the stored rows."""
    parts = [FORMAT, data_sha256, tokenizer.fingerprint, max_length, overlong]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def open_token_store(
    data_file: str | Path,
    tokenizer: ChatTokenizer,
    *,
    max_length: int | None = None,
    overlong: Overlong = "refuse",
    progress: Callable[[int], None] | None = None,
    starting: Callable[[], None] | None = None,
) -> TokenStore:
    """The store of a data file, made now if there is none.

    `starting` is called before anything is tokenised, `progress` with the number of rows tokenised so far.

    Raises DataError naming every refused row, with nothing left on disk. Two processes may make the same store at once: each
    writes its own directory, and the first one renamed stays.
    """
    data_file = Path(data_file)
    with data_file.open("rb") as stream:
        data_sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    shelf = settings.home() / "tokens"
    directory = shelf / store_key(data_sha256, tokenizer, max_length=max_length, overlong=overlong)
    if _is_whole(directory):
        return TokenStore(directory, was_cached=True)
    if starting:
        starting()
    try:
        settings.made_private(shelf)
        _clear_abandoned(shelf)
        staging = Path(tempfile.mkdtemp(prefix=f"{_made_here()}{os.getpid()}-", dir=shelf))
    except OSError as error:
        raise UsageError(
            f"{shelf}: the tokenised rows cannot be kept there ({error.strerror}); set LOCALFT_HOME to a directory that can "
            "be written",
            param="LOCALFT_HOME",
        ) from error
    try:
        _write(staging, data_file, tokenizer, max_length, overlong, progress)
        if directory.exists() and not _is_whole(directory):
            shutil.rmtree(directory)
        try:
            os.replace(staging, directory)
        except OSError:
            if not _is_whole(directory):  # another process was first: its rows are the same
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return TokenStore(directory, was_cached=False)


def _clear_abandoned(shelf: Path) -> None:
    """Removes what killed makers left. Of makers on other machines, which may share the shelf, age alone tells."""
    for staging in shelf.glob(f"{_MAKING}*"):
        pid = staging.name.removeprefix(_made_here()).partition("-")[0]
        if os.name == "posix" and staging.name.startswith(_made_here()) and pid.isdecimal():
            abandoned = not _is_running(int(pid))
        else:
            abandoned = time.time() - _last_touched(staging) > _ABANDONED_SECONDS
        if abandoned:
            shutil.rmtree(staging, ignore_errors=True)


def _made_here() -> str:
    return f"{_MAKING}{socket.gethostname()}-"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _last_touched(directory: Path) -> float:
    """Seconds since the epoch; now, where it goes away under our eyes."""
    try:
        return max(path.stat().st_mtime for path in (directory, *directory.iterdir()))
    except OSError:
        return time.time()


def _write(
    directory: Path,
    data_file: Path,
    tokenizer: ChatTokenizer,
    max_length: int | None,
    overlong: Overlong,
    progress: Callable[[int], None] | None,
) -> None:
    statistics, dropped, refused = TokenStatistics(), [], []
    shared = SharedSystemMessage(tokenizer)
    rows = survey_rows(
        shared.watched(read_examples(data_file)),
        tokenizer,
        file=data_file,
        max_length=max_length,
        overlong=overlong,
        statistics=statistics,
        progress=progress,
    )
    path = directory / "rows.arrow"
    with ArrowWriter(path=str(path), features=_FEATURES) as writer:
        for row in rows:
            if isinstance(row, RowRefused):
                refused.append(row)
            elif isinstance(row, DroppedRow):
                dropped.append(row)
            elif not refused:
                writer.write({"line": row.line, "input_ids": row.input_ids, "loss_weights": row.loss_weights})
        if statistics.examples:
            writer.finalize()
    if refused:
        raise refusal_error(refused)
    if not statistics.examples:
        raise DataError(f"no row is left to train: {statistics.rows} read, {statistics.dropped} dropped")
    record = {
        "statistics": statistics.to_dict(),
        "dropped": [{"line": row.line, "length": row.length, "reason": row.reason} for row in dropped],
        "system_message": shared.message,
        "bytes": path.stat().st_size,
    }
    (directory / "store.json").write_text(json.dumps(record), "utf-8")


def refusal_error(refused: Sequence[RowRefused]) -> DataError:
    """All refused rows as one error; the message shows the first ones and counts the rest."""
    shown = "\n".join(f"  {row.message}" for row in refused[:_SHOWN_REFUSALS])
    more = len(refused) - _SHOWN_REFUSALS
    rest = f"\n  ... and {more} more" if more > 0 else ""
    rows = "1 row is" if len(refused) == 1 else f"{len(refused)} rows are"
    return DataError(f"{rows} refused:\n{shown}{rest}", report=tuple(refused), code="row_refused")


def _is_whole(directory: Path) -> bool:
    """Whether a store was written to its end: its record comes last and knows the size of the rows."""
    try:
        record = json.loads((directory / "store.json").read_text("utf-8"))
        return bool((directory / "rows.arrow").stat().st_size == record["bytes"])
    except (OSError, ValueError, KeyError):
        return False
