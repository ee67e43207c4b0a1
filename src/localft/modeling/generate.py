"""Lets a model, or a base model with its tuned adapter, go on writing from given token ids."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedModel

from localft.modeling.quiet import quiet_libraries

Writer: TypeAlias = PreTrainedModel | PeftModel


def load_writer(base: Path, adapter: Path | None = None) -> Writer:
    """Loads the base model of a directory in float32 on the CPU, and the LoRA adapter of another on top of it."""
    quiet_libraries()
    model: Writer = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    return model.eval()


def greedy_continuation(
    model: Writer, prompt_ids: Sequence[int], *, stop_ids: Collection[int], max_new_tokens: int
) -> list[int]:
    """The most likely next token, again and again, up to a stop token (not returned) or `max_new_tokens`.

    The prompt is ids, not text, so that it can be the one that a training row begins with, token for token.
    """
    input_ids_BT = torch.tensor([list(prompt_ids)])
    with torch.inference_mode():
        output_BT = model.generate(
            input_ids=input_ids_BT,
            attention_mask=torch.ones_like(input_ids_BT),
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(stop_ids),
            pad_token_id=min(stop_ids),  # one row, so nothing is padded; named only to keep transformers quiet
        )
    new_ids: list[int] = output_BT[0, len(prompt_ids) :].tolist()
    return new_ids[:-1] if new_ids and new_ids[-1] in stop_ids else new_ids
