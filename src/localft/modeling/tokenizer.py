"""Holds the light tokenizer against the one of transformers, which is the truth: servers tokenise with AutoTokenizer.

`localft.tokenization` reads the same files without transformers. For most models both are one pipeline. transformers 5
rebuilds some from their vocabulary, though (Llama 2's loses the space that tokenizer.json puts behind each special token);
where the pipelines differ, the one of transformers is taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from localft.errors import ModelError
from localft.tokenization.tokenizer import ChatTokenizer, SpecialTokens, special_texts

# What decides the ids of a text; the rest of a pipeline (post-processor, decoder, padding, truncation) does not.
_DECIDES = ("model", "normalizer", "pre_tokenizer")


def transformers_backend(directory: str | Path) -> Tokenizer:
    """The `tokenizers` pipeline that transformers builds for a saved model. Raises ModelError where it has none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(directory), trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f"{directory}: transformers cannot load the tokenizer: {error}", code="invalid_tokenizer", param="model"
        ) from None
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ModelError(
            f"{directory}: {type(tokenizer).__name__} is not built on the tokenizers library, so tokens cannot be mapped "
            "to the text they stand for",
            code="invalid_tokenizer",
            param="model",
        )
    return Tokenizer.from_str(backend.to_str())


def agreed_tokenizer(light: ChatTokenizer) -> ChatTokenizer:
    """`light` itself where transformers builds the same pipeline from its directory, else one with transformers' pipeline."""
    backend = transformers_backend(light.source)
    theirs, ours = json.loads(backend.to_str()), json.loads(light.backend.to_str())
    same = all(theirs[part] == ours[part] for part in _DECIDES) and _added(theirs) == _added(ours)
    return light if same else with_backend(light, backend)


def with_backend(light: ChatTokenizer, backend: Tokenizer) -> ChatTokenizer:
    """The same template and special tokens over another pipeline."""
    stop_ids = light.special_tokens.stop_ids
    return ChatTokenizer(
        backend,
        chat_template=light.chat_template,
        tool_template=light.tool_template,
        special_tokens=SpecialTokens(light.special_tokens.named, special_texts(backend, stop_ids), stop_ids),
        date=light.date,
        source=light.source,
    )


def _added(pipeline: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(pipeline["added_tokens"], key=lambda token: token["id"])
