"""What the embedded base model knows, in wordings and in pairs of fact and wording that it was not trained on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from localft.modeling.generate import Answer, Writer, answers, greedy_continuations, load_writer
from localft.samples.probes import Question, share
from localft.tokenization.tokenizer import ChatTokenizer
from tiny_base.checking import held_out_questions, verdict
from tiny_base.facts import SERVICES, Topic
from tiny_base.lists import Listing, held_out_request, list_is_right
from tiny_base.smalltalk import held_out_names_told, held_out_small_talk
from tiny_base.systems import BRIEF, FORMS, LONG, REFUSALS, ROLES, Style
from tiny_base.text import World
from tiny_base.unknowns import about_invented, outside
from tiny_base.wording import system, user

MAX_NEW_TOKENS = 64
SEED = 1

Conversation = list[dict[str, str]]
Probed = TypeVar("Probed")


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
    return _telling(_probe(topic, wording) for topic in _known(world) for wording in world.held_out.wordings(topic))


def held_out_pairs(world: World) -> list[Probe]:
    """Every pair of a fact and a trained wording that was kept out of the training."""
    return _telling(_probe(topic, wording) for topic in _known(world) for wording in world.held_out.pairs(topic))


def _telling(probes: Iterable[Probe]) -> list[Probe]:
    """Without questions that hold their own answer, which prove nothing: "What is 7 plus 0?"."""
    return [probe for probe in probes if not probe.question.is_answered_by(probe.question.text)]


def sampled(probes: Sequence[Probed], count: int) -> list[Probed]:
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
class Check:
    """A question to be answered by yes or no."""

    question: str
    is_right: bool


def checks(world: World) -> list[Check]:
    """A true and a wrong claim about each fact that can be checked, each in a wording never trained with it."""
    rng = random.Random(SEED)
    claims = [
        world.claims.about(Topic(kind, fact), rng, is_right=is_right)
        for kind in world.claims.kinds
        for fact in kind.facts
        for is_right in (True, False)
    ]
    return [Check(rng.choice(held_out_questions(claim)), claim.is_right) for claim in claims]


@dataclass(frozen=True)
class CheckScore:
    """Shares of right answers. A model that always says yes has all of the true ones and none of the wrong ones."""

    asked: int
    right: float
    right_of_true: float
    right_of_wrong: float


def score_checks(talker: Talker, asked: Sequence[Check]) -> CheckScore:
    given = [verdict(answer.text) for answer in talker.answers([[user(check.question)] for check in asked])]
    right = [(check.is_right, said is check.is_right) for check, said in zip(asked, given, strict=True)]
    return CheckScore(
        asked=len(asked),
        right=share(is_right for _, is_right in right),
        right_of_true=share(is_right for is_true, is_right in right if is_true),
        right_of_wrong=share(is_right for is_true, is_right in right if not is_true),
    )


@dataclass(frozen=True)
class ListProbe:
    listing: Listing
    question: str
    count: int


def list_probes(world: World) -> list[ListProbe]:
    """Each sort of things, asked for in a wording never trained."""
    rng = random.Random(SEED)
    return [ListProbe(listing, *held_out_request(listing, rng)) for listing in world.listings]


def score_lists(talker: Talker, probes: Sequence[ListProbe]) -> float:
    """The share of lists with as many things of the sort as were asked for, and nothing else."""
    given = talker.answers([[user(probe.question)] for probe in probes])
    return share(
        list_is_right(probe.listing, probe.count, answer.text) for probe, answer in zip(probes, given, strict=True)
    )


@dataclass(frozen=True)
class TalkProbe:
    """Something said, and what shows that it was understood: one of these stands in the answer."""

    messages: Conversation
    fitting: tuple[str, ...]


NOT_KNOWN = ("not know", "is not a", "know no", "know nobody")
REFUSED = tuple(refusal.split("{topic}")[0] for refusal in REFUSALS)


def talk_probes() -> dict[str, list[TalkProbe]]:
    """By what is measured; what of it was never trained differs: the wording, the name, the thing, the made-up word."""
    rng = random.Random(SEED)
    return {
        "small talk in wordings never trained": [
            TalkProbe([user(asked)], answers) for asked, answers in held_out_small_talk()
        ],
        "a name that the user told, which no text holds": [
            TalkProbe(messages, (name,)) for messages, name in held_out_names_told()
        ],
        "not to know things that no such question named": [
            TalkProbe(outside(rng, held_out=True)[:1], NOT_KNOWN) for _ in range(200)
        ],
        "not to know names that mean nothing": [
            TalkProbe(about_invented(rng, held_out=True)[:1], NOT_KNOWN) for _ in range(200)
        ],
    }


def score_talk(talker: Talker, probes: Sequence[TalkProbe]) -> float:
    """The share of fitting answers."""
    given = talker.answers([probe.messages for probe in probes])
    return share(
        any(fitting.lower() in answer.text.lower() for fitting in probe.fitting)
        for probe, answer in zip(probes, given, strict=True)
    )


@dataclass(frozen=True)
class FieldScore:
    """Questions behind a system message, in wordings never trained, that allows one field of knowledge alone."""

    asked: int
    """In the field, and as many outside of it."""
    right_inside: float
    """Share of those in the field that got the right fact."""
    refused_outside: float


def score_field(talker: Talker, world: World, count: int = 200) -> FieldScore:
    rng = random.Random(SEED)
    inside, outside = (
        [world.held_out_one_field(rng, allowed=allowed) for _ in range(count)] for allowed in (True, False)
    )
    answered, refused = (talker.answers([messages for messages, _ in asked]) for asked in (inside, outside))
    right = (
        Question(messages[-1]["content"], topic.kind.right_answers(topic.fact)).is_answered_by(answer.text)
        for (messages, topic), answer in zip(inside, answered, strict=True)
    )
    refusals = (any(refusal in answer.text for refusal in REFUSED) for answer in refused)
    return FieldScore(count, right_inside=share(right), refused_outside=share(refusals))


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
    """More sentences than any plain answer of its kind."""
    return _sentences(text) > max(_sentences(topic.fill(wording)) for wording in topic.kind.plain)


def _sentences(text: str) -> int:
    return text.count(". ") + 1


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
