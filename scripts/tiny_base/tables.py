"""How the small tables of the world become kinds: lines of text to facts, a clause to many ways of asking it."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import inflect

from .facts import Fact, Kind
from .wording import capitalized

ABSENT = "-"
"""What stands in a table where a row has nothing to say."""

LANGUAGES_ELSEWHERE = ("de", "fr", "es", "it")

INNERMOST_FRAME = "Tell me {clause}."
"""Trained with each clause, since others hold it."""
FRAMES = (
    "Do you know {clause}?",
    "Can you tell me {clause}?",
    "Please tell me {clause}.",
    "I would like to know {clause}.",
    "Could you tell me {clause}?",
    "I want to know {clause}.",
    "Please say {clause}.",
)
FRAMES_TRAINED = 5
"""How many of these are trained with a clause. The others are held out for it, and trained with other clauses."""

_ENGLISH = inflect.engine()


def rows(table: str) -> list[list[str]]:
    """The cells of each line that is not blank."""
    return [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.strip()]


def columns(table: str, *names: str) -> list[dict[str, str]]:
    """Each line by the names of its cells, without those that are absent."""
    return [{name: cell for name, cell in zip(names, cells, strict=True) if cell != ABSENT} for cells in rows(table)]


def names_elsewhere(field: str, name: str, table: str) -> dict[str, str]:
    """What German, French, Spanish and Italian call it, as {capital_de} and so on. Absent is what has the same name."""
    named = {cells[0]: cells[1:] for cells in rows(table)}
    called = named.get(name, [ABSENT] * len(LANGUAGES_ELSEWHERE))
    return {
        f"{field}_{code}": name if cell == ABSENT else cell
        for code, cell in zip(LANGUAGES_ELSEWHERE, called, strict=True)
    }


def other_names(name: str, *others: str) -> tuple[str, ...]:
    """Each of the others once, without the name itself."""
    return tuple(other for other in dict.fromkeys(others) if other != name)


def possessive(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def with_article(noun: str) -> str:
    return str(_ENGLISH.a(noun))


def noun_forms(noun: str) -> dict[str, str]:
    """A countable noun as templates need it: {a} and {A} with the article, {many} and {Many} in the plural."""
    one, many = with_article(noun), str(_ENGLISH.plural_noun(noun))
    return {"a": one, "A": capitalized(one), "many": many, "Many": capitalized(many)}


def facts_with(entries: list[dict[str, str]], *names: str) -> tuple[Fact, ...]:
    """The facts of those entries that have all these fields."""
    return tuple(Fact(fields=entry) for entry in entries if all(name in entry for name in names))


def asked(clause: str, kind: Kind) -> Kind:
    """The kind, asked for in frames too: "what sound {a} makes" becomes "Do you know what sound {a} makes?".

    Which frames are trained and which are held out differs from clause to clause, so that each is trained with some.
    """
    start = crc32(clause.encode()) % len(FRAMES)
    framed = [frame.format(clause=clause) for frame in FRAMES[start:] + FRAMES[:start]]
    return replace(
        kind,
        questions=(*kind.questions, INNERMOST_FRAME.format(clause=clause), *framed[:FRAMES_TRAINED]),
        held_out=(*kind.held_out, *framed[FRAMES_TRAINED:]),
    )


def by_name(subject: str, template: str) -> str:
    """A template written for {place}, for a kind whose subject has another name."""
    return template.replace("{place}", "{" + subject + "}")


def on_topic(topic: str, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    return tuple(replace(kind, topic=topic) for kind in kinds)
