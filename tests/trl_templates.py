"""The chat templates that TRL ships, each with a byte-level tokenizer that knows the template's own special tokens."""

from __future__ import annotations

import re
from importlib import resources

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from localft.tokenization.tokenizer import ChatTokenizer, SpecialTokens

_SPECIAL = re.compile(
    r"<[|｜][^<>{}' ]{1,40}?[|｜]>|</?s>|<(?:start|end)_of_turn>|<end_of_utterance>|<turn\|>|<\|turn>|<sop>|\[gMASK\]"
)
_EOS = {
    "gemma": "<end_of_turn>",
    "gemma4": "<turn|>",
    "diffusion_gemma": "<turn|>",
    "gptoss": "<|return|>",
    "llama": "<|eot_id|>",
    "phi3": "<|endoftext|>",
    "deepseek": "<｜end▁of▁sentence｜>",
    "cohere": "<|END_OF_TURN_TOKEN|>",
    "glm": "<|endoftext|>",
    "muse": "<|eot|>",
    "idefics": "<end_of_utterance>",
    "smolvlm": "<end_of_utterance>",
}
BOS = "<bos>"


def template_names() -> list[str]:
    """All of them, the training twins included."""
    folder = resources.files("trl") / "chat_templates"
    return sorted(entry.name.removesuffix(".jinja") for entry in folder.iterdir() if entry.name.endswith(".jinja"))


def template_text(name: str) -> str:
    return (resources.files("trl") / "chat_templates" / f"{name}.jinja").read_text("utf-8")


def is_text_template(name: str) -> bool:
    """Templates of vision models name an image somewhere."""
    return "image" not in template_text(name)


def template_tokenizer(name: str) -> ChatTokenizer:
    """A tokenizer of bytes and runs of white space with the template's special tokens; its eos is the one of the real model."""
    return tokenizer_for(template_text(name), name)


def tokenizer_for(text: str, name: str, *, joins_words: bool = False) -> ChatTokenizer:
    """As `template_tokenizer`, for a template that is given.

    `joins_words` makes tokens that reach over the end of a prompt into the first word of an answer.
    """
    eos = max(((key, token) for key, token in _EOS.items() if name.startswith(key)), default=("", "<|im_end|>"))[1]
    specials = dict.fromkeys([*sorted(set(_SPECIAL.findall(text))), eos, BOS])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # Merges of white space: GPT-2's pre-tokeniser splits it one way before a word and another way at the end of a text.
    merges = [("Ċ", "Ċ"), ("Ġ", "Ġ"), ("Ċ", "Ġ"), ("ĊĊ", "Ġ"), ("ĊĊ", "ĊĊ")]
    if joins_words:
        merges += [("Ċ", "S"), ("]", "Ġ"), (":", "Ġ"), (":Ġ", "S"), ("ĊĊ", "W"), ("Ġ", "1"), ("o", "Ċ")]
    vocabulary = [*alphabet, *("".join(merge) for merge in merges)]
    backend = Tokenizer(models.BPE(vocab={token: id for id, token in enumerate(vocabulary)}, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not joins_words)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
    special = SpecialTokens(
        {"bos_token": BOS, "eos_token": eos},
        {token.content: id for id, token in backend.get_added_tokens_decoder().items()},
        frozenset({backend.token_to_id(eos)}),
    )
    return ChatTokenizer(backend, chat_template=text, special_tokens=special, date="2026-11-21", source=name)
