"""Renders a whole data file: what its rows become, how many tokens that is, and which rows are refused.

Rows longer than `max_length` are never cut or lost in silence: refused by default, truncated from the end or dropped where
the recipe says so, and counted in each case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from localft.data.examples import ChatExample
from localft.errors import RowRefused
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.render import render_examples
from localft.tokenization.tokenizer import ChatTokenizer

Overlong = Literal["refuse", "truncate", "drop"]


@dataclass(slots=True)
class TokenStatistics:
    """Token counts of one rendered file. Trained tokens are those with a weight above 0."""

    rows: int = 0
    """Rows read, refused ones included."""
    examples: int = 0
    """Rows kept: the N of the hyperparameter rules."""
    tokens: int = 0
    trained_tokens: int = 0
    longest: int = 0
    """Tokens of the longest row that was kept."""
    highest_id: int = 0
    """The largest token id of all kept rows: the model's embedding has to have a row for it."""
    overlong: int = 0
    """Rows longer than max_length."""
    truncated: int = 0
    truncated_tokens: int = 0
    dropped: int = 0
    refused: int = 0

    @property
    def trained_share(self) -> float:
        return self.trained_tokens / self.tokens if self.tokens else 0.0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "trained_share": round(self.trained_share, 6)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> TokenStatistics:
        return cls(**{name: stored[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row left out because the recipe says `overlong: drop`, or because nothing trained was left of it once cut."""

    line: int
    length: int
    reason: str


SurveyedRow = TokenizedExample | RowRefused | DroppedRow


def survey_rows(
    examples: Iterable[ChatExample],
    tokenizer: ChatTokenizer,
    *,
    file: str | Path,
    max_length: int | None,
    overlong: Overlong,
    statistics: TokenStatistics,
    progress: Callable[[int], None] | None = None,
) -> Iterator[SurveyedRow]:
    """Each row of `file` as it will be trained, or why it will not be; counts into `statistics`.

    `progress` gets the number of rows done.
    """
    for row in render_examples(examples, tokenizer):
        statistics.rows += 1
        fitted = _fit(row, file, max_length, overlong, statistics) if isinstance(row, TokenizedExample) else row
        if isinstance(fitted, TokenizedExample):
            statistics.examples += 1
            statistics.tokens += len(fitted.input_ids)
            statistics.trained_tokens += sum(weight > 0 for weight in fitted.loss_weights)
            statistics.longest = max(statistics.longest, len(fitted.input_ids))
            statistics.highest_id = max(statistics.highest_id, *fitted.input_ids)
        elif isinstance(fitted, RowRefused):
            statistics.refused += 1
        else:
            statistics.dropped += 1
        if progress:
            progress(statistics.rows)
        yield fitted


def survey(
    examples: Iterable[ChatExample],
    tokenizer: ChatTokenizer,
    *,
    file: str | Path,
    max_length: int | None = None,
    overlong: Overlong = "refuse",
) -> tuple[TokenStatistics, list[RowRefused], list[DroppedRow]]:
    """Counts a file's tokens and collects the refused and the dropped rows; keeps no tokens."""
    statistics, refused, dropped = TokenStatistics(), [], []
    for row in survey_rows(
        examples, tokenizer, file=file, max_length=max_length, overlong=overlong, statistics=statistics
    ):
        if isinstance(row, RowRefused):
            refused.append(row)
        elif isinstance(row, DroppedRow):
            dropped.append(row)
    return statistics, refused, dropped


def _fit(
    row: TokenizedExample, file: str | Path, max_length: int | None, overlong: Overlong, statistics: TokenStatistics
) -> SurveyedRow:
    length = len(row.input_ids)
    if max_length is None or length <= max_length:
        return row
    statistics.overlong += 1
    if overlong == "refuse":
        return RowRefused(
            f"{file}:{row.line}: {length} tokens, but max_length is {max_length}; shorten the row, raise max_length if the "
            "model's context is longer, or set overlong to truncate or drop (--overlong truncate; overlong: truncate in a "
            'recipe; extra_body={"localft": {"overlong": "truncate"}} in a request to the service)',
            line=row.line,
            code="too_long",
        )
    if overlong == "drop":
        return DroppedRow(row.line, length, f"{length} tokens, more than max_length {max_length}")
    weights = row.loss_weights[:max_length]
    if not any(weights):
        return DroppedRow(row.line, length, f"nothing trained is left of its {length} tokens once cut to {max_length}")
    statistics.truncated += 1
    statistics.truncated_tokens += length - max_length
    return TokenizedExample(row.line, row.input_ids[:max_length], weights, cut=length - max_length)
