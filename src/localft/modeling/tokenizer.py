"""Holds the light tokenizer against the one of transformers, and makes one where a model has no tokenizer.json.

Servers tokenise with transformers' AutoTokenizer, so that is the truth. `localft.tokenization` reads the same files without
it; before a training both encode the job's own rows. Where they differ (transformers 5 rebuilds some tokenizers, such as
Llama 2's, from their vocabulary), transformers' own pipeline is taken and the user is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from localft.errors import ModelError
from localft.tokenization.tokenizer import ChatTokenizer, SpecialTokens


def transformers_backend(directory: str | Path) -> Tokenizer:
    """The `tokenizers` pipeline that transformers builds for a saved model. Raises ModelError where it has none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(directory), trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f"{directory}: transformers cannot load the tokenizer: {error}", code="invalid_tokenizer", param="model"
        ) from None
    backend = getattr(tokenizer, "backend_tokenizer", None) or getattr(tokenizer, "_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ModelError(
            f"{directory}: {type(tokenizer).__name__} is not built on the tokenizers library, so tokens cannot be mapped "
            "to the text they stand for",
            code="invalid_tokenizer",
            param="model",
        )
    return Tokenizer.from_str(backend.to_str())


def agreed_tokenizer(
    light: ChatTokenizer, directory: str | Path, texts: Iterable[str]
) -> tuple[ChatTokenizer, str | None]:
    """`light` where transformers gives the same ids for all `texts`, else one with transformers' pipeline and why."""
    backend = transformers_backend(directory)
    for text in texts:
        ours = light.encode(text).ids
        theirs = backend.encode(text, add_special_tokens=False).ids
        if ours != theirs:
            at = next(
                (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
            )
            reason = (
                f"tokenizer.json and transformers' {Path(directory).name} tokenizer differ from token {at} on; "
                "the job uses transformers' ids, as servers do"
            )
            return with_backend(light, backend), reason
    return light, None


def with_backend(light: ChatTokenizer, backend: Tokenizer) -> ChatTokenizer:
    """The same template and special tokens over another pipeline."""
    texts = {token.content: id for id, token in backend.get_added_tokens_decoder().items() if token.special}
    return ChatTokenizer(
        backend,
        chat_template=light.chat_template,
        tool_template=light.tool_template,
        special_tokens=SpecialTokens(light.special_tokens.named, texts, light.special_tokens.stop_ids),
        date=light.date,
        source=light.source,
    )
