"""Lets a model, or a base model with its tuned adapter, go on writing from given token ids, or answer conversations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedModel

from localft.modeling.quiet import quiet_libraries
from localft.tokenization.tokenizer import ChatTokenizer

Writer: TypeAlias = PreTrainedModel | PeftModel

ROWS = 32
"""Prompts written on at a time."""


@dataclass(frozen=True)
class Continuation:
    """What was written behind one prompt, without the stop token."""

    ids: tuple[int, ...]
    ended: bool
    """Whether a stop token ended it; False where the limit did."""


@dataclass(frozen=True)
class Answer:
    """What was answered to one conversation."""

    text: str
    ended: bool
    """Whether the model ended it by itself; False where the limit did."""


def load_writer(base: Path, adapter: Path | None = None) -> Writer:
    """Loads the base model of a directory in float32 on the CPU, and the LoRA adapter of another on top of it."""
    quiet_libraries()
    model: Writer = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    return model.eval()


def answers(
    model: Writer,
    tokenizer: ChatTokenizer,
    conversations: Sequence[Sequence[Mapping[str, str]]],
    *,
    max_new_tokens: int,
    progress: Callable[[int], None] | None = None,
) -> list[Answer]:
    """The most likely answer to each conversation, whose prompt is the string that a server renders.

    `progress` gets the number of conversations answered so far.
    """
    prompts = [
        tokenizer.encode(tokenizer.render(messages, add_generation_prompt=True)).ids for messages in conversations
    ]
    stop_ids = tokenizer.special_tokens.stop_ids
    written = greedy_continuations(model, prompts, stop_ids=stop_ids, max_new_tokens=max_new_tokens, progress=progress)
    return [Answer(tokenizer.decode(one.ids), one.ended) for one in written]


def greedy_continuations(
    model: Writer,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: Collection[int],
    max_new_tokens: int,
    progress: Callable[[int], None] | None = None,
) -> list[Continuation]:
    """Behind each prompt the most likely next token, again and again, up to a stop token or `max_new_tokens`.

    Prompts of like length are written on together; what is written behind one does not depend on the others. `progress` gets
    the number of prompts done.
    """
    by_length = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    written: dict[int, Continuation] = {}
    for start in range(0, len(by_length), ROWS):
        chosen = by_length[start : start + ROWS]
        rows = _written(model, [prompts[index] for index in chosen], sorted(stop_ids), max_new_tokens)
        written.update(zip(chosen, rows, strict=True))
        if progress:
            progress(len(written))
    return [written[index] for index in range(len(prompts))]


def _written(
    model: Writer, prompts: Sequence[Sequence[int]], stop_ids: Sequence[int], max_new_tokens: int
) -> Iterator[Continuation]:
    """Prompts are padded on the left, where the mask hides the padding and positions begin behind it."""
    longest = max(map(len, prompts))
    padding = stop_ids[0]  # also what transformers writes behind a row that has ended
    input_ids_BT = torch.tensor([[padding] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    attention_mask_BT = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    with torch.inference_mode():
        output_BT = model.generate(
            input_ids=input_ids_BT,
            attention_mask=attention_mask_BT,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=list(stop_ids),
            pad_token_id=padding,
        )
    for new_ids in output_BT[:, longest:].tolist():
        end = next((position for position, id in enumerate(new_ids) if id in stop_ids), None)
        yield Continuation(tuple(new_ids[:end]), ended=end is not None)
