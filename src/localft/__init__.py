"""localft runs an Azure OpenAI fine-tuning job on your own GPU.

    from localft import TrainingRequest, make_plan, train, validate_file

    report = validate_file("train.jsonl")
    outcome = train(TrainingRequest(model="llama-3.2-1b-instruct", training_file="train.jsonl"))

Names are loaded when they are first used, so that importing localft costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localft.data.validation import validate_file
    from localft.plan import TrainingRequest, make_plan
    from localft.runner import run_job as train

__all__ = ["TrainingRequest", "make_plan", "train", "validate_file"]
__version__ = "0.1.0"

_HOMES = {
    "TrainingRequest": ("localft.plan", "TrainingRequest"),
    "make_plan": ("localft.plan", "make_plan"),
    "train": ("localft.runner", "run_job"),
    "validate_file": ("localft.data.validation", "validate_file"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localft' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
