"""What is trained on: chats of several shapes, made by a seed, and models of random weights in the shapes of real ones.

A word is one token of the embedded tokenizer, so lengths are in tokens. Words are drawn as unevenly as in a language: a
few of them often, most of them seldom, which gives the loss something to fall by.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from localft.tiny.model import SHIPPED_DIRECTORY

Chat = list[dict[str, str]]
LEAST_ROWS = 10
"""What a training file must hold."""

TINY: dict[str, Any] = {
    "vocab_size": 32_000,
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "tie_word_embeddings": True,
    "initializer_range": 0.05,
    "max_position_embeddings": 8192,
}
LARGE_VOCABULARY = {**TINY, "vocab_size": 128_256, "hidden_size": 64, "intermediate_size": 176}
LLAMA_8B: dict[str, Any] = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
    "max_position_embeddings": 8192,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
}
QUICK = {**TINY, "vocab_size": 1536, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}


class Words:
    """Draws text of so many tokens."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        vocabulary = json.loads((SHIPPED_DIRECTORY / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
        whole = sorted(
            token[1:] for token in vocabulary if token[0] == "Ġ" and token[1:].isascii() and token[1:].isalpha()
        )
        self._words = [f" {word}" for word in whole]
        self._odds = [*accumulate(1 / rank for rank in range(1, len(whole) + 1))]

    def __call__(self, tokens: int) -> str:
        return "".join(self.dice.choices(self._words, cum_weights=self._odds, k=tokens))


@dataclass(frozen=True)
class RowSet:
    name: str
    what: str
    batch_size: int
    rows: int
    """By default. TRL sorts by length within a quarter of the set at most, so few rows would hold it back."""
    shape: dict[str, Any]
    """Configuration of the tiny model; on a GPU it is Llama-3.1-8B's."""
    chats: Callable[[Words], Iterator[Chat]]
    """Endless."""

    def jsonl(self, rows: int) -> str:
        """So many rows; more of them begin with the same ones."""
        chats = self.chats(Words(random.Random(f"benchmark rows, {self.name}")))
        return "".join(json.dumps({"messages": next(chats)}) + "\n" for _ in range(rows))


def _turns(words: Words, *pairs: tuple[int, int]) -> Chat:
    """Questions and answers of these lengths."""
    chat = []
    for question, answer in pairs:
        chat += [{"role": "user", "content": words(question)}, {"role": "assistant", "content": words(answer)}]
    return chat


def _system(words: Words, tokens: int) -> dict[str, str]:
    return {"role": "system", "content": words(tokens)}


def _skewed(words: Words) -> Iterator[Chat]:
    while True:
        yield _turns(
            words, (8 + int(words.dice.lognormvariate(3.2, 1.2)), 1 + int(words.dice.lognormvariate(3.5, 1.2)))
        )


def _shared(words: Words) -> Iterator[Chat]:
    system = _system(words, 340)  # with the marks around it 350
    while True:
        yield [system, *_turns(words, (words.dice.randint(30, 80), words.dice.randint(60, 250)))]


def _multi_turn(words: Words) -> Iterator[Chat]:
    systems = [_system(words, tokens) for tokens in (80, 120, 160)]
    while True:
        pairs = [(words.dice.randint(10, 50), words.dice.randint(10, 90)) for _ in range(words.dice.randint(2, 6))]
        yield [words.dice.choice(systems), *_turns(words, *pairs)]


def _long(words: Words) -> Iterator[Chat]:
    while True:
        yield _turns(words, (words.dice.randint(1500, 3000), words.dice.randint(400, 1000)))


def _longest(words: Words) -> Iterator[Chat]:
    while True:
        yield _turns(words, (2720, 1360))  # 4096 with the marks around them


ROW_SETS = {
    row_set.name: row_set
    for row_set in (
        RowSet(
            "skewed", "one question, one answer, most short and some long, as in public chats", 8, 128, TINY, _skewed
        ),
        RowSet("shared", "a system message of 350 tokens before each of the rows of about 570", 16, 128, TINY, _shared),
        RowSet("multi-turn", "two to six answers, all trained; three system messages", 8, 128, TINY, _multi_turn),
        RowSet("long", "rows of 2k to 4k tokens", 4, 16, TINY, _long),
        RowSet(
            "vocabulary",
            "one row of 4k tokens a step, 128k tokens in the vocabulary",
            1,
            LEAST_ROWS,
            LARGE_VOCABULARY,
            _longest,
        ),
    )
}
