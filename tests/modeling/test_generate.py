"""Greedy writing stops where it should, goes through the adapter where there is one, and is the same in company as alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from localft.modeling import generate
from localft.modeling.generate import Continuation, Writer, answers, greedy_continuations, load_writer
from localft.tiny.model import materialize
from localft.tokenization.tokenizer import ChatTokenizer

PROMPT = [0, 2, 300, 3, 301, 4]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return materialize(tmp_path_factory.mktemp("home"))


def by_hand(model: Writer, ids: list[int], count: int) -> tuple[int, ...]:
    written: list[int] = []
    with torch.inference_mode():
        for _ in range(count):
            logits_V = model(input_ids=torch.tensor([ids + written])).logits[0, -1]
            written.append(int(logits_V.argmax()))
    return tuple(written)


def alone(model: Writer, ids: list[int], stop_ids: list[int], count: int = 8) -> Continuation:
    (written,) = greedy_continuations(model, [ids], stop_ids=stop_ids, max_new_tokens=count)
    return written


def prompts(count: int, seed: int = 3) -> list[list[int]]:
    """Of many lengths, in no order."""
    rng = random.Random(seed)
    return [[0, *(rng.randrange(7, 500) for _ in range(rng.randint(1, 40)))] for _ in range(count)]


def test_each_token_is_the_most_likely_one(base: Path) -> None:
    model = load_writer(base)
    assert alone(model, PROMPT, [1535]) == Continuation(by_hand(model, PROMPT, 8), ended=False)


def test_writing_ends_before_the_first_stop_token(base: Path) -> None:
    model = load_writer(base)
    whole = by_hand(model, PROMPT, 8)
    stop = whole[5]
    assert alone(model, PROMPT, [stop, 4]) == Continuation(whole[: whole.index(stop)], ended=True)


def test_a_stop_token_as_the_last_one_allowed_is_an_end(base: Path) -> None:
    model = load_writer(base)
    whole = by_hand(model, PROMPT, 8)
    first = whole.index(whole[5])
    assert alone(model, PROMPT, [whole[5]], first + 1).ended
    assert not alone(model, PROMPT, [whole[5]], first).ended


@pytest.mark.parametrize("fixture", ["base", "tiny_llama", "tiny_phi3"])
def test_a_prompt_is_continued_among_others_as_it_is_alone(
    request: pytest.FixtureRequest, fixture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "ROWS", 5)
    model = load_writer(request.getfixturevalue(fixture))
    asked = prompts(13)
    endless = [by_hand(model, ids, 12) for ids in asked]
    stop_ids = [endless[0][4], endless[7][8]]
    told: list[int] = []
    together = greedy_continuations(model, asked, stop_ids=stop_ids, max_new_tokens=12, progress=told.append)
    assert together == [alone(model, ids, stop_ids, 12) for ids in asked]
    assert told == [5, 10, 13]
    for one, whole in zip(together, endless, strict=True):
        assert one.ids == whole[: len(one.ids)]
    assert {one.ended for one in together} == {True, False}, "or one of both ends is not tried"


def test_nothing_asked_is_nothing_written(base: Path) -> None:
    assert greedy_continuations(load_writer(base), [], stop_ids=[4], max_new_tokens=8) == []


def test_an_adapter_changes_what_is_written(base: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tuned = get_peft_model(load_writer(base), LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(str(tmp_path))
    with_adapter = load_writer(base, tmp_path)
    written = alone(with_adapter, PROMPT, [4]).ids
    assert written == by_hand(tuned.eval(), PROMPT, 8)[: len(written)]
    assert written != alone(load_writer(base), PROMPT, [4]).ids


def test_a_conversation_is_answered_behind_a_servers_prompt(base: Path) -> None:
    model, tokenizer = load_writer(base), ChatTokenizer.from_directory(base)
    conversations = [[{"role": "user", "content": text}] for text in ("Hi", "What is the capital of France?")]
    for messages, answer in zip(conversations, answers(model, tokenizer, conversations, max_new_tokens=6), strict=True):
        text = f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{messages[0]['content']}<|eot_id|>"
        prompt = tokenizer.encode(f"{text}<|start_header_id|>assistant<|end_header_id|>\n\n").ids
        written = alone(model, prompt, sorted(tokenizer.special_tokens.stop_ids), 6)
        assert (answer.text, answer.ended) == (tokenizer.decode(written.ids), written.ended)
