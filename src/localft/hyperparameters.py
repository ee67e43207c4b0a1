"""The four knobs: what may be asked for, and what "auto" becomes.

| knob | range | auto |
|---|---|---|
| `batch_size` | 1..256 examples per optimizer step, over all GPUs | `clamp(round(0.002 N), 1, 256)` |
| `n_epochs` | 1..50 passes | 3; if 3N < 100: min(25, 100 // N); if 3N > 25000: max(1, 25000 // N) |
| `learning_rate_multiplier` | > 0, finite | 1 |
| `seed` | 0..2147483647 | drawn at random, recorded |

`"auto"`, `-1` and `null` all mean auto: the first is OpenAI's word, the second Azure's, the third is what the SDK sends
for a knob that was not set. N is the number of training examples. The rules and the records behind them stand in
docs/hyperparameters.md.

The service does not say how it rounds 0.002 N. Here a half goes to the even neighbour, as Python's `round` does (N=1250
is 2.5 and gives 2), computed on whole numbers so that no float decides.
"""

from __future__ import annotations

import difflib
import json
import math
import secrets
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_BATCH_SIZE = 256
MAX_EPOCHS = 50
MAX_SEED = 2**31 - 1

AUTO_EPOCHS = 3
MAX_AUTO_EPOCHS = 25
MIN_EXAMPLES_SEEN = 100
"""Auto raises the epochs until about this many examples are seen, over all epochs."""
MAX_EXAMPLES_SEEN = 25_000
"""Auto lowers the epochs where more than this many examples would be seen."""

Requested = int | float | str | None
"""A knob as it was asked for: a number, or "auto", -1 or None."""


class Resolved(BaseModel):
    """One knob: its value, the rule that gave it, and what was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    value: int | float
    rule: str
    """A sentence for people, such as "auto: round(0.002 x 2000) = 4"."""
    requested: int | float | str | None = None


class ResolvedHyperparameters(BaseModel):
    """The four knobs with their values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: Resolved
    learning_rate_multiplier: Resolved
    n_epochs: Resolved
    seed: Resolved


def is_auto(requested: object) -> bool:
    """Whether a knob was left to localft: "auto", -1 or nothing."""
    return requested is None or requested == "auto" or (_is_number(requested) and requested == -1)


def check_batch_size(requested: object) -> Requested:
    """The value itself where it can be asked for; ValueError says what was expected otherwise."""
    return _check_integer("batch_size", requested, 1, MAX_BATCH_SIZE)


def check_n_epochs(requested: object) -> Requested:
    return _check_integer("n_epochs", requested, 1, MAX_EPOCHS)


def check_seed(requested: object) -> Requested:
    return _check_integer("seed", requested, 0, MAX_SEED)


def check_learning_rate_multiplier(requested: object) -> Requested:
    expected = 'a number above 0, or "auto"'
    if is_auto(requested):
        return _as_asked(requested)
    if not _is_number(requested):
        raise ValueError(_refusal("learning_rate_multiplier", requested, expected))
    assert isinstance(requested, int | float)
    try:
        usable = math.isfinite(requested) and requested > 0
    except OverflowError:  # an integer too large for a float
        usable = False
    if not usable:
        raise ValueError(_refusal("learning_rate_multiplier", requested, expected))
    return float(requested)


def _check_integer(name: str, requested: object, least: int, most: int) -> Requested:
    expected = f'an integer from {least} to {most}, or "auto"'
    if is_auto(requested):
        return _as_asked(requested)
    if isinstance(requested, bool) or not isinstance(requested, int) or not least <= requested <= most:
        raise ValueError(_refusal(name, requested, expected))
    return requested


def spelled(value: object) -> str:
    """A value as a recipe spells it: null, true, 3, "text"."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_asked(requested: object) -> Requested:
    assert requested is None or isinstance(requested, int | float | str)
    return requested


def _refusal(name: str, found: object, expected: str) -> str:
    sentence = f"{name} is {spelled(found)}; expected {expected}"
    if isinstance(found, str):
        if difflib.get_close_matches(found.strip().lower(), ["auto"], cutoff=0.7):
            return f'{sentence}. Did you mean "auto"?'
        try:
            float(found)
        except ValueError:
            return f"{sentence}."
        return f"{sentence}. Write it without quotes."
    if isinstance(found, float) and found.is_integer() and "integer" in expected:
        return f"{sentence}. Write {int(found)}."
    return f"{sentence}."


def _validator(check: Callable[[object], Requested]) -> BeforeValidator:
    """The same check inside pydantic, under a type of its own so that its sentence is passed on as it stands."""

    def validate(value: object) -> Requested:
        try:
            return check(value)
        except ValueError as refusal:
            raise PydanticCustomError("knob", "{refusal}", {"refusal": str(refusal)}) from None

    return BeforeValidator(validate)


def _auto_or(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, {"const": "auto"}, {"const": -1}, {"type": "null"}], "default": "auto"})


BatchSize = Annotated[
    Requested,
    _validator(check_batch_size),
    _auto_or({"type": "integer", "minimum": 1, "maximum": MAX_BATCH_SIZE}),
]
Epochs = Annotated[
    Requested, _validator(check_n_epochs), _auto_or({"type": "integer", "minimum": 1, "maximum": MAX_EPOCHS})
]
LearningRateMultiplier = Annotated[
    Requested,
    _validator(check_learning_rate_multiplier),
    _auto_or({"type": "number", "exclusiveMinimum": 0}),
]
Seed = Annotated[Requested, _validator(check_seed), _auto_or({"type": "integer", "minimum": 0, "maximum": MAX_SEED})]


class Hyperparameters(BaseModel):
    """The three knobs that the service keeps under `method.<type>.hyperparameters`; each may be "auto"."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    batch_size: BatchSize = "auto"
    """Examples per optimizer step over all GPUs, 1..256. auto: 0.2 % of the examples."""
    learning_rate_multiplier: LearningRateMultiplier = "auto"
    """Learning rate = the model's base learning rate x this. auto: 1. 0.5..2 suits LoRA."""
    n_epochs: Epochs = "auto"
    """Passes over the data, 1..50. auto: 3, more for few examples, fewer for many."""


def resolve(requested: Hyperparameters, seed: Requested, examples: int) -> ResolvedHyperparameters:
    """The four knobs as numbers for a training file of N = `examples`, each with the rule that gave it.

    A seed left to chance is drawn here, once; the plan records it.
    """
    return ResolvedHyperparameters(
        batch_size=resolve_batch_size(requested.batch_size, examples),
        learning_rate_multiplier=resolve_learning_rate_multiplier(requested.learning_rate_multiplier),
        n_epochs=resolve_n_epochs(requested.n_epochs, examples),
        seed=resolve_seed(seed),
    )


def resolve_batch_size(requested: Requested, examples: int) -> Resolved:
    """N=10 -> 1, N=2000 -> 4, N=200000 -> 256."""
    assert examples >= 1, "an empty file is refused before it is planned"
    if not is_auto(check_batch_size(requested)):
        assert isinstance(requested, int)
        rule = "as asked"
        if requested > examples:
            rule += f"; more than the {examples} examples, so an epoch is one step of {examples}"
        return Resolved(value=requested, rule=rule, requested=requested)
    rounded = round(Fraction(2 * examples, 1000))
    value = min(max(rounded, 1), MAX_BATCH_SIZE)
    rule = f"auto: round(0.002 x {examples}) = {rounded}"
    if value != rounded:
        rule += f", {'at least' if value > rounded else 'at most'} {value}"
    return Resolved(value=value, rule=rule, requested=requested)


def resolve_n_epochs(requested: Requested, examples: int) -> Resolved:
    """N=10 -> 10, N=33 -> 3, N=101 -> 3, N=8334 -> 2, N=25001 -> 1."""
    assert examples >= 1, "an empty file is refused before it is planned"
    if not is_auto(check_n_epochs(requested)):
        assert isinstance(requested, int)
        return Resolved(value=requested, rule="as asked", requested=requested)
    seen = AUTO_EPOCHS * examples
    if seen < MIN_EXAMPLES_SEEN:
        value = min(MAX_AUTO_EPOCHS, MIN_EXAMPLES_SEEN // examples)
        rule = (
            f"auto: 3 x {examples} is below {MIN_EXAMPLES_SEEN}, "
            f"so min({MAX_AUTO_EPOCHS}, {MIN_EXAMPLES_SEEN} // {examples}) = {value}"
        )
    elif seen > MAX_EXAMPLES_SEEN:
        value = max(1, MAX_EXAMPLES_SEEN // examples)
        rule = (
            f"auto: 3 x {examples} is above {MAX_EXAMPLES_SEEN}, so max(1, {MAX_EXAMPLES_SEEN} // {examples}) = {value}"
        )
    else:
        value = AUTO_EPOCHS
        rule = f"auto: {AUTO_EPOCHS}, since 3 x {examples} lies in {MIN_EXAMPLES_SEEN}..{MAX_EXAMPLES_SEEN}"
    return Resolved(value=value, rule=rule, requested=requested)


def resolve_learning_rate_multiplier(requested: Requested) -> Resolved:
    checked = check_learning_rate_multiplier(requested)
    if is_auto(checked):
        return Resolved(value=1.0, rule="auto: 1", requested=requested)
    assert isinstance(checked, float)
    return Resolved(value=checked, rule="as asked", requested=requested)


def resolve_seed(requested: Requested, draw: Callable[[int], int] = secrets.randbelow) -> Resolved:
    if not is_auto(check_seed(requested)):
        assert isinstance(requested, int)
        return Resolved(value=requested, rule="as asked", requested=requested)
    return Resolved(value=draw(MAX_SEED + 1), rule="auto: drawn at random, recorded here", requested=requested)
