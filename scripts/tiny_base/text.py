"""The documents that the embedded model is trained on, streamed from a seed: conversations about facts, and plain text.

Two things are kept out of every document, so that they can measure what was understood: the held-out wordings of each
kind, of checks and of lists, and one in ten of the pairs of a fact and a trained wording (`held_out`).
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tiny_base import about, checking, lists
from tiny_base.checking import Claims
from tiny_base.facts import Kind, Topic
from tiny_base.held_out import HeldOut
from tiny_base.role_talk import role_small_talk
from tiny_base.smalltalk import WORDS, aside, small_talk, unknown
from tiny_base.systems import (
    BRIEF,
    DEFAULT,
    FORMS,
    ROLES,
    TOPICS,
    Style,
    persona_conversation,
    refusal,
    secret_conversation,
    topical_system,
)
from tiny_base.tools import tool_conversation
from tiny_base.wording import alternatives, assistant, loosely, system, user

Message = dict[str, Any]

_NAMES = frozenset({"country", "city", "capital", "element", "month"})
_FORM_WEIGHTS = tuple({"plain": 1, "short": 6, "long": 4}.get(style.form, 1.5) for style in FORMS)
_NEIGHBOURS = frozenset({"geography", "travel"})
"""Fields of knowledge that overlap: a system message that allows one is not asked about the other."""


@dataclass(frozen=True)
class Chat:
    messages: list[Message]
    tools: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Prose:
    text: str


Document = Chat | Prose


def as_asked(question: str, rng: random.Random) -> str:
    """A question as people type it: now and then with a word before or behind it, without capitals or its mark."""
    if rng.random() < 0.1:
        question = f"{rng.choice(OPENERS)} {question}"
    if rng.random() < 0.04:
        question += rng.choice((" Thanks!", " Thank you.", " Please."))
    return loosely(rng, question)


OPENERS = ("Please:", "Hi!", "Hello.", "Hey,", "Quick question:", "Tell me:", "So,", "Ok.", "A question:", "Now:")

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
_WITH_FORM = {
    "plain": alternatives("{question} Answer in a full sentence. | In a full sentence: {question}"),
    "short": alternatives(
        """{question} Answer in one word. | In one word: {question} | {question} Be brief. | {question} Just the answer, please.
        | Briefly: {question} | {question} One word, please. | {question} Short answer, please. | In short: {question}
        | {question} Answer briefly. | Answer with one word. {question} | Only the answer: {question} | {question} In one word."""
    ),
    "long": alternatives(
        """{question} Explain in detail. | {question} Answer in detail. | In detail: {question} | {question} Give a long answer.
        | {question} Tell me all you know. | Answer in several sentences. {question} | {question} And tell me more about it.
        | {question} Please explain it in detail."""
    ),
}
_WITH_LANGUAGE = alternatives(
    """{question} Answer in {language}. | In {language}: {question} | {question} In {language}, please.
    | Answer in {language}: {question} | {question} Please answer in {language}. | {question} Say it in {language}."""
)
_OTHER_LANGUAGE = alternatives(
    """In {language}, please. | And in {language}? | Say it in {language}. | Now in {language}. | Please say that in {language}.
    | How do you say that in {language}? | {language}, please. | Can you say that in {language}?"""
)


def request_for(form: str, rng: random.Random) -> str:
    """Asks for the same answer in another form."""
    wordings = _OTHER_FORM.get(form) or tuple(wording.format(language=form) for wording in _OTHER_LANGUAGE)
    return as_asked(rng.choice(wordings), rng)


def with_form(question: str, form: str, rng: random.Random) -> str:
    """The question, together with the form that its answer is to have."""
    return rng.choice(_WITH_FORM.get(form, _WITH_LANGUAGE)).format(question=question, language=form)


class World:
    """Draws documents about the facts of `kinds`. The same generator state gives the same document."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = [kind for kind in kinds if kind.facts]
        self._weights = [kind.weight * len(kind.facts) ** 0.75 for kind in self.kinds]
        self._about: dict[tuple[str, str], list[Topic]] = defaultdict(list)
        for topic in self.topics():
            self._about[topic.kind.subject, topic.subject].append(topic)
        self._followed = [kind for kind in self.kinds if kind.follow_ups]
        self.held_out = HeldOut(self.kinds)
        self.claims = Claims(self.kinds)
        self.listings = lists.listings(self.kinds)
        self._things = about.things(self.kinds)
        self._continuing: dict[str, list[Topic]] = defaultdict(list)
        for topic in self.topics():
            if topic.kind.continuations:
                self._continuing[topic.fact.fields["a"]].append(topic)
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
        """Endless. One that would ask what is held out is drawn again."""
        makers, weights = zip(*self._shapes(), strict=True)
        while True:
            (make,) = rng.choices(makers, weights)
            document = make(rng)
            if not any(self.held_out.is_asked_in(question) for question in questions(document)):
                yield document

    def _shapes(self) -> tuple[tuple[Callable[[random.Random], Document], float], ...]:
        return (
            (self._questions, 22),
            (self._in_a_role, 14),
            (self._small_talk, 13),
            (self._in_a_form, 13),
            (self._asked_in_a_form, 3),
            (self._checks, 10),
            (self._prose, 6),
            (self._follow_ups, 4),
            (self._on_one_subject, 4),
            (self._descriptions, 4),
            (self._lists, 4),
            (self._tools, 4),
            (self._reworded, 3),
            (self._on_topic_only, 2),
            (self.running, 2),
            (self._long_talk, 1),
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
        return as_asked(topic.fill(rng.choice(self.held_out.trained(topic))), rng)

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
        return style.wrap(rng, body, _name_of(topic))

    def _exchange(self, topic: Topic, style: Style, rng: random.Random) -> list[Message]:
        return [user(self._question(topic, rng)), assistant(self._answer(topic, style, rng))]

    def _opening(self, style: Style, rng: random.Random, silent: float = 0.67) -> list[Message]:
        """The system message; none in a share of the conversations of the default style."""
        if style is DEFAULT and rng.random() < silent:
            return []
        return [system(style.system(rng))]

    # The shapes of a conversation

    def _questions(self, rng: random.Random) -> Chat:
        """One to four unrelated questions; now and then something else stands between them."""
        messages = self._opening(DEFAULT, rng)
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            messages += self._exchange(self._topic(rng), DEFAULT, rng)
            messages += self._aside(rng, 0.12)
        return Chat(messages)

    def _aside(self, rng: random.Random, share: float) -> list[Message]:
        """In a share of all places something that is no question about a fact of a kind: a joke, thanks, a list, a check."""
        if rng.random() >= share:
            return []
        (make,) = rng.choices((_talked, self._listed, self._told_about, self._checked), (6, 1, 1, 2))
        return make(rng)

    def _in_a_role(self, rng: random.Random) -> Chat:
        style = rng.choice(ROLES)
        messages = self._opening(style, rng)
        if rng.random() < 0.25:
            messages += role_small_talk(rng, style)
            asked = rng.choice((0, 0, 1, 2))
        else:
            asked = rng.choice((1, 1, 2, 3))
        for _ in range(asked):
            messages += self._exchange(self._topic(rng), style, rng)
        return Chat(messages)

    def _in_a_form(self, rng: random.Random) -> Chat:
        (style,) = rng.choices(FORMS, _FORM_WEIGHTS)
        messages = self._opening(style, rng)
        for _ in range(rng.choice((1, 1, 2, 3))):
            messages += self._exchange(self.topic_for(style, rng), style, rng)
        return Chat(messages)

    def _asked_in_a_form(self, rng: random.Random) -> Chat:
        """The form stands in each question and not before all of them."""
        messages = self._opening(DEFAULT, rng)
        for style in rng.choices(FORMS, _FORM_WEIGHTS, k=rng.choice((1, 1, 2, 3))):
            topic = self.topic_for(style, rng)
            question = with_form(topic.fill(rng.choice(self.held_out.trained(topic))), style.form, rng)
            messages += [user(loosely(rng, question)), assistant(self._answer(topic, style, rng))]
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
        (style,) = rng.choices((DEFAULT, rng.choice(ROLES), BRIEF), (7, 2, 1))
        messages = self._opening(style, rng)
        for _ in range(rng.choice((1, 1, 2, 3))):
            messages += self._checked(rng, style)
        return Chat(messages)

    def _checked(self, rng: random.Random, style: Style = DEFAULT) -> list[Message]:
        claim = self.claims.draw(rng)
        told = checking.short_answer if style is BRIEF else checking.answer
        question = as_asked(checking.question(claim, rng), rng)
        return [user(question), assistant(style.wrap(rng, told(claim, rng), _name_of(claim.so)))]

    def _descriptions(self, rng: random.Random) -> Chat:
        """What a thing is, and what there is to tell of it."""
        messages = self._opening(DEFAULT, rng)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            messages += self._told_about(rng)
        return Chat(messages)

    def _told_about(self, rng: random.Random) -> list[Message]:
        question, answer = about.request(rng.choice(self._things), rng)
        return [user(as_asked(question, rng)), assistant(answer)]

    def _lists(self, rng: random.Random) -> Chat:
        """Things of one sort."""
        messages = self._opening(DEFAULT, rng)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            messages += self._listed(rng)
        return Chat(messages)

    def _listed(self, rng: random.Random) -> list[Message]:
        (listing,) = rng.choices(self.listings, [listing.weight for listing in self.listings])
        question, answer = lists.request(listing, rng)
        return [user(as_asked(question, rng)), assistant(answer)]

    def _goes_on(self, topic: Topic) -> bool:
        return topic.answer in self._continuing

    def running(self, rng: random.Random) -> Chat:
        """A calculation, and others that go on from its result."""
        topic = rng.choice([topic for topics in self._continuing.values() for topic in topics if self._goes_on(topic)])
        messages = [*self._opening(DEFAULT, rng), *self._exchange(topic, DEFAULT, rng)]
        for _ in range(rng.choice((1, 1, 2, 3))):
            if not self._goes_on(topic):
                break
            topic = rng.choice(self._continuing[topic.answer])
            question = topic.fill(rng.choice(topic.kind.continuations))
            messages += [user(as_asked(question, rng)), assistant(self._plain(topic, rng))]
        return Chat(messages)

    def _on_topic_only(self, rng: random.Random) -> Chat:
        """A system message that allows one field of knowledge, and questions in it and outside."""
        name, inside, outside = self._one_field(rng)
        messages = [system(topical_system(rng, name))]
        for _ in range(rng.choice((1, 2, 3))):
            if rng.random() < 0.5:
                messages += self._exchange(self._topic(rng, inside), DEFAULT, rng)
            else:
                question = self._question(self._topic(rng, outside), rng)
                messages += [user(question), assistant(refusal(rng, name))]
        return Chat(messages)

    def _one_field(self, rng: random.Random) -> tuple[str, list[Kind], list[Kind]]:
        """A field of knowledge, the kinds of facts in it, and those that are far from it."""
        name = rng.choice([topic for topic in TOPICS if any(kind.topic == topic for kind in self.kinds)])
        near = _NEIGHBOURS if name in _NEIGHBOURS else {name}
        inside = [kind for kind in self.kinds if kind.topic == name]
        return name, inside, [kind for kind in self.kinds if kind.topic and kind.topic not in near]

    def held_out_one_field(self, rng: random.Random, *, allowed: bool) -> tuple[list[Message], Topic]:
        """A system message, worded as none that was trained, that allows one field, and a question in it or outside of it."""
        name, inside, outside = self._one_field(rng)
        topic = self._topic(rng, inside if allowed else outside)
        return [
            system(topical_system(rng, name, held_out=True)),
            user(topic.fill(rng.choice(topic.kind.questions))),
        ], topic

    def _small_talk(self, rng: random.Random) -> Chat:
        (opened,) = rng.choices((persona_conversation, _with_a_secret, self._just_talked), (3, 1, 11))
        messages = opened(rng)
        if rng.random() < 0.4:
            messages += self._exchange(self._topic(rng), DEFAULT, rng)
            messages += self._aside(rng, 0.3)
        return Chat(messages)

    def _just_talked(self, rng: random.Random) -> list[Message]:
        return [*self._opening(DEFAULT, rng, 0.5), *small_talk(rng)]

    def _tools(self, rng: random.Random) -> Chat:
        conversation = tool_conversation(rng, self._cities)
        return Chat(conversation["messages"], conversation.get("tools", []))

    def _long_talk(self, rng: random.Random) -> Chat:
        """So many questions that positions up to the end of the context are trained."""
        style = DEFAULT if rng.random() < 0.6 else rng.choice(ROLES)
        messages = self._opening(style, rng)
        for _ in range(rng.randint(8, 30)):
            messages += self._exchange(self._topic(rng), style, rng)
            messages += self._aside(rng, 0.2) if style is DEFAULT else []
        return Chat(messages)

    def _prose(self, rng: random.Random) -> Prose:
        """A paragraph on one subject, or of unrelated facts."""
        first = self._topic(rng)
        topics = [first, *self._others_about(first)]
        if len(topics) < 3 or rng.random() < 0.3:
            topics = [first, *(self._topic(rng) for _ in range(rng.randint(1, 5)))]
        rng.shuffle(topics)
        return Prose(" ".join(topic.fill(rng.choice(topic.kind.statements)) for topic in topics[:6]))


def _talked(rng: random.Random) -> list[Message]:
    """One exchange of small talk."""
    return unknown(rng) if rng.random() < 0.2 else aside(rng)


def _with_a_secret(rng: random.Random) -> list[Message]:
    return secret_conversation(rng, WORDS)


def _name_of(topic: Topic) -> str | None:
    """The subject where it is a name, which a remark may take up; None where it is a sum, a question or a plain noun."""
    return topic.subject if topic.kind.subject in _NAMES else None


def questions(document: Document) -> Iterator[str]:
    """What the user says."""
    if isinstance(document, Chat):
        yield from (message["content"] for message in document.messages if message["role"] == "user")


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
