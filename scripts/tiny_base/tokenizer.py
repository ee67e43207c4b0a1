"""The tokenizer and chat template of the embedded base model, and its documents as token rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from tiny_base.text import Chat, Document

VOCABULARY = 4096
BEGIN, END, END_OF_TURN, PAD = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|pad|>"
SPECIAL_TOKENS = (BEGIN, END, "<|start_header_id|>", "<|end_header_id|>", END_OF_TURN, "<|tool_call|>", PAD)
"""The ids are these positions, 0 upwards."""

WORDS = (
    r" ?\p{L}+"  # a word, with the blank before it
    r"| ?\p{N}{1,3}"  # up to three digits
    r"| ?[^\s\p{L}\p{N}]+"  # punctuation
    r"|\s*[\r\n]+"  # the end of a line in one piece, whatever follows: a prompt's tokens are those of the row it opens
    r"|\s+(?!\S)|\s+"  # blanks, the last one left for the next word
)


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY, words: str = WORDS) -> Tokenizer:
    """A byte-level BPE of `vocabulary` ids; the same texts give the same ids. `words` cuts a text before the merges."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary,
            min_frequency=1,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN}:1 $B:1", special_tokens=[(BEGIN, 0)]
            ),
        ]
    )
    if tokenizer.get_vocab_size() != vocabulary:
        raise ValueError(f"expected texts for {vocabulary} ids, found {tokenizer.get_vocab_size()} ids in them")
    return tokenizer


@dataclass(frozen=True)
class TokenRow:
    input_ids: list[int]
    trained: list[bool]
    """Whether a token is a target: the assistant's words and end-of-turn tokens; in plain text all but the first."""


def segments(document: Document) -> list[tuple[str, bool]]:
    """The document as the chat template writes it, in pieces, each with whether it is trained.

    Pieces end where a special token or the end of a line does, so their tokens are those of the whole text.
    """
    if not isinstance(document, Chat):
        return [(BEGIN, False), (document.text + END, True)]
    pieces = [(BEGIN, False)]
    messages = document.messages
    if document.tools and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": ""}, *messages]
    for index, message in enumerate(messages):
        content = message.get("content") or ""
        if document.tools and index == 0:
            content += ("\n\n" if content else "") + _functions(document.tools)
        for call in message.get("tool_calls") or []:
            function = call["function"]
            content += f'<|tool_call|>{{"name": {json.dumps(function["name"])}, "arguments": {function["arguments"]}}}'
        pieces.append((f"<|start_header_id|>{message['role']}<|end_header_id|>\n\n", False))
        pieces.append((content + END_OF_TURN, message["role"] == "assistant"))
    return pieces


def _functions(tools: list[dict[str, Any]]) -> str:
    lines = (json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    return "\n".join(("Functions you may call, one a line:", *lines))


def token_row(document: Document, tokenizer: Tokenizer) -> TokenRow:
    pieces = segments(document)
    encodings = tokenizer.encode_batch([text for text, _ in pieces], add_special_tokens=False)
    input_ids: list[int] = []
    trained: list[bool] = []
    for encoding, (_, is_trained) in zip(encodings, pieces, strict=True):
        input_ids += encoding.ids
        trained += [is_trained] * len(encoding.ids)
    return TokenRow(input_ids, trained)
