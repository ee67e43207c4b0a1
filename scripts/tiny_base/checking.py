"""Questions to be answered by yes or no: claims that are so and claims that are not, and how they are answered.

Half of the answers tell the fact before the verdict, so that the model compares what it has just written with what was
asked. Wordings that are held out are drawn only by the measurement.
"""

from __future__ import annotations

import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tiny_base.facts import HELD_OUT_SHARE, Fact, Kind, Topic, fields_of
from tiny_base.held_out import bare_words
from tiny_base.wording import alternatives, capitalized

FRAMES = alternatives(
    """Is it true that {inside}? | {sentence}, right? | {sentence}, is that right? | {sentence}, true or false?
    | True or false: {sentence}. | I think that {inside}. Is that right? | Am I right that {inside}? | {sentence}, correct?
    | Someone told me that {inside}. Is that true? | {sentence}. Is that true? | {sentence}, yes or no?
    | Do you think that {inside}?"""
)
FRAMES_HELD_OUT = alternatives(
    "Is it correct that {inside}? | I read that {inside}. Is that so? | Would you say that {inside}?"
)
"""Around a claim as a sentence of its own, or inside another one."""

FEW = 3
"""Facts that a kind has for each of its answers, at least, where the answers sort what they are about."""


NEAR = 3
"""The largest difference of numbers that are near each other."""


@dataclass(frozen=True)
class Claim:
    """What is so, and what is said: the same, or the fact with the answer of another."""

    so: Topic
    said: Topic

    @property
    def is_right(self) -> bool:
        return self.said.answer in self.so.kind.right_answers(self.so.fact)


class Claims:
    """Draws claims about the kinds that have checks; wrong ones from near facts as often as from any."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = [kind for kind in kinds if kind.checks]
        self._weights = [kind.weight * len(kind.facts) ** 0.5 for kind in self.kinds]
        self._labels = _labels(kinds)
        self._near: dict[tuple[str, str], list[Fact]] = defaultdict(list)
        for kind in self.kinds:
            for fact in kind.facts:
                for label in self._labels_of(Topic(kind, fact)):
                    self._near[kind.name, label].append(fact)

    def draw(self, rng: random.Random) -> Claim:
        (kind,) = rng.choices(self.kinds, self._weights)
        return self.about(Topic(kind, rng.choice(kind.facts)), rng, is_right=rng.random() < 0.5)

    def about(self, so: Topic, rng: random.Random, *, is_right: bool) -> Claim:
        if is_right:
            return Claim(so, so)
        wrong = _not_so(so, self._near_to(so)) if rng.random() < 0.5 else []
        wrong = wrong or _not_so(so, so.kind.facts)
        other = rng.choice(wrong)
        told = _told(so.kind)
        changed = {name: (other if name in told else so.fact).fields[name] for name in so.fact.fields}
        return Claim(so, Topic(so.kind, Fact(changed)))

    def _near_to(self, so: Topic) -> list[Fact]:
        """Other countries of the continent, numbers with a small difference."""
        if so.answer.isdigit():
            return [fact for fact in so.kind.facts if abs(int(fact.fields[so.kind.answer]) - int(so.answer)) <= NEAR]
        return [fact for label in self._labels_of(so) for fact in self._near[so.kind.name, label]]

    def _labels_of(self, topic: Topic) -> list[str]:
        kind = topic.kind
        return sorted(self._labels[kind.subject, topic.subject] | self._labels[kind.answer, topic.answer])


def _not_so(so: Topic, facts: Iterable[Fact]) -> list[Fact]:
    right = so.kind.right_answers(so.fact)
    return [fact for fact in facts if fact.fields[so.kind.answer] not in right]


def _labels(kinds: Iterable[Kind]) -> dict[tuple[str, str], set[str]]:
    """What sorts a subject, by its field and its value: France has the label that all countries in Europe have."""
    labels: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind in kinds:
        answers = {fact.fields[kind.answer] for fact in kind.facts}
        if 1 < len(answers) * FEW <= len(kind.facts):
            for fact in kind.facts:
                labels[kind.subject, fact.fields[kind.subject]].add(f"{kind.name}: {fact.fields[kind.answer]}")
    return labels


def question(claim: Claim, rng: random.Random) -> str:
    """In a trained wording, and not one of the questions that are held out."""
    while True:
        asked = _asked(claim, rng)
        if not _is_held_out(asked):
            return asked


def held_out_questions(claim: Claim) -> list[str]:
    """The claim in each wording that is never trained at all, or never for it."""
    kind = claim.so.kind
    checks = (claim.said.fill(check) for check in kind.checks)
    framed = (_framed(claim, frame, sentences(kind)[0]) for frame in FRAMES_HELD_OUT)
    return [*filter(_is_held_out, checks), *framed]


def _asked(claim: Claim, rng: random.Random) -> str:
    kind = claim.so.kind
    if rng.random() < 0.6:
        return claim.said.fill(rng.choice(kind.checks))
    return _framed(claim, rng.choice(FRAMES), rng.choice(sentences(kind)))


def _is_held_out(question: str) -> bool:
    """By its words, since two kinds may ask the same: Paris is a city in France and its capital."""
    return zlib.crc32(" ".join(bare_words(question)).encode()) % HELD_OUT_SHARE == 0


def answer(claim: Claim, rng: random.Random) -> str:
    """The verdict with the fact: behind it in half of the answers, since a fact is easier to compare once it is written."""
    kind = claim.so.kind
    first, *others = sentences(kind)
    template = first if not others or rng.random() < 0.8 else rng.choice(others)
    verdict = "yes" if claim.is_right else "no"
    sentence, inside = _as_sentence(claim.so, template), _as_clause(claim.so, template)
    if rng.random() < 0.5:
        return f"{sentence}, so {verdict}."
    refuted = "" if claim.is_right or rng.random() < 0.25 else f", not {_told_in(claim, template)}"
    return rng.choice((f"{capitalized(verdict)}, {inside}{refuted}.", f"{capitalized(verdict)}. {sentence}{refuted}."))


def short_answer(claim: Claim, rng: random.Random) -> str:
    return "Yes." if claim.is_right else f"No. {claim.so.fill(rng.choice(claim.so.kind.short))}"


def verdict(text: str) -> bool | None:
    """What an answer says: yes, no, or neither one alone."""
    said = {word.strip(".,:;!?").lower() for word in text.split()}
    is_yes, is_no = "yes" in said, "no" in said
    return is_yes if is_yes != is_no else None


def sentences(kind: Kind) -> list[str]:
    """The templates of plain answers that are one sentence with both subject and answer."""
    told = _told(kind)
    return [
        template
        for template in kind.plain
        if ". " not in template and fields_of([template]) & told and fields_of([template]) - told
    ]


def _told(kind: Kind) -> frozenset[str]:
    """The answer and its other forms: what checks and answers name and no question does."""
    asked_about = {name.lower() for name in (kind.subject, *fields_of((*kind.questions, *kind.held_out)))}
    named = fields_of((*kind.checks, *kind.plain))
    return frozenset(name for name in named if name.lower() not in asked_about) | {kind.answer}


def _told_in(claim: Claim, template: str) -> str:
    """What the claim says in the place of the answer."""
    name = min(fields_of([template]) & _told(claim.so.kind), key=lambda name: template.index(f"{{{name}}}"))
    fields = claim.said.fact.fields
    return fields.get(name.lower(), fields[name])


def _framed(claim: Claim, frame: str, template: str) -> str:
    return frame.format(sentence=_as_sentence(claim.said, template), inside=_as_clause(claim.said, template))


def _as_sentence(topic: Topic, template: str) -> str:
    return topic.fill(template).removesuffix(".")


def _as_clause(topic: Topic, template: str) -> str:
    """The sentence as it stands inside another: a field such as {Country} has its small form, a name stays as it is."""
    start = 1 if template.startswith("{") else 0
    small = template[:start] + template[start].lower() + template[start + 1 :]
    is_named = fields_of([small]) <= topic.fact.fields.keys()
    return (small if is_named else template).format_map(topic.fact.fields).removesuffix(".")
