"""Tiny real models learn what they are taught, and only that.

The models of random weights have to memorise. The embedded base models know a small world already: they take on a tone, on
questions that they were never trained on too, and keep what they know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

from localft import settings
from localft.cli import quickstart
from localft.plan import LoraSettings
from localft.samples.probes import DIRECTORY as SAMPLES
from localft.tiny_base.model import DIRECTORIES
from tiny_base.measuring import load
from tiny_base.trials import TRAVEL, TRAVEL_LORA, StyleTrial, ask_style, ask_travel, tune, with_weights_swapped
from tiny_jobs import chat_row, metrics, run, tiny_plan

WORDS = [
    "red",
    "blue",
    "green",
    "yellow",
    "black",
    "white",
    "small",
    "large",
    "old",
    "new",
    "cold",
    "warm",
    "fast",
    "slow",
    "round",
    "flat",
    "north",
    "south",
    "east",
    "west",
]
LORA = LoraSettings(rank=16, alpha=32)
MODELS = list(DIRECTORIES)


@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize(("fixture", "n_epochs"), [("tiny_llama", 26), ("tiny_phi3", 12)])
def test_twenty_rows_are_memorised(
    request: pytest.FixtureRequest, tmp_path: Path, fixture: str, n_epochs: int, quantization: str
) -> None:
    base: Path = request.getfixturevalue(fixture)
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [
        chat_row(
            tokenizer,
            line=i + 1,
            turns=[
                ("user", f"{WORDS[i]}?", 0),
                ("assistant", f"{WORDS[(7 * i + 3) % 20]} {WORDS[(3 * i + 5) % 20]}", 1),
            ],
        )
        for i in range(20)
    ]
    plan = tiny_plan(
        base,
        examples=20,
        batch_size=5,
        n_epochs=n_epochs,
        learning_rate=1e-2,
        quantization=quantization,
        lora=LORA,
    )
    _, events = run(plan, tmp_path, rows)
    last_epoch = [m for m in metrics(events) if m.epoch == n_epochs]
    right = sum(m.train_mean_token_accuracy * m.trained_tokens for m in last_epoch)
    assert right / sum(m.trained_tokens for m in last_epoch) > 0.95


def answer(model: Any, tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """Greedy generation up to the end of the turn."""
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
    return tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_only_the_weight_one_answer_is_reproduced(tiny_phi3: Path, tmp_path: Path) -> None:
    """Each row has the same question twice: the first answer is wrong and has weight 0, the second has weight 1."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_phi3)
    wrong = [WORDS[(5 * i + 1) % 20] for i in range(10)]
    right = [WORDS[(7 * i + 4) % 20] for i in range(10)]
    assert all(w != r for w, r in zip(wrong, right, strict=True))
    rows = [
        chat_row(
            tokenizer,
            line=i + 1,
            turns=[
                ("user", WORDS[i], 0),
                ("assistant", wrong[i], 0),
                ("user", WORDS[i], 0),
                ("assistant", right[i], 1),
            ],
        )
        for i in range(10)
    ]
    plan = tiny_plan(tiny_phi3, examples=10, batch_size=5, n_epochs=25, learning_rate=1e-2, lora=LORA)
    run(plan, tmp_path, rows)
    model = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    for i in range(10):
        question = {"role": "user", "content": WORDS[i]}
        taught = answer(model, tokenizer, [question, {"role": "assistant", "content": wrong[i]}, question])
        assert taught == right[i]
        assert wrong[i] not in answer(model, tokenizer, [question])


def style_after_training(model: str, training_file: Path, directory: Path) -> StyleTrial:
    """Trains as the quickstart does, on another model or file, and asks the questions that the sample does not hold."""
    tuned = tune(model, training_file, quickstart.HYPERPARAMETERS, quickstart.SEED, directory)
    return ask_style(load(DIRECTORIES[model], tuned.directory / "model"))


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: 0)


@pytest.mark.slow
@pytest.mark.usefixtures("on_the_cpu")
@pytest.mark.parametrize("model", [model for model in MODELS if model != quickstart.MODEL])
def test_the_trained_style_comes_to_unseen_questions_and_the_facts_stay(model: str, tmp_path: Path) -> None:
    """Of the quickstart's own model its test shows the same, behind the very same training."""
    trial = style_after_training(model, quickstart.TRAINING_FILE, tmp_path / "run")
    assert trial.score.styled >= 0.9
    assert trial.score.right >= 0.8
    assert trial.ended >= 0.99


@pytest.mark.slow
@pytest.mark.usefixtures("on_the_cpu")
@pytest.mark.parametrize("model", MODELS)
def test_a_style_of_weight_0_is_not_learnt_though_it_stands_in_every_row(model: str, tmp_path: Path) -> None:
    """The sample's rows with their weights swapped: the styled answers are context, the plain ones are trained."""
    swapped = with_weights_swapped(quickstart.TRAINING_FILE, tmp_path / "files")
    trial = style_after_training(model, swapped, tmp_path / "run")
    assert trial.score.styled <= 0.01
    assert trial.score.right >= 0.9


@pytest.mark.slow
@pytest.mark.usefixtures("on_the_cpu")
@pytest.mark.parametrize("model", MODELS)
def test_what_a_system_message_forbids_is_refused_of_places_never_trained_and_the_rest_is_answered(
    model: str, tmp_path: Path
) -> None:
    sample = SAMPLES / "travel_assistant.jsonl"
    tuned = tune(model, sample, TRAVEL, quickstart.SEED, tmp_path / "run", lora=TRAVEL_LORA)
    score = ask_travel(load(DIRECTORIES[model], tuned.directory / "model")).score
    assert score.refused >= 0.9
    assert score.refused_wrongly <= 0.05
