"""The tokenizer that a job trains with, wherever it is asked for: `show`, `plan` and `train` see the same ids."""

from __future__ import annotations

from localft.tokenization.tokenizer import ChatTokenizer


def as_trained(light: ChatTokenizer) -> ChatTokenizer:
    """`light` as a training uses it: with transformers' pipeline where that differs, itself in the bare install."""
    try:
        from localft.modeling.tokenizer import agreed_tokenizer
    except ImportError:
        return light
    return agreed_tokenizer(light)
