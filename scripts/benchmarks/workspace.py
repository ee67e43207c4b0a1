"""What one comparison shares: the model, the rows as localft tokenises them, the plan, and the held-out loss."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from localft.catalog import ModelShape
from localft.plan import LoraSettings, TrainingPlan, TrainingRequest
from localft.training.batching import order
from localft.training.collator import IGNORED

Row = tuple[list[int], list[float]]
"""Token ids and, for each, the weight of predicting it."""

SEED = 7
LORA = LoraSettings(rank=16, alpha=32, dropout=0.0)
LEARNING_RATE_MULTIPLIER = 0.4  # 1e-3 for the tiny shape


@dataclass(frozen=True)
class Settings:
    """How a comparison is run."""

    device: str
    quantization: str
    threads: int
    rows: int
    batch_size: int


class Workspace:
    """A directory with all that the contenders of one set are given; they only differ in what they do with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.model_directory = directory / "model"
        self.settings = Settings(**json.loads((directory / "settings.json").read_text()))
        self.plan = TrainingPlan.from_json((directory / "plan.json").read_bytes())
        self.shape = ModelShape.from_config(
            json.loads((self.model_directory / "config.json").read_text()), "config.json"
        )
        self.training: list[Row] = json.loads((directory / "training.json").read_text())
        self.held_out: list[Row] = json.loads((directory / "held_out.json").read_text())

    @property
    def device(self) -> str:
        return self.settings.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the base model; float32 on a CPU."""
        dtype: torch.dtype = getattr(torch, self.plan.execution.precision)
        return dtype

    def steps(self) -> list[list[Row]]:
        """The rows of each step in the order of localft."""
        rows, size = order(SEED, 0, len(self.training)), self.settings.batch_size
        return [[self.training[row] for row in rows[begin : begin + size]] for begin in range(0, len(rows), size)]

    def request(self, **changes: Any) -> TrainingRequest:
        return training_request(self.directory, self.settings, **changes)

    def load_base(self, *, attention: str = "sdpa") -> PreTrainedModel:
        quantization = None
        if self.settings.quantization == "nf4":
            quantization = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=self.dtype,
            )
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            self.model_directory,
            dtype=self.dtype,
            quantization_config=quantization,
            device_map={"": 0} if self.device == "cuda" else None,
            attn_implementation=attention,
        )
        return model

    def held_out_loss(self, adapter: Path | None) -> float:
        """Mean over the trained tokens of the held-out rows, from plain logits, one row at a time."""
        base = self.load_base()
        model = base if adapter is None else PeftModel.from_pretrained(base, adapter)
        total = torch.zeros((), dtype=torch.float64)
        count = 0
        with torch.no_grad():
            for ids, weights in self.held_out:
                ids_T = torch.tensor(ids, device=base.device)
                targets_T = ids_T.masked_fill(torch.tensor(weights, device=base.device) == 0, IGNORED)
                logits_TV = model(input_ids=ids_T[None], use_cache=False).logits[0]
                total += F.cross_entropy(logits_TV[:-1].float(), targets_T[1:], reduction="sum").cpu()
                count += sum(weight > 0 for weight in weights)
        return float(total) / count


def training_request(directory: Path, settings: Settings, **changes: Any) -> TrainingRequest:
    """One epoch over the set's rows, as a recipe would ask for it."""
    knobs = {
        "batch_size": settings.batch_size,
        "n_epochs": 1,
        "learning_rate_multiplier": LEARNING_RATE_MULTIPLIER,
    }
    wanted = {
        "model": str(directory / "model"),
        "training_file": str(directory / "training.jsonl"),
        "seed": SEED,
        "lora": LORA.model_dump(),
        "quantization": settings.quantization,
        "method": {"type": "supervised", "supervised": {"hyperparameters": knobs}},
        "output_dir": str(directory / "run"),
    }
    return TrainingRequest.model_validate({**wanted, **changes})
