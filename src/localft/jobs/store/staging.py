"""A file that comes in pieces: under its name it is whole, and one that never became whole leaves nothing.

Who writes holds a lock on the file until its row is in the database. So a file without a row and without a lock is nobody's,
and can be taken away at any time.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from localft.errors import StoreError, is_disk_full

try:
    import fcntl
except ImportError:  # no such locks on this platform: leftovers stay
    fcntl = None  # type: ignore[assignment]

PREFIX = ".staged-"


class StagedFile:
    """Written beside its place, settled on the disk, then given its name in one step."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{PREFIX}{uuid.uuid4().hex}"
        self._file = self._path.open("xb")
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def write(self, data: bytes) -> None:
        with _disk_full_told(self._path):
            self._file.write(data)
        self.bytes += len(data)

    def place(self, target: Path) -> None:
        """Gives the file its name. It goes again where the caller does not reach `keep`."""
        with _disk_full_told(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            os.replace(self._path, target)
            self._path = target
            settle_directory(target.parent)

    def keep(self) -> None:
        """Its row is in the database."""
        self._file.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            with suppress(OSError):  # what a full disk did not take is not wanted any more
                self._file.close()


class _disk_full_told:
    """A full disk becomes a sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if is_disk_full(error):
            raise StoreError(
                f"{self._path.parent}: the disk is full; free some space and send the file again.", code="disk_full"
            ) from error


def settle_directory(directory: Path) -> None:
    """Brings the names in a directory to where they outlast a power cut, as far as the platform can."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(directory: Path, is_known: Callable[[str], bool]) -> int:
    """Removes what a killed process left in a directory of files named by id; says how many there were."""
    return sum(_remove_unless_known(path, is_known) for path in _files(directory))


def _files(directory: Path) -> Iterator[Path]:
    yield from [path for path in directory.iterdir() if path.is_file()] if directory.is_dir() else []


def _remove_unless_known(path: Path, is_known: Callable[[str], bool]) -> bool:
    if fcntl is None or is_known(path.name):
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_known(path.name):  # its row came before the lock did
                return False
            path.unlink(missing_ok=True)
            return True
    except (BlockingIOError, FileNotFoundError):  # still being written, or gone in the meantime
        return False
