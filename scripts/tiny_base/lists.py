"""Things of one sort to be named: "Name three fruits", "countries in Africa", "animals with four legs"."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tiny_base.facts import Kind, Topic
from tiny_base.tables import noun_forms, with_article
from tiny_base.wording import alternatives, capitalized, words
from tiny_base.world_countries import NICKNAMES
from tiny_base.world_elements import AMERICAN

REQUESTS = alternatives(
    """Name {count} {many}. | Name {count} {many}, please. | Tell me {count} {many}. | Give me {count} {many}.
    | List {count} {many}. | Can you name {count} {many}? | {count} {many}? | {count} {many}, please. | I need {count} {many}.
    | Which {many} do you know? | Name some {many}. | Do you know any {many}? | What are {count} {many}?
    | Give me a list of {count} {many}. | Tell me some {many}. | Say {count} {many}. | Please list {count} {many}.
    | I want to hear {count} {many}."""
)
REQUESTS_HELD_OUT = alternatives(
    "Could you tell me {count} {many}? | Give me the names of {count} {many}. | Which {count} {many} come to your mind?"
)
REQUESTS_OF_ONE = alternatives(
    """Name {one}. | Tell me {one}. | Give me {one}. | {one}, please. | Can you name {one}? | Do you know {one}?
    | Name me {one}."""
)
ANSWERS = alternatives(
    "{Count} {many} are {listed}. | {Count} {many} are {listed}. | {Listed}. | {Listed} are {many}. | For example {listed}."
)

COUNTS: Mapping[int, str] = {2: "two", 3: "three", 4: "four", 5: "five"}
USUAL_COUNT = 3
"""Named where no number is asked for."""
LEAST_MEMBERS = 4
SECOND_NAMES = {*NICKNAMES.values(), *AMERICAN.values()}
"""Of things that are listed under their first name."""

SORTED: Mapping[str, tuple[str, str]] = {
    "continent of country": ("country in {continent}", "countries in {continent}"),
    "country of city": ("city in {country}", "cities in {country}"),
    "currency of country": ("country with the {currency}", "countries with the {currency}"),
    "language of country": ("country where people speak {language}", "countries where people speak {language}"),
    "animal_class": ("{class}", "{sorts}"),
    "animal_legs": ("animal with {legs} legs", "animals with {legs} legs"),
    "animal_home": ("animal that lives {home}", "animals that live {home}"),
    "food_sort": ("{sort}", "{sorts}"),
    "sort of element": ("{sort}", "{sorts}"),
    "state of element": ("element that is a {state}", "elements that are {sorts}"),
    "season of month": ("month in {season}", "months in {season}"),
    "days in month": ("month with {days} days", "months with {days} days"),
    "colour": ("{colour} thing", "{colour} things"),
    "object_place": ("thing that is kept {place}", "things that are kept {place}"),
    "sort_of_thing": ("{sort}", "{sorts}"),
}
"""By the name of a kind, what the subjects of one answer are called, one and many."""

ALL: Mapping[str, tuple[str, str]] = {
    "capital of country": ("country", "countries"),
    "country of capital": ("capital", "capitals"),
    "country of city": ("city", "cities"),
    "symbol of element": ("chemical element", "chemical elements"),
    "animal_class": ("animal", "animals"),
    "job_work": ("job", "jobs"),
    "month after": ("month", "months"),
    "day after": ("day of the week", "days of the week"),
    "food_sort": ("food", "foods"),
    "sight_city": ("sight", "sights"),
    "shape_sides": ("shape", "shapes"),
}
"""By the name of a kind, what all its subjects are called."""

ALL_ANSWERS: Mapping[str, tuple[str, str]] = {
    "planet by place": ("planet", "planets"),
    "continent of country": ("continent", "continents"),
    "colour": ("colour", "colours"),
    "season of month": ("season", "seasons"),
    "currency of country": ("currency", "currencies"),
    "language of country": ("language", "languages"),
}
"""By the name of a kind, what all its answers are called."""

OFTEN_ASKED = {"continent of country", "animal_class", "animal_legs", "food_sort", "sort of element", "sort_of_thing"}
"""Kinds of `SORTED` that are asked for as often as all of a sort."""
OFTEN, SELDOM = 3.0, 1.0


@dataclass(frozen=True)
class Item:
    """A thing as it stands in a list, and alone before "is"."""

    listed: str
    alone: str


@dataclass(frozen=True)
class Listing:
    """What can be named of a sort, in the order in which it is named."""

    one: str
    many: str
    members: tuple[Item, ...]
    strangers: tuple[str, ...] = ()
    """Things of the same field that are not of this sort."""
    weight: float = OFTEN


def listings(kinds: Iterable[Kind]) -> list[Listing]:
    return [listing for kind in kinds for listing in _of(kind) if len(listing.members) >= LEAST_MEMBERS]


def request(listing: Listing, rng: random.Random) -> tuple[str, str]:
    """Asks for one, for a number of them, or for some, with the answer."""
    if rng.random() < 0.2:
        one = with_article(listing.one)
        asked = rng.choice(REQUESTS_OF_ONE).format(one=one)
        return capitalized(asked), capitalized(f"{rng.choice(listing.members).alone} is {one}.")
    template = rng.choice(REQUESTS)
    counts = [count for count in (2, 3, 3, 3, 4, 5) if count <= len(listing.members)]
    count = rng.choice(counts) if "{count}" in template else USUAL_COUNT
    told = COUNTS[count] if rng.random() < 0.7 else str(count)
    asked = capitalized(template.format(count=told, many=listing.many))
    return asked, _answer(listing, count, rng)


def held_out_request(listing: Listing, rng: random.Random) -> tuple[str, int]:
    """In a wording that is never trained, with the number asked for."""
    asked = rng.choice(REQUESTS_HELD_OUT).format(count=COUNTS[USUAL_COUNT], many=listing.many)
    return asked, USUAL_COUNT


def list_is_right(listing: Listing, count: int, text: str) -> bool:
    """Whether the text names so many different members and nothing else of their field."""
    rest = text.lower().replace(listing.many.lower(), " ")
    own = {member.listed.lower() for member in listing.members}
    found = set()
    for name in sorted({*own, *(name.lower() for name in listing.strangers)}, key=lambda name: (-len(name), name)):
        rest, times = re.subn(rf"(?<!\w){re.escape(name)}(?!\w)", " ", rest)
        if times:
            found.add(name)
    return len(found) == count and found <= own


def _answer(listing: Listing, count: int, rng: random.Random) -> str:
    """The members keep their order, so that none is named twice by a model that looks for the next one."""
    places = sorted(rng.sample(range(len(listing.members)), count))
    *front, last = (listing.members[place].listed for place in places)
    listed = f"{', '.join(front)} and {last}"
    return rng.choice(ANSWERS).format(
        listed=listed, Listed=capitalized(listed), many=listing.many, Count=capitalized(COUNTS[count])
    )


def _of(kind: Kind) -> Iterator[Listing]:
    topics = [Topic(kind, fact) for fact in kind.facts]
    if kind.name in SORTED:
        yield from _sorted(topics, *SORTED[kind.name])
    if kind.name in ALL:
        one, many = ALL[kind.name]
        yield Listing(one, many, _once(_item(topic) for topic in topics))
    if kind.name in ALL_ANSWERS:
        one, many = ALL_ANSWERS[kind.name]
        yield Listing(one, many, _once(_answer_item(topic) for topic in topics))


def _sorted(topics: Sequence[Topic], one: str, many: str) -> Iterator[Listing]:
    by_answer: dict[str, list[Topic]] = defaultdict(list)
    for topic in topics:
        by_answer[topic.answer].append(topic)
    for answer, own in by_answer.items():
        fields = {**own[0].fact.fields, "sorts": _plural(answer)}
        others = [topic for topic in topics if answer not in topic.kind.right_answers(topic.fact)]
        yield Listing(
            one=one.format_map(fields),
            many=many.format_map(fields),
            members=_once(_item(topic) for topic in own),
            strangers=tuple(_item(topic).listed for topic in others),
            weight=OFTEN if own[0].kind.name in OFTEN_ASKED else SELDOM,
        )


def _once(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(item for item in items if item.listed not in SECOND_NAMES))


def _item(topic: Topic) -> Item:
    fields = topic.fact.fields
    return Item(listed=fields.get("many", topic.subject), alone=fields.get("a", topic.subject))


def _answer_item(topic: Topic) -> Item:
    the = f"the {topic.answer}" if topic.kind.answer == "currency" else topic.answer
    return Item(listed=the, alone=the)


def _plural(noun: str) -> str:
    """Of "piece of furniture" the first word changes, of "precious stone" the last."""
    head, of, rest = noun.partition(" of ")
    *before, last = words(head)
    return " ".join((*before, noun_forms(last)["many"])) + of + rest
