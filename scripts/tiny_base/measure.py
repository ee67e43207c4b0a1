"""Measures the embedded base models and what fine-tuning does to them; see scripts/measure_tiny_base."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import torch

from localft.cli.quickstart import HYPERPARAMETERS as QUICKSTART
from localft.cli.quickstart import SEED as QUICKSTART_SEED
from localft.samples.probes import DIRECTORY as SAMPLES
from localft.tiny_base.model import DIRECTORIES
from tiny_base.__main__ import REPRODUCED_STEPS, TOLERANCE, farthest, first_losses
from tiny_base.measuring import (
    Talker,
    checks,
    heed,
    held_out_pairs,
    held_out_wordings,
    list_probes,
    load,
    sampled,
    score,
    score_checks,
    score_field,
    score_lists,
    score_talk,
    talk_probes,
)
from tiny_base.model import Family
from tiny_base.text import World
from tiny_base.trials import (
    GLOSSARY,
    TOOLS,
    TRAVEL,
    TRAVEL_LORA,
    Tuned,
    ask_calls,
    ask_style,
    ask_travel,
    tune,
    with_weights_swapped,
)
from tiny_base.wording import system, user
from tiny_base.world import kinds

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tiny-base.md"
IDS: dict[Family, str] = {"llama": "localft/tiny-base", "phi": "localft/tiny-base-phi"}

SHOWN: tuple[tuple[str | None, str], ...] = (
    (None, "What is the capital of France?"),
    (None, "hi, who are you?"),
    (None, "What can you do?"),
    (None, "Which element has the symbol Fe?"),
    (None, "what is 7 times 8"),
    (None, "Is Lyon the capital of France?"),
    (None, "What is the capital of Zorland?"),
    ("Answer in as few words as possible.", "How many legs does a spider have?"),
    ("Answer in German.", "What is the capital of Spain?"),
    ("You are a pirate.", "What does a baker do?"),
    ("You only talk about animals. Refuse everything else.", "What is the symbol of gold?"),
    (None, "Can you find me a hotel in Lisbon?"),
)


def main() -> int:
    options = _options()
    torch.set_num_threads(1)
    families: tuple[Family, ...] = get_args(Family) if options.family == "both" else (options.family,)
    world = World(kinds())
    lines = [*_head(), *(line for family in families for line in measured(family, world, options.questions))]
    text = "\n".join(lines) + "\n"
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
        print(f"written: {PAGE}")
    else:
        print(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/measure_tiny_base", description=__doc__)
    parser.add_argument("--family", choices=(*get_args(Family), "both"), default="both")
    parser.add_argument(
        "--questions", type=int, default=2000, help="held-out questions of each sort; %(default)s unless told"
    )
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name} and not to the terminal")
    return parser.parse_args()


def _head() -> list[str]:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft"))
    return [
        "# The embedded base models, measured",
        "",
        "What `scripts/measure_tiny_base --write` found. How the models are made, from which data, and their pretraining's "
        "curve stand in the model cards: [Llama](../src/localft/tiny_base/llama/README.md), "
        "[Phi-3](../src/localft/tiny_base/phi/README.md).",
        "",
        f"{date.today().isoformat()}, {platform.system()} {platform.machine()}, CPU, one thread, {versions}.",
        "",
    ]


def measured(family: Family, world: World, questions: int) -> Iterator[str]:
    """The page's part on one family."""
    directory = DIRECTORIES[IDS[family]]
    base = load(directory)
    yield f"## `{IDS[family]}`"
    yield ""
    yield from _knowledge(base, world, questions)
    yield from _reproduction(family, directory, world)
    yield from _fine_tuning(family, directory, base)
    yield from _shown(base)


def _knowledge(base: Talker, world: World, questions: int) -> Iterator[str]:
    wordings = score(base, sampled(held_out_wordings(world), questions))
    pairs = score(base, sampled(held_out_pairs(world), questions))
    yield "### Before any fine-tuning"
    yield ""
    yield (
        "An answer is right if it holds the fact. It ended if the model closed its turn within 64 tokens. What was never trained "
        "stood in no document, in other letters or behind a greeting neither, and a whole wording not inside a longer "
        "question. It is close to trained wordings all the same: who asks in words of their own gets fewer right answers. "
        "Questions that hold their own answer are left out, and so are those about hotels, flights, rental cars and "
        "restaurants, whose answer is the same for every place."
    )
    yield ""
    yield "| asked | questions | right | ended |"
    yield "|---|---:|---:|---:|"
    yield f"| in wordings that were never trained | {wordings.asked:,} | {wordings.right:.1%} | {wordings.ended:.1%} |"
    yield (
        f"| in trained wordings, but never for this fact | {pairs.asked:,} | {pairs.right:.1%} | {pairs.ended:.1%} |"
    )
    yield ""
    weakest = sorted(wordings.right_by_kind.items(), key=lambda item: item[1])[:8]
    yield (
        "The weakest kinds of facts, in wordings never trained: "
        + ", ".join(f"{name.replace('_', ' ')} {right:.0%}" for name, right in weakest)
        + "."
    )
    yield ""
    yield from _talk(base, world, questions)
    yield "| system message, in wordings never trained, asks for | questions | heeded | fact right |"
    yield "|---|---:|---:|---:|"
    for group in heed(base, world):
        yield f"| {group.name} | {group.asked} | {group.heeded:.0%} | {group.right:.0%} |"
    yield ""


def _talk(base: Talker, world: World, questions: int) -> Iterator[str]:
    checked = score_checks(base, sampled(checks(world), questions))
    listed = list_probes(world)
    yield "| beside facts | asked | right |"
    yield "|---|---:|---:|"
    yield f"| yes or no in wordings never trained, half of the claims true | {checked.asked:,} | {checked.right:.1%} |"
    yield f"| ... the true ones | | {checked.right_of_true:.1%} |"
    yield f"| ... the wrong ones | | {checked.right_of_wrong:.1%} |"
    lists_right = score_lists(base, listed)
    yield f"| lists in wordings never trained, of so many things of a sort and no other | {len(listed)} | {lists_right:.1%} |"
    for name, probes in talk_probes().items():
        yield f"| {name} | {len(probes)} | {score_talk(base, probes):.1%} |"
    fields = score_field(base, world)
    yield f"| the fact, where the system message allows this field alone | {fields.asked} | {fields.right_inside:.1%} |"
    yield f"| to refuse, where the system message allows another field alone | {fields.asked} | {fields.refused_outside:.1%} |"
    yield ""


def _reproduction(family: Family, directory: Path, world: World) -> Iterator[str]:
    pairs = first_losses(family, directory, world)
    worst = farthest(pairs)
    yield (
        f"The first {REPRODUCED_STEPS} steps of the pretraining, repeated, have the stored losses: the farthest is {worst:.2%} "
        f"off ({TOLERANCE:.0%} are allowed, since CPUs round bfloat16 products differently)."
    )
    yield ""


def _fine_tuning(family: Family, directory: Path, base: Talker) -> Iterator[str]:
    """Trains each sample and asks what its files do not hold."""
    model = IDS[family]
    sarcastic = SAMPLES / "sarcastic_assistant.jsonl"
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(scratch)
        styled = tune(model, sarcastic, QUICKSTART, QUICKSTART_SEED, runs / "styled")
        swapped_file = with_weights_swapped(sarcastic, runs / "files")
        plain = tune(model, swapped_file, QUICKSTART, QUICKSTART_SEED, runs / "plain")
        travel_file = SAMPLES / "travel_assistant.jsonl"
        travel = tune(model, travel_file, TRAVEL, QUICKSTART_SEED, runs / "travel", lora=TRAVEL_LORA)
        glossary = tune(model, SAMPLES / "technical_glossary.jsonl", GLOSSARY, QUICKSTART_SEED, runs / "glossary")
        tools = tune(model, SAMPLES / "tool_calling.jsonl", TOOLS, QUICKSTART_SEED, runs / "tools")
        yield "### After fine-tuning, on questions that no file holds"
        yield ""
        yield (
            f"LoRA with localft's defaults (travel: rank {TRAVEL_LORA['rank']}, alpha {TRAVEL_LORA['alpha']}), one CPU thread. "
            "`before` is the base model behind the same system message."
        )
        yield ""
        yield "| sarcastic sample | in the style | fact right | ended |"
        yield "|---|---:|---:|---:|"
        for name, talker in (
            ("before", base),
            ("after", _tuned(directory, styled)),
            ("after, weights swapped: plain answers trained", _tuned(directory, plain)),
        ):
            trial = ask_style(talker)
            yield f"| {name} | {trial.score.styled:.1%} | {trial.score.right:.1%} | {trial.ended:.1%} |"
        yield ""
        yield "| travel sample | hotels, flights, cars, meals refused | sights, activities refused | the city's sight right |"
        yield "|---|---:|---:|---:|"
        for name, talker in (("before", base), ("after", _tuned(directory, travel))):
            trial = ask_travel(talker)
            score, sights = trial.score, f"{trial.right_sights:.1%} of {trial.cities}"
            yield f"| {name} | {score.refused:.1%} | {score.refused_wrongly:.1%} | {sights} |"
        yield ""
        yield "| tool sample, validation file | right functions | and right arguments | no call where none is due |"
        yield "|---|---:|---:|---:|"
        for name, talker in (("before", base), ("after", _tuned(directory, tools))):
            calls = ask_calls(talker)
            yield f"| {name} | {calls.name_right:.1%} | {calls.arguments_right:.1%} | {calls.none_called:.1%} |"
        yield ""
        yield "| run | steps | seconds | validation loss, first epoch | last epoch |"
        yield "|---|---:|---:|---:|---:|"
        for name, run in (
            ("sarcastic", styled),
            ("sarcastic, weights swapped", plain),
            ("travel", travel),
            ("glossary", glossary),
            ("tools", tools),
        ):
            yield (
                f"| {name} | {run.steps} | {run.seconds:.0f} | {run.valid_loss_at_first:.3f} | {run.valid_loss_at_last:.3f} |"
            )
        yield ""
        yield (
            "The glossary defines terms that the validation file does not share and the model cannot know: what it learns is "
            "the form."
        )
        yield ""


def _tuned(directory: Path, run: Tuned) -> Talker:
    return load(directory, run.directory / "model")


def _shown(base: Talker) -> Iterator[str]:
    yield "### As it talks"
    yield ""
    yield "Greedy answers of the base model, as they came."
    yield ""
    yield "```text"
    conversations = [[*([system(told)] if told else []), user(question)] for told, question in SHOWN]
    for (told, question), answer in zip(SHOWN, base.answers(conversations), strict=True):
        yield f"{f'[{told}] ' if told else ''}{question}"
        yield f"    {answer.text}"
    yield "```"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
