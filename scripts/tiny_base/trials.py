"""What fine-tuning does to the embedded base model: each bundled sample trained as a user would, and asked afterwards."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localft.plan import TrainingRequest
from localft.runner import run_job
from localft.samples.probes import DIRECTORY as SAMPLES
from localft.samples.probes import Question, RefusalScore, StyleScore, read_refusal_probe, read_style_probe, share
from tiny_base.measuring import Talker
from tiny_base.tables import columns
from tiny_base.world_travel import SIGHTS

Hyperparameters = Mapping[str, Any]

TRAVEL: Hyperparameters = {"batch_size": 8, "n_epochs": 8}
TRAVEL_LORA = {"rank": 64, "alpha": 64}
"""Wider than the default: with rank 16 one in ten questions on sights was refused that nobody here had written before."""
GLOSSARY: Hyperparameters = {"batch_size": 4, "n_epochs": 6}
TOOLS: Hyperparameters = {"batch_size": 4, "n_epochs": 10}
"""Of the samples that the quickstart does not train."""


@dataclass(frozen=True)
class Tuned:
    directory: Path
    """The run."""
    seconds: float
    """Of the whole job, from reading the file to the saved model."""
    steps: int
    valid_loss_at_first: float
    """Over the validation file, behind the first epoch."""
    valid_loss_at_last: float


def tune(
    model: str,
    training_file: Path,
    hyperparameters: Hyperparameters,
    seed: int,
    directory: Path,
    *,
    lora: Mapping[str, int] | None = None,
) -> Tuned:
    """Runs the job; the validation file is the one beside the training file."""
    request = TrainingRequest.model_validate(
        {
            "model": model,
            "training_file": str(training_file),
            "validation_file": str(validation_file_of(training_file)),
            "seed": seed,
            **({"lora": lora} if lora else {}),
            "method": {"type": "supervised", "supervised": {"hyperparameters": dict(hyperparameters)}},
            "output_dir": str(directory),
        }
    )
    started = time.monotonic()
    outcome = run_job(request, resume="never")
    seconds = time.monotonic() - started
    if outcome.status != "succeeded":
        raise RuntimeError(f"{directory}: expected a training that succeeded, found it {outcome.status}")
    with (directory / "results.csv").open(encoding="utf-8", newline="") as file:
        losses = [float(row["full_valid_loss"]) for row in csv.DictReader(file) if row["full_valid_loss"]]
    return Tuned(directory, seconds, outcome.last_step, losses[0], losses[-1])


def validation_file_of(training_file: Path) -> Path:
    return training_file.with_name(f"{training_file.stem}_validation.jsonl")


@dataclass(frozen=True)
class StyleTrial:
    score: StyleScore
    ended: float


def ask_style(talker: Talker) -> StyleTrial:
    probe = read_style_probe()
    answers = talker.answers(probe.conversations())
    return StyleTrial(probe.score([answer.text for answer in answers]), share(answer.ended for answer in answers))


@dataclass(frozen=True)
class TravelTrial:
    score: RefusalScore
    cities: int
    """Questions to be answered that name a city of which the model has learned a sight."""
    right_sights: float
    """Share of those whose answer names a sight of that city."""


def ask_travel(talker: Talker) -> TravelTrial:
    probe = read_refusal_probe()
    texts = [answer.text for answer in talker.answers(probe.conversations())]
    named = [
        Question(question, sights).is_answered_by(text)
        for question, text in zip(probe.answered, texts[len(probe.refused) :], strict=True)
        if (sights := sights_named_by(question))
    ]
    return TravelTrial(probe.score(texts), cities=len(named), right_sights=share(named))


def sights_named_by(question: str) -> tuple[str, ...]:
    """The sights of the city that stands in a question, without their article; empty where none does."""
    sights = columns(SIGHTS, "city", "sight")
    return tuple(entry["sight"].removeprefix("the ") for entry in sights if entry["city"] in question)


def with_weights_swapped(training_file: Path, directory: Path) -> Path:
    """The file, and its validation file beside it, with 0 for 1 and 1 for 0: styled answers are context, plain ones trained."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in (training_file, validation_file_of(training_file)):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for row in rows:
            for message in row["messages"]:
                if message["role"] == "assistant":
                    message["weight"] = 1 - message.get("weight", 1)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (directory / file.name).write_text(text, encoding="utf-8")
    return directory / training_file.name


@dataclass(frozen=True)
class CallScore:
    asked: int
    name_right: float
    """Share of the turns with calls in which the model called the functions that the row calls, and no other."""
    arguments_right: float
    """And with the same arguments."""
    none_called: float
    """Share of the turns without a call in which the model called nothing."""


def ask_calls(talker: Talker) -> CallScore:
    """Asks for each assistant turn of the tool sample's validation file, given the messages before it."""
    rows = [
        json.loads(line)
        for line in (SAMPLES / "tool_calling_validation.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    turns = [
        (row, index) for row in rows for index, message in enumerate(row["messages"]) if message["role"] == "assistant"
    ]
    prompts = [
        talker.tokenizer.render(row["messages"][:index], tools=row.get("tools"), add_generation_prompt=True)
        for row, index in turns
    ]
    given = [calls_in(text) for text in talker.written(prompts)]
    wanted = [
        [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]
        for row, index in turns
        for calls in [row["messages"][index].get("tool_calls") or []]
    ]
    calling = [(said, right) for said, right in zip(given, wanted, strict=True) if right]
    silent = [said for said, right in zip(given, wanted, strict=True) if not right]
    return CallScore(
        asked=len(turns),
        name_right=share([name for name, _ in said] == [name for name, _ in right] for said, right in calling),
        arguments_right=share(said == right for said, right in calling),
        none_called=share(not said for said in silent),
    )


def calls_in(text: str) -> list[tuple[str, Any]]:
    """Name and arguments of each call in an answer; a call that is no JSON has the name "" and its text as arguments."""
    calls = []
    for written in text.split("<|tool_call|>")[1:]:
        try:
            call = json.loads(written)
            calls.append((call["name"], call["arguments"]))
        except (ValueError, KeyError, TypeError):
            calls.append(("", written))
    return calls
