"""Greedy writing stops where it should and goes through the adapter where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from localft.modeling.generate import Writer, greedy_continuation, load_writer
from localft.tiny.model import materialize

PROMPT = [0, 2, 300, 3, 301, 4]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return materialize(tmp_path_factory.mktemp("home"))


def by_hand(model: Writer, ids: list[int], count: int) -> list[int]:
    written: list[int] = []
    with torch.inference_mode():
        for _ in range(count):
            logits_V = model(input_ids=torch.tensor([ids + written])).logits[0, -1]
            written.append(int(logits_V.argmax()))
    return written


def test_each_token_is_the_most_likely_one(base: Path) -> None:
    model = load_writer(base)
    assert greedy_continuation(model, PROMPT, stop_ids=[1535], max_new_tokens=8) == by_hand(model, PROMPT, 8)


def test_writing_ends_before_the_first_stop_token(base: Path) -> None:
    model = load_writer(base)
    whole = by_hand(model, PROMPT, 8)
    stop = whole[5]
    assert greedy_continuation(model, PROMPT, stop_ids=[stop, 4], max_new_tokens=8) == whole[: whole.index(stop)]


def test_an_adapter_changes_what_is_written(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tuned = get_peft_model(load_writer(base), LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(str(tmp_path))
    with_adapter = load_writer(base, tmp_path)
    written = greedy_continuation(with_adapter, PROMPT, stop_ids=[4], max_new_tokens=8)
    assert written == by_hand(tuned.eval(), PROMPT, 8)[: len(written)]
    assert written != greedy_continuation(load_writer(base), PROMPT, stop_ids=[4], max_new_tokens=8)
