"""The embedded base models that talk: 4.5 million weights, pretrained by scripts/make_tiny_base, in this package.

One directory beside this file holds each architecture as `save_pretrained` writes it, with a model card, the record of the
pretraining and a manifest of the files' sums. Nothing is ever written there: what is made from them is kept elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from localft.errors import ModelError
from localft.manifest import first_flaw

FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "README.md",
)
"""What each directory holds at least; its manifest lists the others."""

_HERE = Path(__file__).parent

DIRECTORIES = {"localft/tiny-base": _HERE / "llama", "localft/tiny-base-phi": _HERE / "phi"}
"""Catalogue id -> directory."""


def whole(directory: Path) -> Path:
    """Returns the directory, all of whose files are as the manifest says; ModelError names the first that is not.

    The sums are taken each time, in about ten milliseconds, so that a file that changes while a process lives is found too.
    """
    flaw = first_flaw(directory, FILES)
    if flaw is not None:
        raise ModelError(
            f"{flaw}; the file was changed or torn: install localft again.", code="model_changed", param="model"
        )
    return directory
