"""The figures as a table and as JSON, and what they are held against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from statistics import fmean, median
from typing import Any

from .measuring import MeasuredStep

MIB = 2**20
LOSS_TOLERANCE = 0.02
"""Held-out losses are called equal within this share: the order of the rows differs."""
STEP_LOSS_TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2}
"""Losses of the same step are called equal within this share: only rounding differs."""


@dataclass(frozen=True)
class SetFacts:
    """What a set is, whoever trains on it."""

    what: str
    rows: int
    batch_size: int
    tokens: int
    trained_tokens: int
    positions_once: int
    """With what the rows of a step begin with in common counted once."""
    model: str
    precision: str
    learning_rate: float
    weights_bytes: int
    untrained_loss: float
    """Held-out, before the training."""
    gemm_flops: float
    limit: float
    """Tokens a second if nothing but the formula's work was done at the rate of matrix products."""
    limit_shared: float
    """The same with shared beginnings once."""


@dataclass(frozen=True)
class Contender:
    """One contender's runs on one set."""

    runs: list[list[MeasuredStep]] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)

    def add(self, steps: list[MeasuredStep], peak_bytes: int, held_out_loss: float) -> None:
        self.runs.append(steps)
        self.peaks.append(peak_bytes)
        self.held_out.append(held_out_loss)

    def rates(self, what: str) -> list[float]:
        """A second, of each run; `what` is a count of `MeasuredStep`."""
        return [sum(getattr(s, what) for s in run) / sum(s.seconds for s in run) for run in self.runs]

    @property
    def trained_tokens_per_second(self) -> float:
        return median(self.rates("trained_tokens"))

    @property
    def step_seconds(self) -> float:
        return median(fmean(step.seconds for step in run) for run in self.runs)

    @property
    def padding_ratio(self) -> float:
        """Positions computed for each token."""
        return sum(step.positions for step in self.runs[0]) / sum(step.tokens for step in self.runs[0])

    @property
    def train_loss(self) -> float:
        steps = self.runs[0]
        return sum(step.loss * step.trained_tokens for step in steps) / sum(step.trained_tokens for step in steps)

    @property
    def held_out_loss(self) -> float:
        return median(self.held_out)

    @property
    def peak_bytes(self) -> int:
        return max(self.peaks)

    def figures(self, facts: SetFacts, *, shares: bool) -> dict[str, Any]:
        limit = facts.limit_shared if shares else facts.limit
        rates = self.rates("trained_tokens")
        return {
            "trained_tokens_per_second": self.trained_tokens_per_second,
            "trained_tokens_per_second_least": min(rates),
            "trained_tokens_per_second_most": max(rates),
            "tokens_per_second": median(self.rates("tokens")),
            "share_of_limit": median(self.rates("tokens")) / limit,
            "step_seconds": self.step_seconds,
            "padding_ratio": self.padding_ratio,
            "peak_bytes": self.peak_bytes,
            "peak_over_weights_bytes": self.peak_bytes - facts.weights_bytes,
            "train_loss": self.train_loss,
            "held_out_loss": self.held_out_loss,
            "steps": [asdict(step) for step in self.runs[-1]],
        }


Contenders = dict[str, Contender]
SHARING = ("localft", "bare loop")
"""Contenders that compute what rows begin with in common once."""


@dataclass(frozen=True)
class Claim:
    """A figure and what it has to be."""

    what: str
    found: float
    wanted: float
    at_least: bool

    @property
    def holds(self) -> bool:
        return self.found >= self.wanted if self.at_least else self.found <= self.wanted

    def row(self) -> str:
        return (
            f"| {self.what} | {self.found:.3g} | {'≥' if self.at_least else '≤'} {self.wanted:g} | {_yes(self.holds)} |"
        )


def claims(name: str, facts: SetFacts, contenders: Contenders) -> Iterator[Claim]:
    """What the figures of one set are held against, as far as its contenders were run."""
    ours = contenders.get("localft")
    if ours is None:
        return

    def faster(other: str, times: float) -> Iterator[Claim]:
        if other in contenders:
            found = ours.trained_tokens_per_second / contenders[other].trained_tokens_per_second
            yield Claim(f"{name}: trained tokens a second, times {other}", found, times, at_least=True)

    if name == "skewed":
        yield from faster("TRL defaults", 10)
        yield from faster("TRL tuned", 2.5)
    if name == "shared":
        yield from faster("TRL tuned", 3.5)
        yield from faster("localft, not sharing", 1.7)
    if name == "vocabulary":
        over = (ours.peak_bytes - facts.weights_bytes) / 1e9
        yield Claim(f"{name}: peak memory over the weights, GB", over, 0.5, at_least=False)
    if bare := contenders.get("bare loop"):
        slower = ours.step_seconds / bare.step_seconds
        yield Claim(f"{name}: seconds a step, times bare loop", slower, 1.1, at_least=False)
        apart = max(abs(a.loss / b.loss - 1) for a, b in zip(ours.runs[0], bare.runs[0], strict=True))
        what = f"{name}: largest difference of a step's loss from bare loop's"
        yield Claim(what, apart, STEP_LOSS_TOLERANCE[facts.precision], at_least=False)
    yield Claim(f"{name}: positions computed for each token", ours.padding_ratio, 1.02, at_least=False)
    for other in ("TRL defaults", "TRL tuned"):
        if other in contenders:
            apart = abs(ours.held_out_loss / contenders[other].held_out_loss - 1)
            what = f"{name}: difference of the held-out loss from {other}'s"
            yield Claim(what, apart, LOSS_TOLERANCE, at_least=False)


def as_json(about: dict[str, Any], facts: dict[str, SetFacts], measured: dict[str, Contenders]) -> dict[str, Any]:
    return {
        **about,
        "sets": {
            name: {
                **asdict(facts[name]),
                "contenders": {
                    who: one.figures(facts[name], shares=who in SHARING) for who, one in measured[name].items()
                },
            }
            for name in measured
        },
        "claims": [
            {**asdict(claim), "holds": claim.holds}
            for name in measured
            for claim in claims(name, facts[name], measured[name])
        ],
    }


def as_page(figures: dict[str, Any], *, command: str, gpu_figures: bool) -> str:
    """The page of what `as_json` returned."""
    machine, versions = figures["machine"], figures["versions"]
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    claimed = [Claim(c["what"], c["found"], c["wanted"], c["at_least"]).row() for c in figures["claims"]]
    missing = (
        "" if gpu_figures else "\nNo figures from a GPU exist yet: `scripts/bench --device cuda --write` makes them.\n"
    )
    return f"""# Beside plain TRL, on a {"GPU" if figures["device"] == "cuda" else "CPU"}

Written by `{command}`; `{"gpu" if figures["device"] == "cuda" else "cpu"}.json` beside it has every step.

{figures["date"]}, commit {figures["commit"]}, {machine["processor"]}, {machine["cores"]} cores, {machine["threads"]}
threads, load {machine["load_before"]:.1f} before the run. {packages}.
Each training ran {figures["repeat"]} times, in turn with the others, TRL's defaults once: figures are medians.
{missing}
{_READING}
## What is claimed

| figure | found | wanted | holds |
|---|---|---|---|
{chr(10).join(claimed)}

{chr(10).join(_set_section(name, one) for name, one in figures["sets"].items())}"""


_READING = """## How to read it

Each contender trains the same token ids for one epoch in a process of its own: LoRA of rank 16, AdamW, the same learning
rate and decay. Times are wall time of the whole epoch, from the beginning of its first step to the end of its last; loading
and importing do not count.

- **TRL defaults**: `SFTTrainer` as it comes, on tokenised rows with labels: bfloat16 autocast on a CPU too, gradient
  checkpointing, rows padded to the longest of a random batch, the head on all positions where there is no GPU. Only
  `max_length` is set, to none: its default would cut rows. **float32**: the same without autocast.
- **TRL tuned**: rows grouped by length (within a quarter of the rows at most, so a larger file leaves it less padding than
  these few rows do), no checkpointing, float32 on a CPU, the head on trained positions alone (forced on a
  CPU by a patch, as TRL has it on GPUs), no logging, no check for NaN.
- **bare loop**: no framework, a hundred lines (`scripts/benchmarks/bare_loop.py`): a step in one row without padding, what its
  rows begin with in common once, the head on trained positions.
- **localft**: what `localft train` runs, with its records and checkpoints; **not sharing** sets `share_prefixes: false`.

*Held-out loss* is measured behind each training by one function with plain logits. TRL takes the rows in an order of its own,
so losses are compared there; localft and the bare loop take the same steps. *Padding* is positions computed for each token:
above 1 is padding, below 1 are shared beginnings. *Peak* is what the training takes over the base model's weights. *Of the
limit* is the speed against that of the work that cannot be avoided (linear layers, attention, the head on trained positions;
with shared beginnings once for localft and the bare loop) at the rate of
the model's own matrix products, measured in the same run.
"""


COLUMNS = (
    "",
    "trained tokens/s",
    "spread",
    "times TRL tuned",
    "step, s",
    "padding",
    "peak, MiB",
    "train loss",
    "held-out loss",
    "of the limit",
)


def _set_section(name: str, one: dict[str, Any]) -> str:
    once = one["positions_once"] / one["tokens"]
    tuned = one["contenders"].get("TRL tuned", {}).get("trained_tokens_per_second")
    rows = [_contender_row(who, figures, tuned) for who, figures in one["contenders"].items()]
    return f"""## {name}

{one["what"][0].upper()}{one["what"][1:]}: {one["rows"]} rows, {one["batch_size"]} a step, {one["tokens"]:,} tokens,
{one["trained_tokens"]:,} of them trained; {once:.0%} of them remain where shared beginnings count once.
{one["model"]}.
Its matrix products run at {one["gemm_flops"] / 1e9:,.0f} GFLOP/s: the limit is {one["limit"]:,.0f} tokens/s, with sharing
{one["limit_shared"]:,.0f}.
Held-out loss before training: {one["untrained_loss"]:.4f}.

| {" | ".join(COLUMNS)} |
{"|---" * len(COLUMNS)}|
{chr(10).join(rows)}
"""


def _contender_row(who: str, figures: dict[str, Any], tuned: float | None) -> str:
    rate = figures["trained_tokens_per_second"]
    spread = f"{figures['trained_tokens_per_second_least']:,.0f}..{figures['trained_tokens_per_second_most']:,.0f}"
    cells = [
        who,
        f"{rate:,.0f}",
        spread,
        f"{rate / tuned:.2f}" if tuned else "",
        f"{figures['step_seconds']:.3f}",
        f"{figures['padding_ratio']:.3f}",
        f"{figures['peak_over_weights_bytes'] / MIB:,.0f}",
        f"{figures['train_loss']:.4f}",
        f"{figures['held_out_loss']:.4f}",
        f"{figures['share_of_limit']:.0%}",
    ]
    return f"| {' | '.join(cells)} |"


def _yes(holds: bool) -> str:
    return "yes" if holds else "**no**"


def to_text(figures: dict[str, Any]) -> str:
    return json.dumps(figures, indent=1) + "\n"
