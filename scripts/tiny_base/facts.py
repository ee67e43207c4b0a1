"""What the embedded model is to know, and in which words it is asked and told.

A `Kind` is a family of facts that share their wording: all capitals, all chemical symbols. Its templates name the
fields of its facts in braces: "What is the capital of {country}?". Everything that is built from facts (conversations,
plain text, measurements) is built from kinds alone and knows none of them by name.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter

from tiny_base.wording import capitalized

HELD_OUT_SHARE = 10
"""One in so many pairs of a fact and a wording is never trained."""

SERVICES = ("hotel", "flight", "rental_car", "restaurant")
"""How the names of kinds end that say the same of every place, which is no knowledge. That of an animal's flight ends so too."""


@dataclass(frozen=True)
class Fact:
    """One thing to know."""

    fields: Mapping[str, str]
    """What the templates name in braces. Each template of the kind can be filled from these."""

    also: tuple[str, ...] = ()
    """Other right answers: Bolivia has two capitals."""


@dataclass(frozen=True)
class Kind:
    """Facts of one form, with their wording. The answer stands word for word in every sentence told."""

    name: str
    subject: str
    """The field asked about: "country". Kinds with the same subject field and value speak of the same thing."""
    answer: str
    """The field that makes an answer right: "capital". With a language behind it, "capital_de", what that language says."""
    questions: tuple[str, ...]
    """At least eight paraphrases; none holds the answer field."""
    held_out: tuple[str, ...]
    """At least two paraphrases that are never trained: the measure of what was understood and not learned by rote."""
    plain: tuple[str, ...]
    """Full sentences, the first the commonest: "The capital of {country} is {capital}."."""
    short: tuple[str, ...]
    """The answer and little else: "{capital}."."""
    statements: tuple[str, ...]
    """Sentences for plain text, at least four."""
    follow_ups: tuple[str, ...] = ()
    """The same asked of another subject, behind a question of this kind: "And of {country}?"."""
    follow_ups_on_subject: tuple[str, ...] = ()
    """Asked behind another kind's question on the same subject, which "its" and "there" stand for: "And its capital?"."""
    checks: tuple[str, ...] = ()
    """Questions answered by yes or no, which hold both fields: "Is {capital} the capital of {country}?"."""
    continuations: tuple[str, ...] = ()
    """Asked behind a fact whose answer is the field `a` of this one: "And plus {b}?"."""
    foreign: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Answers in the form of another language by its English name: {"German": ("Die Hauptstadt ist {capital_de}.",)}."""
    facts: tuple[Fact, ...] = ()
    topic: str = ""
    """The field of knowledge it belongs to, one of those that a system message may keep the model to; empty for none."""
    weight: float = 1.0
    """How often a fact of this kind is told, beside those of the other kinds."""

    def right_answers(self, fact: Fact) -> tuple[str, ...]:
        return (fact.fields[self.answer], *fact.also)


@dataclass(frozen=True)
class Topic:
    """A fact to talk about, with its kind."""

    kind: Kind
    fact: Fact

    @property
    def subject(self) -> str:
        return self.fact.fields[self.kind.subject]

    @property
    def answer(self) -> str:
        return self.fact.fields[self.kind.answer]

    def fill(self, template: str) -> str:
        return capitalized(template.format_map(self.fact.fields))


def is_held_out(topic: Topic, wording: str) -> bool:
    """Whether this fact is never asked for in this wording."""
    key = f"{topic.kind.name}|{sorted(topic.fact.fields.items())}|{wording}"
    return zlib.crc32(key.encode()) % HELD_OUT_SHARE == 0


def fields_of(templates: Iterable[str]) -> frozenset[str]:
    """What the templates name in braces."""
    return frozenset(name for template in templates for _, name, _, _ in Formatter().parse(template) if name)
