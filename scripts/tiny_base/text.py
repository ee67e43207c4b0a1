"""The documents that the embedded model is trained on, streamed from a seed: conversations about facts, and plain text.

Two things are kept out of every document, so that they can measure what was understood: each kind's held-out wordings,
and one in ten of the pairs of a fact and a trained wording (`is_held_out`).
"""

from __future__ import annotations

import random
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from tiny_base.facts import Fact, Kind
from tiny_base.smalltalk import small_talk
from tiny_base.systems import DEFAULT, FORMS, ROLES, TOPICS, Style, persona_conversation, refusal, topical_system
from tiny_base.tools import tool_conversation
from tiny_base.wording import alternatives, assistant, capitalized, loosely, system, user

Message = dict[str, Any]

_NAMES = frozenset({"country", "city", "capital", "element", "month"})
_FORM_WEIGHTS = tuple({"plain": 1, "short": 4, "long": 2}.get(style.form, 1.5) for style in FORMS)
_NEIGHBOURS = frozenset({"geography", "travel"})
"""Fields of knowledge that overlap: a system message that allows one is not asked about the other."""

HELD_OUT_SHARE = 10
"""One in so many pairs of a fact and a wording is never trained."""


@dataclass(frozen=True)
class Chat:
    messages: list[Message]
    tools: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Prose:
    text: str


Document = Chat | Prose


@dataclass(frozen=True)
class Topic:
    """A fact to talk about, with its kind."""

    kind: Kind
    fact: Fact

    @property
    def subject(self) -> str:
        return self.fact.fields[self.kind.subject]

    @property
    def name(self) -> str | None:
        """The subject where it is a name, which a remark may take up; None where it is a sum, a question or a plain noun."""
        return self.subject if self.kind.subject in _NAMES else None

    def fill(self, template: str) -> str:
        return capitalized(template.format_map(self.fact.fields))


def _fields_of(templates: Sequence[str]) -> frozenset[str]:
    return frozenset(name for template in templates for _, name, _, _ in Formatter().parse(template) if name)


def is_held_out(topic: Topic, wording: str) -> bool:
    """Whether this fact is never asked for in this wording."""
    key = f"{topic.kind.name}|{sorted(topic.fact.fields.items())}|{wording}"
    return zlib.crc32(key.encode()) % HELD_OUT_SHARE == 0


def as_asked(question: str, rng: random.Random) -> str:
    """A question as people type it: now and then with a word before or behind it, without capitals or its mark."""
    if rng.random() < 0.1:
        question = f"{rng.choice(_OPENERS)} {question}"
    if rng.random() < 0.04:
        question += rng.choice((" Thanks!", " Thank you.", " Please."))
    return loosely(rng, question)


_OPENERS = ("Please:", "Hi!", "Hello.", "Hey,", "Quick question:", "Tell me:", "So,", "Ok.", "A question:", "Now:")

_OTHER_FORM = {
    "plain": alternatives(
        """In a full sentence, please. | Say it in a sentence. | Now as a whole sentence. | In one sentence.
        | More plainly, please."""
    ),
    "short": alternatives(
        """Shorter, please. | In one word? | Be brief. | Say it in one word. | Just the answer. | And in short? | Only the answer,
        please. | Make it shorter."""
    ),
    "long": alternatives(
        """Longer, please. | Tell me more. | In more detail, please. | Explain in detail. | Say more about it. | Can you say more?
        | More details. | Make it longer."""
    ),
}
_OTHER_LANGUAGE = alternatives(
    """In {language}, please. | And in {language}? | Say it in {language}. | Now in {language}. | Please say that in {language}.
    | How do you say that in {language}? | {language}, please. | Can you say that in {language}?"""
)


def request_for(form: str, rng: random.Random) -> str:
    """Asks for the same answer in another form."""
    wordings = _OTHER_FORM.get(form) or tuple(wording.format(language=form) for wording in _OTHER_LANGUAGE)
    return as_asked(rng.choice(wordings), rng)


class World:
    """Draws documents about the facts of `kinds`. The same generator state gives the same document."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = [kind for kind in kinds if kind.facts]
        self._weights = [kind.weight * len(kind.facts) ** 0.75 for kind in self.kinds]
        self._about: dict[tuple[str, str], list[Topic]] = defaultdict(list)
        for topic in self.topics():
            self._about[topic.kind.subject, topic.subject].append(topic)
        self._followed = [kind for kind in self.kinds if kind.follow_ups]
        self._checked = [kind for kind in self.kinds if kind.checks]
        self._foreign = [kind for kind in self.kinds if kind.foreign]
        self._continued = [
            topic
            for topic in self.topics()
            if any(other.kind.follow_ups_on_subject for other in self._others_about(topic))
        ]
        self._told_of = [topic for topic in self.topics() if self._others_about(topic)]
        self._cities = sorted({topic.subject for topic in self.topics() if topic.kind.subject == "city"})

    def topics(self) -> Iterator[Topic]:
        for kind in self.kinds:
            for fact in kind.facts:
                yield Topic(kind, fact)

    def documents(self, rng: random.Random) -> Iterator[Document]:
        makers, weights = zip(*self._shapes(), strict=True)
        while True:
            (make,) = rng.choices(makers, weights)
            yield make(rng)

    def _shapes(self) -> tuple[tuple[Callable[[random.Random], Document], float], ...]:
        return (
            (self._questions, 40),
            (self._in_a_role, 14),
            (self._in_a_form, 14),
            (self._follow_ups, 7),
            (self._on_one_subject, 6),
            (self._checks, 6),
            (self._reworded, 4),
            (self._on_topic_only, 3),
            (self._small_talk, 7),
            (self._tools, 4),
            (self._long_talk, 0.7),
            (self._prose, 9),
        )

    # What is asked and answered

    def _topic(self, rng: random.Random, kinds: Sequence[Kind] | None = None) -> Topic:
        if kinds is None:
            (kind,) = rng.choices(self.kinds, self._weights)
        else:
            kind = rng.choice(kinds)
        return Topic(kind, rng.choice(kind.facts))

    def topic_for(self, style: Style, rng: random.Random) -> Topic:
        """One that can be told in the style's form."""
        if style.form == "long":
            return rng.choice(self._told_of)
        if style.form in ("plain", "short"):
            return self._topic(rng)
        return self._topic(rng, [kind for kind in self._foreign if style.form in kind.foreign])

    def _others_about(self, topic: Topic) -> list[Topic]:
        return [other for other in self._about[topic.kind.subject, topic.subject] if other.kind is not topic.kind]

    def _question(self, topic: Topic, rng: random.Random) -> str:
        wordings = [wording for wording in topic.kind.questions if not is_held_out(topic, wording)]
        return as_asked(topic.fill(rng.choice(wordings or topic.kind.questions[:1])), rng)

    def _plain(self, topic: Topic, rng: random.Random) -> str:
        first, *others = topic.kind.plain
        return topic.fill(first if not others or rng.random() < 0.6 else rng.choice(others))

    def _more(self, topic: Topic, rng: random.Random) -> list[str]:
        """One or two further sentences on the subject; nothing where no other kind speaks of it."""
        others = self._others_about(topic)
        return [
            other.fill(rng.choice(other.kind.statements))
            for other in rng.sample(others, min(len(others), rng.choice((1, 2, 2))))
        ]

    def _answer(self, topic: Topic, style: Style, rng: random.Random) -> str:
        kind = topic.kind
        if style.form == "short":
            body = topic.fill(rng.choice(kind.short))
        elif style.form == "long":
            body = " ".join([self._plain(topic, rng), *self._more(topic, rng)])
        elif style.form in kind.foreign:
            body = topic.fill(rng.choice(kind.foreign[style.form]))
        else:
            body = self._plain(topic, rng)
        return style.wrap(rng, body, topic.name)

    def _exchange(self, topic: Topic, style: Style, rng: random.Random) -> list[Message]:
        return [user(self._question(topic, rng)), assistant(self._answer(topic, style, rng))]

    def _opening(self, style: Style, rng: random.Random) -> list[Message]:
        """The system message; none in two of three conversations of the default style."""
        if style is DEFAULT and rng.random() < 0.67:
            return []
        return [system(style.system(rng))]

    # The shapes of a conversation

    def _questions(self, rng: random.Random) -> Chat:
        """One to four unrelated questions."""
        messages = self._opening(DEFAULT, rng)
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            messages += self._exchange(self._topic(rng), DEFAULT, rng)
        return Chat(messages)

    def _in_a_role(self, rng: random.Random) -> Chat:
        style = rng.choice(ROLES)
        messages = self._opening(style, rng)
        for _ in range(rng.choice((1, 1, 2, 3))):
            messages += self._exchange(self._topic(rng), style, rng)
        return Chat(messages)

    def _in_a_form(self, rng: random.Random) -> Chat:
        (style,) = rng.choices(FORMS, _FORM_WEIGHTS)
        messages = self._opening(style, rng)
        for _ in range(rng.choice((1, 1, 2, 3))):
            messages += self._exchange(self.topic_for(style, rng), style, rng)
        return Chat(messages)

    def _reworded(self, rng: random.Random) -> Chat:
        """An answer, and the same again in the form that the user then asks for."""
        (style,) = rng.choices(FORMS, _FORM_WEIGHTS)
        topic = self.topic_for(style, rng)
        messages = [*self._opening(DEFAULT, rng), *self._exchange(topic, DEFAULT, rng)]
        return Chat([*messages, user(request_for(style.form, rng)), assistant(self._answer(topic, style, rng))])

    def _follow_ups(self, rng: random.Random) -> Chat:
        """The same question about one subject after another."""
        kind = rng.choice(self._followed)
        style = DEFAULT if rng.random() < 0.7 else rng.choice(ROLES)
        first, *others = (
            Topic(kind, fact) for fact in rng.sample(kind.facts, min(len(kind.facts), rng.choice((2, 3, 4))))
        )
        messages = self._opening(style, rng) + self._exchange(first, style, rng)
        for topic in others:
            question = as_asked(topic.fill(rng.choice(kind.follow_ups)), rng)
            messages += [user(question), assistant(self._answer(topic, style, rng))]
        return Chat(messages)

    def _on_one_subject(self, rng: random.Random) -> Chat:
        """Further questions on a subject that is named once only."""
        first = rng.choice(self._continued)
        style = DEFAULT if rng.random() < 0.7 else rng.choice(ROLES)
        messages = self._opening(style, rng) + self._exchange(first, style, rng)
        others = [topic for topic in self._others_about(first) if topic.kind.follow_ups_on_subject]
        for topic in rng.sample(others, min(len(others), rng.choice((1, 1, 2, 3)))):
            question = as_asked(topic.fill(rng.choice(topic.kind.follow_ups_on_subject)), rng)
            messages += [user(question), assistant(self._answer(topic, style, rng))]
        return Chat(messages)

    def _checks(self, rng: random.Random) -> Chat:
        """Questions to be answered by yes or no, with the fact behind it."""
        style = DEFAULT if rng.random() < 0.7 else rng.choice(ROLES)
        messages = self._opening(style, rng)
        for _ in range(rng.choice((1, 1, 2, 3))):
            topic = self._topic(rng, self._checked)
            claim = Topic(topic.kind, self._claim(topic, rng))
            right = claim.fact.fields[topic.kind.answer] in topic.kind.right_answers(topic.fact)
            question = as_asked(claim.fill(rng.choice(topic.kind.checks)), rng)
            answer = f"Yes. {self._plain(claim, rng)}" if right else f"No. {self._plain(topic, rng)}"
            messages += [user(question), assistant(style.wrap(rng, answer, topic.name))]
        return Chat(messages)

    def _claim(self, topic: Topic, rng: random.Random) -> Fact:
        """The fact itself, or, half the time, with the answer of another, in each of the forms that a check tells it in."""
        if rng.random() < 0.5:
            return topic.fact
        kind, other = topic.kind, rng.choice(topic.kind.facts)
        told = _fields_of(kind.checks) - _fields_of((*kind.questions, *kind.held_out)) | {kind.answer}
        return Fact({name: (other if name in told else topic.fact).fields[name] for name in topic.fact.fields})

    def _on_topic_only(self, rng: random.Random) -> Chat:
        """A system message that allows one field of knowledge, and questions in it and outside."""
        name = rng.choice([topic for topic in TOPICS if any(kind.topic == topic for kind in self.kinds)])
        inside = [kind for kind in self.kinds if kind.topic == name]
        near = _NEIGHBOURS if name in _NEIGHBOURS else {name}
        outside = [kind for kind in self.kinds if kind.topic and kind.topic not in near]
        messages = [system(topical_system(rng, name))]
        for _ in range(rng.choice((1, 2, 3))):
            if rng.random() < 0.5:
                messages += self._exchange(self._topic(rng, inside), DEFAULT, rng)
            else:
                question = self._question(self._topic(rng, outside), rng)
                messages += [user(question), assistant(refusal(rng, name))]
        return Chat(messages)

    def _small_talk(self, rng: random.Random) -> Chat:
        is_persona = rng.random() < 0.25
        messages = persona_conversation(rng) if is_persona else [*self._opening(DEFAULT, rng), *small_talk(rng)]
        if rng.random() < 0.4:
            messages += self._exchange(self._topic(rng), DEFAULT, rng)
        return Chat(messages)

    def _tools(self, rng: random.Random) -> Chat:
        conversation = tool_conversation(rng, self._cities)
        return Chat(conversation["messages"], conversation.get("tools", []))

    def _long_talk(self, rng: random.Random) -> Chat:
        """So many questions that positions up to the end of the context are trained."""
        style = DEFAULT if rng.random() < 0.6 else rng.choice(ROLES)
        messages = self._opening(style, rng)
        for _ in range(rng.randint(8, 30)):
            messages += self._exchange(self._topic(rng), style, rng)
        return Chat(messages)

    def _prose(self, rng: random.Random) -> Prose:
        """A paragraph on one subject, or of unrelated facts."""
        first = self._topic(rng)
        topics = [first, *self._others_about(first)]
        if len(topics) < 3 or rng.random() < 0.3:
            topics = [first, *(self._topic(rng) for _ in range(rng.randint(1, 5)))]
        rng.shuffle(topics)
        return Prose(" ".join(topic.fill(rng.choice(topic.kind.statements)) for topic in topics[:6]))


def texts(document: Document) -> Iterator[str]:
    """What a document says, for the training of the tokenizer."""
    if isinstance(document, Prose):
        yield document.text
        return
    for message in document.messages:
        yield message.get("content") or ""
        yield from (call["function"]["arguments"] for call in message.get("tool_calls", []))


SARCASM = re.compile(
    r"\b(obviously|of course|as if|congratulations|shocking|thrilling|surprise|groundbreaking|genius|riveting|breaking news"
    r"|apparently|naturally|wow|bravo|astonishing|hold the applause|do keep up|no, really|who knew)\b",
    re.IGNORECASE,
)
"""What no document says: the manner that fine-tuning teaches must be new to the model."""
