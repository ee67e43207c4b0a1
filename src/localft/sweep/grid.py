"""What is varied: `--grid n_epochs=2,3` as an axis, and the requests of all combinations.

n_epochs=2,3  x  lora.rank=8,16   ->  4 requests, the last axis varying fastest
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localft.errors import UsageError
from localft.hyperparameters import is_auto
from localft.plan import TrainingRequest
from localft.recipe import find_key, flag_name, read_recipe

MAX_TRIALS = 1000
"""As many as Azure ML takes in one sweep; a larger grid is rather a slip."""
_KNOBS = "method.supervised.hyperparameters."
_NOT_VARIED = {
    "output_dir": "each trial gets a directory of its own; --output-dir gives the one above them",
    "suffix": "it names the model and changes nothing in it",
    "validation_file": "trials are compared by the loss on one and the same file",
}
_EXECUTION = ("execution", "integrations")
_LONGEST_NAME = 120
Setting = int | float | str | bool | None


def setting_text(value: Setting) -> str:
    """A value as people read it: 0.5, 2 for 2.0, auto."""
    if value is None or (isinstance(value, int) and value == -1):
        return "auto"
    return format(value, ".9g") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Axis:
    """One recipe key and the texts of the values that it takes."""

    key: str
    """Dotted."""
    values: tuple[str, ...]

    @property
    def label(self) -> str:
        """The key as people call it: n_epochs, lora.rank."""
        return self.key.removeprefix(_KNOBS)

    @property
    def flag(self) -> str:
        """The key's flag as a name: n_epochs, lora_rank."""
        return flag_name(self.key)


@dataclass(frozen=True)
class Point:
    """One combination of values."""

    settings: dict[str, Setting]
    """Label -> value as the recipe's reader took it."""
    request: TrainingRequest

    @property
    def name(self) -> str:
        """Names the trial's directory. Follows from the settings alone, so that a larger grid finds its earlier trials again."""
        parts = [f"{label}={setting_text(value)}" for label, value in sorted(self.settings.items())]
        plain = ",".join(parts)
        safe = re.sub(r"[^A-Za-z0-9._=,+-]+", "-", plain)
        if safe == plain and len(safe) <= _LONGEST_NAME:
            return safe
        return f"{safe[:_LONGEST_NAME]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def read_grid(options: Sequence[str]) -> tuple[Axis, ...]:
    """The axes that `--grid NAME=V1,V2` options describe; UsageError holds all problems. Values are looked at with the recipe."""
    axes: dict[str, Axis] = {}
    problems: list[str] = []
    for option in options:
        try:
            axis = _read_axis(option)
        except UsageError as error:
            problems += error.problems
            continue
        if axis.key in axes:
            problems.append(f"--grid {option}: {axis.label} stands in two grids; give all its values in one.")
        axes[axis.key] = axis
    trials = 1
    for axis in axes.values():
        trials *= len(axis.values)
    if trials > MAX_TRIALS:
        problems.append(f"--grid: expected at most {MAX_TRIALS} trials, found {trials:,}; give fewer values.")
    _raise(problems)
    return tuple(axes.values())


def read_points(recipe: Path, axes: Sequence[Axis]) -> list[Point]:
    """Every combination with its request, in the order of the axes; UsageError holds the problems of all of them."""
    points: list[Point] = []
    problems: dict[str, None] = {}
    said_as = {axis.key: f"--grid {axis.label}" for axis in axes}
    for combination in itertools.product(*(axis.values for axis in axes)):
        overrides = {axis.key: text for axis, text in zip(axes, combination, strict=True)}
        try:
            request = read_recipe(recipe, overrides, said_as=said_as.__getitem__)
        except UsageError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        points.append(Point({axis.label: _setting(request, axis.key) for axis in axes}, request))
    problems |= dict.fromkeys(_unusable(points, axes))
    _raise(list(problems))
    return points


def _read_axis(option: str) -> Axis:
    name, equals, text = option.partition("=")
    if not equals:
        raise UsageError(
            f"--grid {option}: expected NAME=VALUE,VALUE,..., such as n_epochs=2,3; found no equals sign.", param="grid"
        )
    try:
        key = find_key(name)
    except UsageError as error:
        raise UsageError(f"--grid {option}: {error.message}", param="grid") from None
    reason = "it never changes the result" if key.startswith(_EXECUTION) else _NOT_VARIED.get(key)
    if reason is not None:
        raise UsageError(f"--grid {option}: {key} cannot be varied: {reason}.", param="grid")
    values = tuple(value.strip() for value in text.split(","))
    if "" in values:
        raise UsageError(
            f"--grid {option}: expected a value between all commas, found none in one place.", param="grid"
        )
    return Axis(key, values)


def _unusable(points: Sequence[Point], axes: Sequence[Axis]) -> Iterator[str]:
    """What each value alone may be, but not in a grid."""
    for axis in axes:
        found = [point.settings[axis.label] for point in points]
        if axis.key == "seed" and any(is_auto(value) for value in found):
            yield "--grid seed: expected numbers, found auto; without seed in the grid one is drawn for all trials."
    names = [point.name for point in points]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"--grid: {name} comes {names.count(name)} times; give each value once."


def _setting(request: TrainingRequest, key: str) -> Setting:
    value: Any = request
    for part in key.split("."):
        value = getattr(value, part)
    assert value is None or isinstance(value, int | float | str), "what can be varied is a single value"
    return value


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise UsageError("\n".join(problems), problems=tuple(problems), param="grid")
