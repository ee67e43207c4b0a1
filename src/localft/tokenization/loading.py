"""From a model's name to its tokenizer, as `validate`, `show`, `plan` and `train` all load it."""

from __future__ import annotations

from pathlib import Path

from localft.catalog import PlannedModel, model_facts, tokenizer_directory
from localft.errors import ModelError, UsageError
from localft.tokenization.tokenizer import ChatTokenizer


def load_chat_tokenizer(
    model: PlannedModel, *, chat_template: str | None = None, date: str | None = None
) -> ChatTokenizer:
    """The tokenizer and chat template of a resolved model; `chat_template` is a template's text.

    A run that is trained further keeps the tokenizer and template that were saved beside its adapter. Raises ModelError where
    the model's files are not on this machine, or hold no tokenizer or template.
    """
    directory = tokenizer_directory(model)
    if directory is None:
        raise ModelError(
            f"{model.id}: its tokenizer is not on this machine; fetch it first: hf download {model.hub_id} "
            '--include "*.json" --include "*.jinja"',
            code="model_not_downloaded",
            param="model",
        )
    return ChatTokenizer.from_directory(
        directory,
        chat_template=chat_template,
        fallback_template=model_facts(model).fallback_template,
        date=date,
    )


def read_chat_template(path: str | Path) -> str:
    """Text of a chat template file that the user names. Raises UsageError where it cannot be read."""
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"chat_template: cannot read {path}: {error}", param="chat_template") from None
