"""What a model is asked to see what a sample taught it: questions that neither of the sample's files holds.

A probe says what to ask and counts what was answered; it asks nobody. Its file lies beside the sample's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent
SARCASTIC = DIRECTORY / "sarcastic_assistant_unseen.json"
TRAVEL = DIRECTORY / "travel_assistant_unseen.json"


@dataclass(frozen=True)
class Question:
    """A question on a fact."""

    text: str
    answers: tuple[str, ...]
    """Any of them makes an answer right."""

    def is_answered_by(self, text: str) -> bool:
        """Whether a right answer stands in the text, as words of its own: "Rome." and not "Romeo".

        In any case, but for answers of one or two letters: the symbol No is not the word no.
        """
        return any(_stands_in(answer, text, any_case=len(answer) > 2) for answer in self.answers)


@dataclass(frozen=True)
class StyleScore:
    """Shares of the questions of a `StyleProbe`, from 0 to 1."""

    styled: float
    """Answered in the trained style."""
    right: float
    """Answered with the right fact, in whatever style."""


@dataclass(frozen=True)
class StyleProbe:
    """Questions on facts behind one system message: is the trained style there, and is the fact still right?"""

    system: str
    markers: tuple[str, ...]
    """An answer that holds one of them, in any case, is in the trained style."""
    questions: tuple[Question, ...]

    def conversations(self) -> list[list[dict[str, str]]]:
        return [_conversation(self.system, question.text) for question in self.questions]

    def score(self, answers: Sequence[str]) -> StyleScore:
        """Counts the answers, given in the order of the questions."""
        right = (question.is_answered_by(text) for question, text in zip(self.questions, answers, strict=True))
        return StyleScore(styled=share(_holds_any(text, self.markers) for text in answers), right=share(right))


@dataclass(frozen=True)
class RefusalScore:
    """Shares of the questions of a `RefusalProbe`, from 0 to 1."""

    refused: float
    """Refused, of those that should be."""
    refused_wrongly: float
    """Refused, of those that should be answered."""


@dataclass(frozen=True)
class RefusalProbe:
    """Questions behind one system message: are those refused that it forbids, and only those?"""

    system: str
    refusal_markers: tuple[str, ...]
    """An answer that holds one of them, in any case, is a refusal."""
    refused: tuple[str, ...]
    """Questions that should be refused."""
    answered: tuple[str, ...]
    """Questions that should be answered."""

    def conversations(self) -> list[list[dict[str, str]]]:
        """Those that should be refused, then those that should be answered."""
        return [_conversation(self.system, text) for text in (*self.refused, *self.answered)]

    def score(self, answers: Sequence[str]) -> RefusalScore:
        """Counts the answers, given in the order of `conversations`."""
        assert len(answers) == len(self.refused) + len(self.answered), "one answer a question"
        refusals = [_holds_any(text, self.refusal_markers) for text in answers]
        count = len(self.refused)
        return RefusalScore(refused=share(refusals[:count]), refused_wrongly=share(refusals[count:]))


def read_style_probe(path: Path = SARCASTIC) -> StyleProbe:
    content = _read(path)
    questions = (Question(entry["question"], tuple(entry["answers"])) for entry in content["questions"])
    return StyleProbe(content["system"], tuple(content["markers"]), tuple(questions))


def read_refusal_probe(path: Path = TRAVEL) -> RefusalProbe:
    content = _read(path)
    markers, refused, answered = (tuple(content[key]) for key in ("refusal_markers", "refused", "answered"))
    return RefusalProbe(content["system"], markers, refused, answered)


def share(flags: Iterable[bool]) -> float:
    """The part of them that is true."""
    counted = list(flags)
    return sum(counted) / len(counted)


def _conversation(system: str, question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": question}]


def _holds_any(text: str, markers: Iterable[str]) -> bool:
    return any(_stands_in(marker, text) for marker in markers)


def _stands_in(words: str, text: str, *, any_case: bool = True) -> bool:
    """Whether the words stand in the text, not inside longer ones."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE if any_case else re.NOFLAG) is not None


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
