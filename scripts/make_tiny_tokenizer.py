"""Trains the tokenizer of localft/tiny-llama on scripts/tiny_tokenizer_text.jsonl; writes src/localft/tiny/tokenizer.json.

For maintainers, after that text or the special tokens have changed. The text is the project's own and is kept apart from
the bundled samples: these may change, while stored numbers of the tests hang on the ids.

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

from tiny_base.tokenizer import train_tokenizer

SCRIPTS = Path(__file__).resolve().parent
TEXT_FILE = SCRIPTS / "tiny_tokenizer_text.jsonl"
TOKENIZER_FILE = SCRIPTS.parent / "src" / "localft" / "tiny" / "tokenizer.json"

VOCABULARY = 1536
"""A multiple of 64 that leaves no id of the embedding matrix unused."""

WORDS = (
    r" ?\p{L}+"  # a word, with the blank before it
    r"| ?\p{N}{1,3}"  # up to three digits
    r"| ?[^\s\p{L}\p{N}]+"  # punctuation
    r"|\s+(?!\S)|\s+"  # blanks, the last one left for the next word
)


def texts() -> Iterator[str]:
    """Every text of `TEXT_FILE`, and the names of the roles."""
    yield from ("system", "user", "assistant", "tool", "\n\n", '{"name": "', '", "arguments": {"')
    for line in TEXT_FILE.read_text(encoding="utf-8").splitlines():
        example = json.loads(line)
        for tool in example.get("tools", []):
            yield json.dumps(tool["function"])
        for message in example["messages"]:
            yield message.get("content") or ""
            yield from (call["function"]["arguments"] for call in message.get("tool_calls", []))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file is stale")
    check = parser.parse_args().check
    text = train_tokenizer(texts(), VOCABULARY, WORDS).to_str(pretty=True) + "\n"
    if check:
        fresh = TOKENIZER_FILE.exists() and TOKENIZER_FILE.read_text(encoding="utf-8") == text
        print(f"{TOKENIZER_FILE}: {'up to date' if fresh else 'stale; run this script without --check'}")
        return 0 if fresh else 1
    TOKENIZER_FILE.write_text(text, encoding="utf-8")
    print(f"{TOKENIZER_FILE}: {VOCABULARY} ids, {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
