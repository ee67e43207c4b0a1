"""What there is to tell about a thing that is only named: "Tell me about dogs.", "What is gold?", "Eiffel Tower?"."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tiny_base.facts import SERVICES, Kind, Topic
from tiny_base.wording import alternatives, capitalized

REQUESTS = alternatives(
    """Tell me about {name}. | Tell me something about {name}. | What do you know about {name}? | Say something about {name}.
    | What can you tell me about {name}? | Can you tell me about {name}? | Tell me more about {name}. | About {name}, please.
    | I want to know something about {name}. | Please tell me something about {name}. | Can you say something about {name}?
    | Talk about {name}. | Give me facts about {name}. | Describe {name}. | Tell me what you know about {name}."""
)
REQUESTS_HELD_OUT = alternatives("Do you know anything about {name}? | What have you learned about {name}?")
WHAT_IS = alternatives("What is {name}? | What's {name}? | {name}? | {name} | What do you know of {name}?")
WHO_IS = alternatives("Who is {name}? | Who was {name}? | {name}? | {name} | Who's {name}?")
"""Answered by one sentence."""


@dataclass(frozen=True)
class Named:
    """How the things of a subject field are named, and which kind says what they are."""

    forms: tuple[str, ...]
    one: str
    """The form behind "What is"."""
    says_what_it_is: str


NAMED: Mapping[str, Named] = {
    "country": Named(("{country}",), "{country}", "continent of country"),
    "capital": Named(("{capital}",), "{capital}", "country of capital"),
    "city": Named(("{city}",), "{city}", "country of city"),
    "sight": Named(("{sight}",), "{sight}", "sight_city"),
    "element": Named(("{element}",), "{element}", "sort of element"),
    "symbol": Named(("{symbol}",), "{symbol}", "element of symbol"),
    "month": Named(("{month}",), "{month}", "season of month"),
    "animal": Named(("{many}", "{a}", "{many}"), "{a}", "animal_class"),
    "object": Named(("{many}", "{a}"), "{a}", "object_use"),
    "food": Named(("{many}", "{a}"), "{a}", "food_sort"),
    "product": Named(("{product}",), "{product}", "food_origin"),
    "job": Named(("{many}", "{a}"), "{a}", "job_work"),
    "item": Named(("{many}", "{a}"), "{a}", "sort_of_thing"),
    "stuff": Named(("{stuff}",), "{stuff}", "state_of_matter"),
    "shape": Named(("{many}", "{a}"), "{a}", "shape_sides"),
    "term": Named(("{many}", "{a}"), "{a}", "definition_computing"),
    "piece": Named(("{piece}",), "{piece}", "maker"),
}
SAME_AS: Mapping[str, str] = {"capital": "city"}
"""Subject fields whose things are also those of another one."""

TOLD_OF_ANSWERS = ("maker", "planet by place", "outstanding thing")
"""Kinds whose answers are names too: Mars, Mount Everest, Jane Austen."""
ANSWERED_BY_YES_OR_NO = ("animal_flight",)
"""Kinds whose plain answers say nothing without their question."""


@dataclass(frozen=True)
class Thing:
    """One thing with all that is told of it; what it is comes first."""

    names: tuple[str, ...]
    one: str
    sentences: tuple[tuple[str, ...], ...]
    """For each fact its wordings, the first the commonest."""
    is_person: bool = False

    def tell(self, rng: random.Random, count: int) -> str:
        first, *others = self.sentences
        picked = sorted(rng.sample(range(len(others)), min(len(others), count - 1)))
        return " ".join(_one_of(rng, wordings) for wordings in (first, *(others[place] for place in picked)))


def things(kinds: Iterable[Kind]) -> list[Thing]:
    """Those of `NAMED`, and the answers of `TOLD_OF_ANSWERS`."""
    direct: dict[tuple[str, str], list[Topic]] = defaultdict(list)
    by_answer: dict[str, list[Topic]] = defaultdict(list)
    for kind in kinds:
        for fact in kind.facts:
            topic = Topic(kind, fact)
            if kind.name in TOLD_OF_ANSWERS:
                by_answer[topic.answer].append(topic)
            if kind.subject in NAMED and _tells(topic):
                direct[SAME_AS.get(kind.subject, kind.subject), topic.subject].append(topic)
    return _merged(
        [*(_thing(topics) for topics in direct.values()), *(_answer(topics) for topics in by_answer.values())]
    )


def request(thing: Thing, rng: random.Random) -> tuple[str, str]:
    """Asks for all that is known, or for what the thing is, with the answer."""
    if rng.random() < 0.6:
        asked = rng.choice(REQUESTS).format(name=rng.choice(thing.names))
        return asked, thing.tell(rng, rng.choice((2, 2, 3)))
    asked = rng.choice(WHO_IS if thing.is_person else WHAT_IS)
    name = thing.one if asked.startswith("W") else _without_article(rng, thing)
    return capitalized(asked.format(name=name)), thing.tell(rng, 1)


def _tells(topic: Topic) -> bool:
    """Nothing is told that holds for every place, or that Singapore is in Singapore."""
    is_service = topic.kind.name.endswith(SERVICES) and topic.kind.subject in ("city", "country")
    return not is_service and topic.subject != topic.answer


def _thing(topics: Sequence[Topic]) -> Thing:
    """What it is comes first, and no answer is told twice: Paris is in the country whose capital it is."""
    leads = {named.says_what_it_is for named in NAMED.values()}
    known = sorted(topics, key=lambda topic: topic.kind.name not in leads)
    ordered = list({topic.answer: topic for topic in reversed(known)}.values())[::-1]
    named = NAMED[ordered[0].kind.subject]
    fields = ordered[0].fact.fields
    names = tuple(form.format_map(fields) for form in named.forms)
    return Thing(names, named.one.format_map(fields), tuple(_filled(topic, _wordings(topic.kind)) for topic in ordered))


def _merged(listed: Iterable[Thing]) -> list[Thing]:
    """Things of one name are told of together: the mouse that runs and the mouse that moves a pointer."""
    by_name: dict[str, Thing] = {}
    for thing in listed:
        name = _bare(thing.one).lower()
        first = by_name.get(name)
        by_name[name] = replace(first, sentences=first.sentences + thing.sentences) if first else thing
    return list(by_name.values())


def _answer(topics: Sequence[Topic]) -> Thing:
    name = topics[0].answer
    is_person = topics[0].kind.answer == "maker"
    return Thing((name,), name, tuple(_beginning(topic) for topic in topics), is_person)


def _beginning(topic: Topic) -> tuple[str, ...]:
    """The sentences that begin with the answer, or, where there is none, one that says which it is."""
    kind = topic.kind
    start = f"{{{kind.answer}}}"
    told = [wording for wording in (*kind.plain, *kind.statements) if wording.startswith(start)]
    return _filled(topic, told or [f"{start} is {{{kind.subject}}}."])


def _wordings(kind: Kind) -> tuple[str, ...]:
    return kind.statements if kind.name in ANSWERED_BY_YES_OR_NO else kind.plain


def _filled(topic: Topic, wordings: Iterable[str]) -> tuple[str, ...]:
    """Without the sentences that do not name their subject: "It is France."."""
    return tuple(topic.fill(wording) for wording in wordings if not wording.startswith("It is "))


def _one_of(rng: random.Random, wordings: Sequence[str]) -> str:
    first, *others = wordings
    return first if not others or rng.random() < 0.75 else rng.choice(others)


def _without_article(rng: random.Random, thing: Thing) -> str:
    """A name on its own, in any of its forms; "Eiffel Tower" as often as with its article."""
    name = rng.choice((*thing.names, thing.one))
    return rng.choice((name, _bare(name)))


def _bare(name: str) -> str:
    return name.partition(" ")[2] if name.startswith(("the ", "a ", "an ")) else name
