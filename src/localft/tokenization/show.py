"""A rendered row for eyes and for programs: what the model sees, and what of it is trained."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from localft.errors import RowRefused
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.survey import DroppedRow, SurveyedRow
from localft.tokenization.tokenizer import ChatTokenizer


@dataclass(frozen=True, slots=True)
class TextRun:
    """Neighbouring tokens of one weight, as text."""

    text: str
    weight: float
    tokens: int
    spells_control: bool
    """Whether some of the text spells a control token without being one."""


def text_runs(row: TokenizedExample, tokenizer: ChatTokenizer) -> Iterator[TextRun]:
    """The row as runs of equal weight, in order, for eyes.

    Text that spells a control token without being one is shown with a backslash before it, as in `\\<|eot_id|>`.
    """
    controls = set(tokenizer.special_tokens.texts.values())
    pairs = zip(row.input_ids, row.loss_weights, strict=True)
    for weight, group in groupby(pairs, key=lambda pair: pair[1]):
        ids = [id for id, _ in group]
        text, spelled = "", 0
        for is_control, part in groupby(ids, key=controls.__contains__):
            decoded = tokenizer.decode(list(part))
            if not is_control and tokenizer.special_pattern is not None:
                decoded, count = tokenizer.special_pattern.subn(lambda match: "\\" + match[0], decoded)
                spelled += count
            text += decoded
        yield TextRun(text, weight, len(ids), spelled > 0)


def row_to_dict(row: SurveyedRow, tokenizer: ChatTokenizer) -> dict[str, Any]:
    """One row of `localft show --format json`: ids, weights and the vocabulary's spelling of each token, or why it has none."""
    if isinstance(row, DroppedRow):
        return {"line": row.line, "dropped": row.reason}
    if isinstance(row, RowRefused):
        refused = {"message_index": row.message_index, "code": row.code, "message": row.message}
        return {"line": row.line, "refused": refused}
    return {
        "line": row.line,
        "input_ids": row.input_ids,
        "loss_weights": row.loss_weights,
        "tokens": [tokenizer.backend.id_to_token(id) for id in row.input_ids],
        "cut": row.cut,
        "refused": None,
    }


_JOINERS = "\u200c\u200d"  # belong to scripts and emoji


def visible(text: str) -> str:
    """The text with characters made visible that would act on a terminal or hide; a line end still ends the line."""
    shown = []
    for character in text:
        kind = unicodedata.category(character)
        if character == "\n":
            shown.append("↵\n")
        elif character == "\t":
            shown.append("⇥")
        elif kind in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and character not in _JOINERS:
            shown.append(f"\\u{{{ord(character):x}}}")
        else:
            shown.append(character)
    return "".join(shown)
