"""A rendered row for eyes and for programs: what the model sees, and what of it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from localft.errors import RowRefused
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.tokenizer import ChatTokenizer


@dataclass(frozen=True, slots=True)
class TextRun:
    """Neighbouring tokens of one weight, as text."""

    text: str
    weight: float
    tokens: int


def text_runs(row: TokenizedExample, tokenizer: ChatTokenizer) -> Iterator[TextRun]:
    """The row as runs of equal weight, in order; their texts joined are the row's render."""
    for weight, group in groupby(zip(row.input_ids, row.loss_weights, strict=True), key=lambda pair: pair[1]):
        ids = [id for id, _ in group]
        yield TextRun(tokenizer.decode(ids), weight, len(ids))


def row_to_dict(row: TokenizedExample | RowRefused, tokenizer: ChatTokenizer) -> dict[str, Any]:
    """One row of `localft show --format json`: ids, weights and the vocabulary's own spelling of each token, or the refusal."""
    if isinstance(row, RowRefused):
        refused = {"message_index": row.message_index, "code": row.code, "message": row.message}
        return {"line": row.line, "refused": refused}
    return {
        "line": row.line,
        "input_ids": row.input_ids,
        "loss_weights": row.loss_weights,
        "tokens": [tokenizer.backend.id_to_token(id) for id in row.input_ids],
        "refused": None,
    }


def visible(text: str) -> str:
    """The text with its line ends and other control characters made visible; a line end still ends the line."""
    shown = []
    for character in text:
        if character == "\n":
            shown.append("↵\n")
        elif character == "\t":
            shown.append("⇥")
        elif ord(character) < 32 or ord(character) == 127:
            shown.append(f"\\x{ord(character):02x}")
        else:
            shown.append(character)
    return "".join(shown)
