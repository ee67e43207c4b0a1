"""Whole files on disk: what is read is what was written last, never half of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, TextIO


def write_whole(path: Path, text: str) -> None:
    """Replaces `path` by `text` in one step, so that a reader or a power cut meets the old file or the new one."""
    staged = path.with_name(f".{path.name}.{os.getpid()}.staged")
    try:
        with staged.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


class AppendedFile:
    """A text file that grows. What is written is with the operating system at once, and outlasts the machine once settled."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._open()

    def write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()

    def settle(self) -> None:
        """Flushes to the disk, then closes and opens again: mounted cloud storage takes over a file when it is closed."""
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = self._open()

    def close(self) -> None:
        self._file.close()

    def _open(self) -> TextIO:
        return self._path.open("a", encoding="utf-8", newline="\n")


def remove_half_written(directory: Path) -> None:
    """Removes what `write_whole` left where a process was killed inside of it."""
    for staged in directory.glob(".*.staged"):
        staged.unlink(missing_ok=True)


def drop_torn_line(path: Path) -> bool:
    """Cuts an unfinished last line, left where a process died while writing; says whether there was one."""
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            return False
        whole = _end_of_last_whole_line(file, end)
        if whole == end:
            return False
        file.truncate(whole)
        return True


def _end_of_last_whole_line(file: BinaryIO, end: int, block: int = 4096) -> int:
    """Byte just behind the last newline, 0 where there is none; reads backwards from the end."""
    position = end
    while position > 0:
        start = max(0, position - block)
        file.seek(start)
        newline = file.read(position - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0
