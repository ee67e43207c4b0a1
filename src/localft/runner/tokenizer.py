"""The tokenizer that a job trains with, wherever it is asked for: `show`, `plan` and `train` see the same ids."""

from __future__ import annotations

import json
from pathlib import Path

from localft.tokenization.tokenizer import ChatTokenizer

# For these classes transformers takes tokenizer.json as it stands; other ones it may rebuild from their vocabulary.
_AS_IT_STANDS = {"PreTrainedTokenizerFast", "TokenizersBackend"}


def as_trained(light: ChatTokenizer) -> ChatTokenizer:
    """`light` as a training uses it: with transformers' pipeline where that differs, itself in the bare install.

    transformers is loaded only where the tokenizer's class leaves room for a difference.
    """
    if _class_name(Path(light.source)) in _AS_IT_STANDS:
        return light
    try:
        from localft.modeling.tokenizer import agreed_tokenizer
    except ImportError:
        return light
    return agreed_tokenizer(light)


def _class_name(directory: Path) -> str | None:
    try:
        name = json.loads((directory / "tokenizer_config.json").read_text("utf-8")).get("tokenizer_class")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) else None
