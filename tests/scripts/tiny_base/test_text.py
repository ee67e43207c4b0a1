"""The text that the embedded base model is trained on: repeatable, held to its promises, and masked as localft proves it."""

from __future__ import annotations

import json
import random
import re
from itertools import islice, pairwise

import pytest
from tokenizers import Tokenizer

from localft.data.building import build_example
from localft.data.examples import ChatExample
from localft.samples.probes import read_refusal_probe, read_style_probe
from localft.tiny_base.model import DIRECTORIES
from localft.tokenization.render import render_example
from localft.tokenization.tokenizer import ChatTokenizer
from tiny_base.checking import verdict
from tiny_base.facts import is_held_out
from tiny_base.held_out import bare_words
from tiny_base.measuring import held_out_pairs, held_out_wordings
from tiny_base.text import SARCASM, Chat, Document, Prose, World, questions, texts
from tiny_base.tokenizer import END, END_OF_TURN, token_row
from tiny_base.world import kinds

WORLD = World(kinds())
COUNT = 4_000


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return list(islice(WORLD.documents(random.Random(3)), COUNT))


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return ChatTokenizer.from_directory(DIRECTORIES["localft/tiny-base"])


def test_a_seed_gives_the_same_documents_and_another_seed_others(documents: list[Document]) -> None:
    assert list(islice(WORLD.documents(random.Random(3)), 200)) == documents[:200]
    assert list(islice(WORLD.documents(random.Random(4)), 200)) != documents[:200]


def test_nothing_that_is_held_out_is_asked(documents: list[Document]) -> None:
    asked = [question for document in documents for question in questions(document)]
    assert not [question for question in asked if WORLD.held_out.is_asked_in(question)]
    facts = {bare_words(topic.fill(wording)) for topic in WORLD.topics() for wording in topic.kind.questions}
    assert len(facts & {bare_words(question) for question in asked}) > COUNT / 4


def test_the_measured_questions_are_among_what_is_never_asked() -> None:
    measured = [*held_out_wordings(WORLD), *held_out_pairs(WORLD)]
    assert len(measured) > 8_000
    assert not [probe for probe in measured if not WORLD.held_out.is_asked_in(probe.question.text)]


def test_about_one_pair_in_ten_is_held_out() -> None:
    flags = [is_held_out(topic, wording) for topic in WORLD.topics() for wording in topic.kind.questions]
    assert 0.09 < sum(flags) / len(flags) < 0.11


def test_nobody_is_sarcastic_and_nobody_refuses_to_help_with_a_journey(documents: list[Document]) -> None:
    """What the samples teach is new to the model."""
    markers = (*read_style_probe().markers, *read_refusal_probe().refusal_markers)
    told = [text for document in documents for text in texts(document)]
    assert not [text for text in told if SARCASM.search(text)]
    assert not [text for text in told if any(marker.lower() in text.lower() for marker in markers)]


def test_chats_end_with_an_answer_and_speak_in_turn(documents: list[Document]) -> None:
    for document in documents:
        if isinstance(document, Prose):
            assert document.text
            continue
        roles = [message["role"] for message in document.messages]
        assert roles[-1] == "assistant" and "system" not in roles[1:]
        assert all(a != b or a == "tool" for a, b in pairwise(roles)), roles


def test_every_shape_of_document_occurs(documents: list[Document]) -> None:
    chats = [document for document in documents if isinstance(document, Chat)]
    assert COUNT * 0.05 < COUNT - len(chats) < COUNT * 0.12
    assert any(chat.tools for chat in chats)
    assert max(len(chat.messages) for chat in chats) > 40
    assert any(chat.messages[0]["role"] == "system" for chat in chats)


def test_a_check_is_answered_yes_just_where_the_claim_is_true() -> None:
    capitals = next(kind for kind in WORLD.kinds if kind.name == "capital of country")
    claims = {
        (name, fact.fields["country"]): name in capitals.right_answers(fact)
        for fact in capitals.facts
        for other in capitals.facts
        for name in capitals.right_answers(other)
    }
    claim = re.compile(r"^Is (.+) the capital of (.+)\?$")
    seen = set()
    for document in islice(WORLD.documents(random.Random(5)), 20_000):
        for question, answer in zip(*[iter(_turns(document))] * 2, strict=False):
            if (match := claim.match(question["content"])) and match.groups() in claims:
                is_right = claims[match[1], match[2]]
                assert verdict(answer["content"]) == is_right, (question, answer)
                seen.add(is_right)
    assert seen == {True, False}


def _turns(document: Document) -> list[dict[str, str]]:
    if isinstance(document, Prose) or document.tools:
        return []
    return [message for message in document.messages if message["role"] != "system"]


def _example(chat: Chat) -> ChatExample:
    return build_example({"messages": chat.messages, **({"tools": chat.tools} if chat.tools else {})}, "text", 1)


def test_the_tokens_and_the_mask_are_those_that_localft_proves(
    documents: list[Document], tokenizer: ChatTokenizer
) -> None:
    chats = [document for document in documents if isinstance(document, Chat)]
    with_tools = [chat for chat in chats if chat.tools]
    for chat in (*chats[:300], *with_tools[:60]):
        row = token_row(chat, tokenizer.backend)
        proven = render_example(_example(chat), tokenizer)
        assert row.input_ids == list(proven.input_ids)
        assert row.trained == [weight == 1 for weight in proven.loss_weights]


def test_plain_text_is_trained_up_to_its_end(tokenizer: ChatTokenizer) -> None:
    row = token_row(Prose("Paris is the capital of France."), tokenizer.backend)
    assert tokenizer.decode(row.input_ids).endswith(f"France.{END}")
    assert row.trained == [False, *[True] * (len(row.input_ids) - 1)]


def test_the_generation_prompt_is_the_beginning_of_what_was_trained(
    documents: list[Document], tokenizer: ChatTokenizer
) -> None:
    chats = [document for document in documents if isinstance(document, Chat) and not document.tools]
    for chat in chats[:300]:
        row = token_row(chat, tokenizer.backend)
        prompt = tokenizer.encode(tokenizer.render(chat.messages[:-1], add_generation_prompt=True)).ids
        assert row.input_ids[: len(prompt)] == prompt
        assert row.trained[len(prompt) :] == [True] * (len(row.input_ids) - len(prompt))
        assert tokenizer.decode(row.input_ids[len(prompt) :]) == chat.messages[-1]["content"] + END_OF_TURN


def test_the_shipped_tokenizer_is_the_one_that_the_text_gives(
    tokenizer: ChatTokenizer, made_tokenizer: Tokenizer
) -> None:
    assert json.loads(made_tokenizer.to_str())["model"] == json.loads(tokenizer.backend.to_str())["model"]
