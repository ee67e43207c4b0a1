"""Trains the tokenizer of the embedded model on the project's own sample text; writes src/localft/tiny/tokenizer.json.

For maintainers, after the samples or the chat template have changed:

    .venv/bin/python scripts/make_tiny_tokenizer.py            # writes the file
    .venv/bin/python scripts/make_tiny_tokenizer.py --check    # exit 1 where the file is not what this script makes

The layout is that of Llama 3: byte-level BPE, digits in groups of at most three, special tokens for headers and the end
of a turn, and a post-processor that puts the begin-of-text token before plain text. Any text round-trips, since all 256
bytes are in the vocabulary.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "localft"
TOKENIZER_FILE = PACKAGE / "tiny" / "tokenizer.json"

VOCABULARY = 1536
"""A multiple of 64 that leaves no id of the embedding matrix unused."""

SPECIAL_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|tool_call|>",
    "<|pad|>",
)
"""The ids are these positions, 0 upwards."""

WORDS = (
    r" ?\p{L}+"  # a word, with the blank before it
    r"| ?\p{N}{1,3}"  # up to three digits
    r"| ?[^\s\p{L}\p{N}]+"  # punctuation
    r"|\s+(?!\S)|\s+"  # blanks, the last one left for the next word
)


def sample_texts() -> Iterator[str]:
    """Every text of the bundled samples, and the names of the roles."""
    yield from ("system", "user", "assistant", "tool", "\n\n", '{"name": "', '", "arguments": {"')
    for path in sorted((PACKAGE / "samples").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            example = json.loads(line)
            for tool in example.get("tools", []):
                yield json.dumps(tool["function"])
            for message in example["messages"]:
                yield message.get("content") or ""
                yield from (call["function"]["arguments"] for call in message.get("tool_calls", []))


def train_tokenizer() -> Tokenizer:
    """A byte-level BPE of `VOCABULARY` ids; the same samples give the same ids."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        sample_texts(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            min_frequency=1,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    begin = SPECIAL_TOKENS[0]
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{begin} $A", pair=f"{begin} $A {begin}:1 $B:1", special_tokens=[(begin, 0)]
            ),
        ]
    )
    assert tokenizer.get_vocab_size() == VOCABULARY, f"the samples give {tokenizer.get_vocab_size()} ids only"
    return tokenizer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is stale")
    check = parser.parse_args().check
    text = train_tokenizer().to_str(pretty=True) + "\n"
    if check:
        fresh = TOKENIZER_FILE.exists() and TOKENIZER_FILE.read_text(encoding="utf-8") == text
        print(f"{TOKENIZER_FILE}: {'up to date' if fresh else 'stale; run this script without --check'}")
        return 0 if fresh else 1
    TOKENIZER_FILE.write_text(text, encoding="utf-8")
    print(f"{TOKENIZER_FILE}: {VOCABULARY} ids, {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
