"""Writes a trained model as a Hugging Face directory: adapter or full weights, tokenizer, chat template."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from peft import PeftModel
from transformers import PreTrainedConfig

from localft.modeling.adapters import Trainable

CHAT_TEMPLATE = "chat_template.jinja"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    CHAT_TEMPLATE,
)
MORE_TEMPLATES = "additional_chat_templates"
GENERATION_CONFIG = "generation_config.json"


def write_weights(
    model: Trainable, directory: Path, config: PreTrainedConfig, weights: dict[str, torch.Tensor] | None = None
) -> None:
    """Writes adapter weights and configuration, or the full model's with the configuration given.

    `weights` are written in place of the model's own, where that is sharded.

    The configuration is the one the model was loaded with: trainers change cache and special tokens in the live one.
    """
    if isinstance(model, PeftModel):
        model.save_pretrained(str(directory), state_dict=weights, save_embedding_layers=False)
        (directory / "README.md").unlink(missing_ok=True)  # peft's empty model card
    else:
        model.save_pretrained(str(directory), state_dict=weights)
        config.dtype = model.dtype if weights is None else next(iter(weights.values())).dtype
        config.save_pretrained(str(directory))
    for file in directory.glob("*.safetensors"):
        file.chmod(0o644)  # safetensors leaves them readable by the owner alone, unlike every file beside them


def copy_tokenizer(tokenizer_files: Path, directory: Path, *, chat_template: str | None, base: Path) -> None:
    """Copies the tokenizer's files unchanged; a chat template of the plan's own takes the place of the model's.

    The generation settings of the base model come along: they name its stop tokens, which rendering needs to know.
    """
    for name in TOKENIZER_FILES:
        if (tokenizer_files / name).is_file():
            shutil.copyfile(tokenizer_files / name, directory / name)
    more_templates = tokenizer_files / MORE_TEMPLATES
    if chat_template is None and more_templates.is_dir():
        shutil.copytree(more_templates, directory / MORE_TEMPLATES)
    if chat_template is not None:
        (directory / CHAT_TEMPLATE).write_text(chat_template, encoding="utf-8")
    if (base / GENERATION_CONFIG).is_file():
        shutil.copyfile(base / GENERATION_CONFIG, directory / GENERATION_CONFIG)
