"""Engines for tests: tiny real models with adapters of random weights, and what they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Phi3Config, Phi3ForCausalLM

from localft.generation.engine import Engine
from localft.generation.model import ServedModel
from localft.generation.speaking import Speaker
from localft.wire.engine import Completion, Delta, Ended, FromEngine, Refused, Sampling, Started, Task

GREEDY = Sampling(temperature=0.0)


def write_adapter(base: Path, directory: Path, *, seed: int, rank: int = 4) -> Path:
    """A LoRA adapter of random weights that changes what the model says."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", init_lora_weights=False)
    adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = str(base)
    adapted.save_pretrained(str(directory))
    return directory


def write_long_phi3(source: Path, directory: Path, *, original: int, window: int | None) -> Path:
    """The tiny Phi-3 with two sets of rotary frequencies (LongRoPE), and perhaps a sliding window."""
    import shutil

    shutil.copytree(source, directory)
    config = Phi3Config.from_pretrained(source)
    pairs = config.hidden_size // config.num_attention_heads // 2
    config.max_position_embeddings = 512
    config.original_max_position_embeddings = original
    config.sliding_window = window
    config.rope_parameters = {
        "rope_type": "longrope",
        "partial_rotary_factor": 1.0,
        "rope_theta": 10000.0,
        "short_factor": [1.0 + 0.05 * at for at in range(pairs)],
        "long_factor": [2.0 + 0.3 * at for at in range(pairs)],
        "original_max_position_embeddings": original,
    }
    torch.manual_seed(7)
    Phi3ForCausalLM(config).save_pretrained(directory)
    return directory


class Asked:
    """An engine in this process, and what it told."""

    def __init__(
        self, base: Path, *, key_bytes: int = 1 << 30, most_adapters: int = 8, prompt_tokens: int = 1024
    ) -> None:
        self.base = base
        self.events: list[FromEngine] = []
        self.model = ServedModel(base, device="cpu", nf4=False, most_adapters=most_adapters)
        self.engine = Engine(self.model, self.events.append, key_bytes=key_bytes)
        self.engine._prompt_tokens = prompt_tokens
        self._speakers: dict[str, Speaker] = {}
        self._tasks = 0

    def speaker(self, adapter: Path | None = None) -> Speaker:
        name = str(adapter or self.base)
        if name not in self._speakers:
            self._speakers[name] = Speaker(name, self.engine.context)
        return self._speakers[name]

    def ask(self, question: str | dict[str, Any], adapter: Path | None = None, **settings: Any) -> str:
        """Lets a request join; its id. `question` is what the user says, or a row."""
        row = {"messages": [{"role": "user", "content": question}]} if isinstance(question, str) else question
        settings = {"sampling": GREEDY, "max_tokens": 24, **settings}
        self._tasks += 1
        task = Task(id=f"t{self._tasks}", adapter=str(adapter) if adapter else None, row=row, **settings)
        self.engine.ask(task, self.speaker(adapter).prompt(task))
        return task.id

    def complete(self, text: str, **settings: Any) -> str:
        self._tasks += 1
        task = Completion(id=f"t{self._tasks}", text=text, **{"sampling": GREEDY, "max_tokens": 24, **settings})
        self.engine.ask(task, self.speaker().completion(task))
        return task.id

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.engine.step()

    def finish(self) -> None:
        steps = 0
        while self.engine.is_busy:
            self.engine.step()
            steps += 1
            assert steps < 5000, "the engine comes to an end"

    def text(self, id: str, choice: int = 0) -> str:
        return "".join(e.text for e in self.events if isinstance(e, Delta) and (e.id, e.choice) == (id, choice))

    def deltas(self, id: str) -> list[Delta]:
        return [e for e in self.events if isinstance(e, Delta) and e.id == id]

    def ended(self, id: str, choice: int = 0) -> Ended:
        return next(e for e in self.events if isinstance(e, Ended) and (e.id, e.choice) == (id, choice))

    def started(self, id: str) -> Started:
        return next(e for e in self.events if isinstance(e, Started) and e.id == id)

    def refused(self, id: str) -> Refused:
        return next(e for e in self.events if isinstance(e, Refused) and e.id == id)


class Reference:
    """transformers' own `generate` on the same files, one prompt at a time."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def ids(
        self, prompt: Sequence[int], stop_ids: Sequence[int], adapter: Path | None, max_new_tokens: int
    ) -> list[int]:
        model: Any = AutoModelForCausalLM.from_pretrained(self.base, dtype=torch.float32).eval()
        if adapter is not None:
            model = PeftModel.from_pretrained(model, str(adapter)).eval()
        with torch.inference_mode():
            output = model.generate(
                input_ids=torch.tensor([list(prompt)]),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                do_sample=False,
                max_new_tokens=max_new_tokens,
                eos_token_id=sorted(stop_ids),
                pad_token_id=sorted(stop_ids)[0],
            )
        return output[0, len(prompt) :].tolist()


def write_taught_adapter(base: Path, directory: Path, rows: Sequence[Any], *, steps: int = 60) -> Path:
    """An adapter that says what these examples say: trained on them until it does."""
    from localft.tokenization.render import RenderedRows

    speaker = Speaker(str(base), 1024)
    examples = [RenderedRows(speaker.tokenizer).one(row) for row in rows]
    torch.manual_seed(3)
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
    model.peft_config["default"].base_model_name_or_path = str(base)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=4e-3)
    for _ in range(steps):
        loss = torch.zeros(())
        for example in examples:
            ids = torch.tensor([example.input_ids])
            labels = torch.tensor(
                [[i if w else -100 for i, w in zip(example.input_ids, example.loss_weights, strict=True)]]
            )
            loss = loss + model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.02 * len(examples):
            break
    model.save_pretrained(str(directory))
    return directory
