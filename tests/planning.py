"""What the tests of planning share: data files of a given size, and requests on the embedded model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localft.plan import TrainingPlan, TrainingRequest, make_plan
from localft.recipe import request_from

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "src" / "localft" / "samples" / "sarcastic_assistant.jsonl"

KNOBS = {"batch_size", "n_epochs", "learning_rate_multiplier"}


def write_examples(path: Path, count: int) -> Path:
    """A valid training file of `count` different examples."""
    row = '{{"messages":[{{"role":"user","content":"What is {0}?"}},{{"role":"assistant","content":"A number, {0}."}}]}}\n'
    path.write_text("".join(row.format(number) for number in range(count)), encoding="utf-8")
    return path


def request(training_file: Path, **values: Any) -> TrainingRequest:
    """A request on the embedded model; knobs may be given by their plain names."""
    knobs = {name: values.pop(name) for name in list(values) if name in KNOBS}
    recipe: dict[str, Any] = {"model": "localft/tiny-llama", "training_file": str(training_file), **values}
    if knobs:
        recipe["method"] = {"type": "supervised", "supervised": {"hyperparameters": knobs}}
    return request_from(recipe)


def plan(training_file: Path, *, processes: int = 1, **values: Any) -> TrainingPlan:
    return make_plan(request(training_file, **values), processes=processes, device="cpu")
