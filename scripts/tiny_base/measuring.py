"""What the embedded base model knows, in wordings and in pairs of fact and wording that it was not trained on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localft.modeling.generate import Answer, Writer, answers, greedy_continuations, load_writer
from localft.samples.probes import Question, share
from localft.tokenization.tokenizer import ChatTokenizer
from tiny_base.systems import BRIEF, FORMS, LONG, ROLES, Style
from tiny_base.text import Topic, World, is_held_out
from tiny_base.wording import system, user

MAX_NEW_TOKENS = 64
SEED = 1
SERVICES = ("hotel", "flight", "rental_car", "restaurant")
"""Kinds whose name ends so have one answer for every place, which says nothing about knowledge; they are not counted."""

Conversation = list[dict[str, str]]


@dataclass(frozen=True)
class Talker:
    """A model to ask."""

    model: Writer
    tokenizer: ChatTokenizer

    def answers(self, conversations: Sequence[Conversation]) -> list[Answer]:
        return answers(self.model, self.tokenizer, conversations, max_new_tokens=MAX_NEW_TOKENS)

    def written(self, prompts: Sequence[str]) -> list[str]:
        """What is written behind rendered prompts, special tokens such as that of a call included."""
        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(prompts)]
        stop_ids = self.tokenizer.special_tokens.stop_ids
        rows = greedy_continuations(self.model, ids, stop_ids=stop_ids, max_new_tokens=MAX_NEW_TOKENS)
        return [self.tokenizer.decode(row.ids) for row in rows]


@dataclass(frozen=True)
class Probe:
    topic: Topic
    question: Question


def held_out_wordings(world: World) -> list[Probe]:
    """Every fact, asked in each wording of its kind that was never trained."""
    return _telling(_probe(topic, wording) for topic in _known(world) for wording in topic.kind.held_out)


def held_out_pairs(world: World) -> list[Probe]:
    """Every pair of a fact and a trained wording that was kept out of the training."""
    return _telling(
        _probe(topic, wording)
        for topic in _known(world)
        for wording in topic.kind.questions
        if is_held_out(topic, wording)
    )


def _telling(probes: Iterable[Probe]) -> list[Probe]:
    """Without questions that hold their own answer, which prove nothing: "What is 7 plus 0?"."""
    return [probe for probe in probes if not probe.question.is_answered_by(probe.question.text)]


def sampled(probes: Sequence[Probe], count: int) -> list[Probe]:
    """The same ones each time."""
    return random.Random(SEED).sample(probes, min(count, len(probes)))


def _known(world: World) -> list[Topic]:
    """All topics but the services, and but the symbol I, which stands in too many answers."""
    return [
        topic
        for topic in world.topics()
        if not topic.kind.name.endswith(SERVICES) and "I" not in topic.kind.right_answers(topic.fact)
    ]


def _probe(topic: Topic, wording: str) -> Probe:
    return Probe(topic, Question(topic.fill(wording), topic.kind.right_answers(topic.fact)))


@dataclass(frozen=True)
class Score:
    asked: int
    right: float
    """Share of the answers that hold the fact."""
    ended: float
    """Share of the answers that the model ended within the limit."""
    right_by_kind: dict[str, float] = field(default_factory=dict)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    """Question, answer given, answer expected."""


def score(talker: Talker, probes: Sequence[Probe]) -> Score:
    given = talker.answers([[user(probe.question.text)] for probe in probes])
    right = [probe.question.is_answered_by(answer.text) for probe, answer in zip(probes, given, strict=True)]
    asked_of = Counter(probe.topic.kind.name for probe in probes)
    right_of = Counter(probe.topic.kind.name for probe, is_right in zip(probes, right, strict=True) if is_right)
    return Score(
        asked=len(probes),
        right=share(right),
        ended=share(answer.ended for answer in given),
        right_by_kind={kind: right_of[kind] / asked for kind, asked in asked_of.items()},
        wrong=[
            (probe.question.text, answer.text, probe.question.answers[0])
            for probe, answer, is_right in zip(probes, given, right, strict=True)
            if not is_right
        ],
    )


@dataclass(frozen=True)
class Heed:
    """How a group of system messages, in wordings that were never trained, is heeded."""

    name: str
    asked: int
    heeded: float
    right: float


def heed(talker: Talker, world: World, count: int = 100) -> list[Heed]:
    """Asks `count` facts behind held-out system messages of each group: short, long, another language, a role."""
    languages = [style for style in FORMS if style.form[0].isupper()]
    groups: tuple[tuple[str, Sequence[Style], Callable[[Style, Topic, str], bool]], ...] = (
        ("short", [BRIEF], _is_short),
        ("long", [LONG], _is_long),
        ("another language", languages, _is_foreign),
        ("a role", ROLES, _is_in_role),
    )
    return [_heed(talker, world, name, styles, is_heeded, count) for name, styles, is_heeded in groups]


def _heed(
    talker: Talker,
    world: World,
    name: str,
    styles: Sequence[Style],
    is_heeded: Callable[[Style, Topic, str], bool],
    count: int,
) -> Heed:
    rng = random.Random(SEED)
    asked = []
    for _ in range(count):
        style = rng.choice(styles)
        topic = world.topic_for(style, rng)
        asked.append((style, topic, style.system(rng, held_out=True), topic.fill(rng.choice(topic.kind.questions))))
    given = talker.answers([[system(told), user(question)] for _, _, told, question in asked])
    heeded, right = [], []
    for (style, topic, _, question), answer in zip(asked, given, strict=True):
        heeded.append(is_heeded(style, topic, answer.text))
        right.append(Question(question, topic.kind.right_answers(topic.fact)).is_answered_by(answer.text))
    return Heed(name, count, share(heeded), share(right))


def _is_short(style: Style, topic: Topic, text: str) -> bool:
    return len(text) <= max(len(topic.fill(wording)) for wording in topic.kind.short) + 10


def _is_long(style: Style, topic: Topic, text: str) -> bool:
    """Two sentences at least; a kind whose plain answer has two is not told apart."""
    return text.count(". ") >= 1


def _is_foreign(style: Style, topic: Topic, text: str) -> bool:
    """Whether the answer is, but for the fact, one of the forms of the language that was asked for."""
    answer = topic.fact.fields[topic.kind.answer]
    frames = (topic.fill(wording).split(answer, 1)[0] for wording in topic.kind.foreign[style.form])
    return any(text.startswith(frame) for frame in frames if frame)


def _is_in_role(style: Style, topic: Topic, text: str) -> bool:
    """Whether an opener or a remark of the role stands in the answer."""
    remarks = (remark.replace("{subject}", topic.subject) for remark in (*style.before, *style.after))
    return any(remark and remark.lower() in text.lower() for remark in remarks)


def load(directory: Path, adapter: Path | None = None) -> Talker:
    return Talker(load_writer(directory, adapter), ChatTokenizer.from_directory(directory))
