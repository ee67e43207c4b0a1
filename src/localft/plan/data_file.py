"""A data file as the plan sees it: where it is, what is in it, how many examples."""

from __future__ import annotations

import hashlib
import os

from localft.errors import DataError
from localft.plan.strict import Strict


class DataFile(Strict):
    """A data file as it was when the plan was made."""

    path: str
    """Absolute."""
    sha256: str
    examples: int
    """Lines that are not blank."""


def describe_file(path: str, param: str) -> DataFile:
    """Hashes a data file and counts its lines that are not blank, in one pass of bounded memory."""
    digest, examples = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file):
                digest.update(line)
                content = line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
                examples += bool(content.strip())
    except OSError as error:
        raise DataError(
            f"{path}: expected a file of chat examples, found: {error.strerror}; check {param}.",
            code="file_not_found",
            param=param,
        ) from None
    if examples == 0:
        raise DataError(
            f"{path}: expected one chat example a line, found none; check {param}.",
            code="invalid_n_examples",
            param=param,
        )
    return DataFile(path=os.path.abspath(path), sha256=digest.hexdigest(), examples=examples)
