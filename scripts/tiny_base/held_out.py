"""What no document may ask, since it measures what was understood: whole wordings, and single pairs of fact and wording.

Texts are compared bare: in small letters, contracted, without marks and without what people say around a question. A
held-out wording may not stand inside a longer question either: "Please: ..." and "Can you tell me ..." do not make it new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tiny_base.facts import Kind, Topic, is_held_out
from tiny_base.wording import contracted, words

_SIGN = re.compile(r"\s*([-+*/=]|(?<=\d)x(?=\d))\s*")
_WORD = re.compile(r"[^\s.,:;?!\"“”()…]+")
_AROUND = frozenset(
    words(
        "a an and hello hey hi me need now ok please pls plz question quick really so tell thank thanks thx um yo you"
    )
)


def bare_words(text: str) -> tuple[str, ...]:
    """What is compared of a text: "What is 2+2?" has the words what's, 2, +, 2, and their apostrophes go."""
    text = contracted(text).lower().replace("'", "")
    return tuple(_WORD.findall(_SIGN.sub(r" \1 ", text))) or tuple(text.split())


def _kernel(text: str) -> tuple[str, ...]:
    """Its words without what may be said before and behind any question."""
    found = bare_words(text)
    start, end = 0, len(found)
    while start < end and found[start] in _AROUND:
        start += 1
    while end > start and found[end - 1] in _AROUND:
        end -= 1
    return found[start:end]


class Phrases:
    """Texts to be found inside of others, word by word."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._phrases = {bare_words(text) for text in texts}
        self._lengths: dict[str, set[int]] = {}
        for phrase in self._phrases:
            self._lengths.setdefault(phrase[0], set()).add(len(phrase))

    def are_in(self, text: str) -> bool:
        found = bare_words(text)
        return any(
            found[start : start + length] in self._phrases
            for start, word in enumerate(found)
            for length in self._lengths.get(word, ())
        )


class HeldOut:
    """The questions about facts that measure."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        topics = [Topic(kind, fact) for kind in kinds for fact in kind.facts]
        self._wordings = Phrases(topic.fill(wording) for topic in topics for wording in topic.kind.held_out)
        asked: dict[bool, set[tuple[str, ...]]] = {True: set(), False: set()}
        for topic in topics:
            for wording in topic.kind.questions:
                asked[is_held_out(topic, wording)].add(_kernel(topic.fill(wording)))
        self._trained = asked[False]
        self._pairs = asked[True] - self._trained

    def is_asked_in(self, question: str) -> bool:
        return _kernel(question) in self._pairs or self._wordings.are_in(question)

    def trained(self, topic: Topic) -> list[str]:
        """The wordings in which the fact may be asked for."""
        return [
            wording
            for wording in topic.kind.questions
            if not is_held_out(topic, wording) and not self._wordings.are_in(topic.fill(wording))
        ]

    def wordings(self, topic: Topic) -> Iterator[str]:
        """The wordings that measure; not one that is a trained one with a word such as "please" around it."""
        for wording in topic.kind.held_out:
            if _kernel(topic.fill(wording)) not in self._trained:
                yield wording

    def pairs(self, topic: Topic) -> Iterator[str]:
        """The wordings that are trained with other facts and not with this one."""
        for wording in topic.kind.questions:
            if is_held_out(topic, wording) and _kernel(topic.fill(wording)) in self._pairs:
                yield wording
