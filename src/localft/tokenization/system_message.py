"""The system message that all rows of a file begin with, where they do: a model trained on them is to be asked with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from localft.data.examples import ChatExample
from localft.tokenization.messages import spoken_text
from localft.tokenization.tokenizer import ChatTokenizer


class SharedSystemMessage:
    """Watches the examples of a file go by."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._knows_developer = tokenizer.knows_developer
        self._rows = 0
        self.message: dict[str, str] | None = None
        """As the chat template takes it; None where rows begin otherwise, or with different ones."""

    def watched(self, examples: Iterable[ChatExample]) -> Iterator[ChatExample]:
        """The examples, unchanged. What `message` says is so when all have gone by."""
        for example in examples:
            opening = self._opening(example)
            if self._rows == 0:
                self.message = opening
            elif opening != self.message:
                self.message = None
            self._rows += 1
            yield example

    def _opening(self, example: ChatExample) -> dict[str, str] | None:
        first = example.messages[0]
        text = spoken_text(first)
        if first.role not in ("system", "developer") or text is None:
            return None
        return {"role": first.role if self._knows_developer else "system", "content": text}
