"""What a job would train: its recipe, with the flags of the command and the values that Azure puts into them.

Read by the rules of recipes, so that a knob out of range is found here, and not on a machine that is paid for. A sweep is read
once for each value that it tries, the others staying at their first.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localft.azure.addresses import is_cloud_path
from localft.azure.command import EXPRESSION, TrainCommand
from localft.azure.job_file import JobFile, Key, Problem, mapping, trial
from localft.azure.sweeps import tried_values
from localft.catalog import find, is_hub_id, suggestions
from localft.errors import UsageError
from localft.jobs.results import METRICS
from localft.plan import TrainingRequest
from localft.recipe import find_key, flag_name, read_recipe

_RESUME = ("auto", "never")


@dataclass(frozen=True)
class _Given:
    """The value of one flag: where in the job it stands, and as text. A mounted file is `mounted`."""

    key: Key
    text: str
    mounted: bool = False


def training_problems(job: JobFile) -> list[Problem]:
    """What the recipe's rules have against the job's values, and what its image lacks."""
    if job.command.problem is not None:
        return [Problem(_command_key(job), job.command.problem)]
    found = list(_metric(job))
    for training in job.command.trainings:
        found += _misspelled(job, training)
        recipe = _recipe(job, training)
        if recipe is None or recipe.suffix == ".json":  # a plan, whose values are settled
            continue
        read = [_read(job, recipe, combination) for combination in _combinations(_values(job, training))]
        found += itertools.chain.from_iterable(problems for _, problems in read)
        requests = [request for request, _ in read if request is not None]
        found += [problem for request in requests[:1] for problem in _needs(job, request)]
    return list(dict.fromkeys(found))


def _command_key(job: JobFile) -> Key:
    return (*trial(job)[0], "command")


def _recipe(job: JobFile, training: TrainCommand) -> Path | None:
    """The recipe in the code folder; None where it cannot be looked at from here, or may be made by the command."""
    directory, recipe = training.place.directory, training.recipe
    if job.code is None or recipe is None or directory is None or training.place.names(recipe):
        return None
    file = job.code / directory / recipe
    return file if os.path.isfile(file) else None


# --- flags ------------------------------------------------------------------------------------------------------------


def _misspelled(job: JobFile, command: TrainCommand) -> Iterator[Problem]:
    where = _command_key(job)
    for word in command.stray:
        yield Problem(
            where, f"expected one recipe and flags behind `localft train`, found {word} too; remove or quote it."
        )
    for flag, value in command.flags:
        if "$" in flag:
            continue
        if flag != "--resume" and _key_of(flag) is None:
            yield Problem(where, f"expected a flag of `localft train`, found {flag}; {_nearest(flag)}")
        elif value is None:
            yield Problem(where, f"expected a value behind {flag}, found none; add it.")
        elif flag == "--resume" and "$" not in value and value not in _RESUME:
            yield Problem(where, f"expected --resume auto or --resume never, found {value}; mend it.")


def _key_of(flag: str) -> str | None:
    """The recipe key that a flag sets, dotted: --lora-rank -> lora.rank."""
    try:
        key = find_key(flag.removeprefix("--"))
    except UsageError:
        return None
    if flag != f"--{flag_name(key).replace('_', '-')}":
        return None
    return "method.type" if key == "method" else key


def _nearest(flag: str) -> str:
    try:
        return f"write --{flag_name(find_key(flag.removeprefix('--'))).replace('_', '-')}."
    except UsageError as error:
        _, hint, name = error.message.partition("Did you mean ")
        return f"did you mean --{flag_name(find_key(name.rstrip('?'))).replace('_', '-')}?" if hint else "remove it."


# --- values -----------------------------------------------------------------------------------------------------------


def _values(job: JobFile, command: TrainCommand) -> dict[str, list[_Given]]:
    """Recipe key -> the values that its flag is tried with; a flag whose value only Azure knows is left out."""
    values: dict[str, list[_Given]] = {}
    for flag, word in command.flags:
        key = _key_of(flag)
        found = [] if word is None else list(_texts(job, word))
        if key is not None and found:
            values[key] = found
    return values


def _texts(job: JobFile, word: str) -> Iterator[_Given]:
    """The values that a word of the command stands for."""
    whole = EXPRESSION.fullmatch(word)
    if whole is None:
        if "$" not in word:
            yield _Given(_command_key(job), word)
        return
    kind, name = whole.groups()
    given = mapping(job.values, kind).get(name)
    if kind == "search_space":
        tried = given if isinstance(given, dict) else {}
        where = (kind, name, "values") if "values" in tried else (kind, name)
        yield from (_Given(where, _text(value)) for value in tried_values(tried))
    elif isinstance(given, dict):
        yield _Given((kind, name), str(given.get("path", "mounted")), mounted=True)
    elif given is not None and _text(given).strip() not in ("", "inf", "-inf", "nan"):  # said of the input itself
        yield _Given((kind, name), _text(given))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _combinations(values: dict[str, list[_Given]]) -> Iterator[dict[str, _Given]]:
    """All flags at their first value, then each other value by itself."""
    first = {key: given[0] for key, given in values.items()}
    yield first
    for key, given in values.items():
        yield from ({**first, key: other} for other in given[1:])


def _read(job: JobFile, recipe: Path, given: dict[str, _Given]) -> tuple[TrainingRequest | None, list[Problem]]:
    names = {".".join(value.key): value.key for value in given.values()}
    try:
        request = read_recipe(
            recipe,
            {key: value.text for key, value in given.items()},
            said_as=lambda key: ".".join(given[key].key) if key in given else key,
        )
    except UsageError as error:
        return None, [_placed(problem, names, _command_key(job)) for problem in error.problems]
    return request, list(_model(job, recipe, request, given.get("model")))


def _placed(problem: str, names: dict[str, Key], otherwise: Key) -> Problem:
    """A problem of the recipe's, which begins with where its value was given."""
    where, _, said = problem.partition(": ")
    return Problem(names[where], said) if where in names else Problem(otherwise, problem)


def _model(job: JobFile, recipe: Path, request: TrainingRequest, given: _Given | None) -> Iterator[Problem]:
    """A model that is not mounted has to be one that a bare machine finds by its name."""
    if (given is not None and given.mounted) or os.path.isdir(recipe.parent / request.model):
        return
    wrong = _unknown_model(job, request.model)
    if wrong:
        yield Problem(given.key if given is not None else _command_key(job), wrong)


def models(job: JobFile) -> Iterator[str]:
    """The names of the models that the trainings begin with; one that is mounted has none."""
    for training in job.command.trainings:
        given, recipe = _values(job, training).get("model"), _recipe(job, training)
        if given is not None:
            yield from (each.text for each in given if not each.mounted)
        elif recipe is not None:
            request, _ = _read(job, recipe, {})
            yield from () if request is None else (request.model,)


def problems_of_the_model(job: JobFile) -> Iterator[Problem]:
    """The same of a job whose recipe is not in its code folder yet."""
    given = mapping(job.values, "inputs").get("model")
    wrong = _unknown_model(job, given) if isinstance(given, str) else None
    if wrong:
        yield Problem(("inputs", "model"), wrong)


def _unknown_model(job: JobFile, model: str) -> str | None:
    """Why a bare machine would not find a model by its name; None where it may. An environment of one's own may hold it."""
    in_image = model.startswith("/") and isinstance(trial(job)[1].get("environment"), str)
    if find(model) or is_hub_id(model) or in_image:
        return None
    near = suggestions(model)
    hint = f"did you mean {' or '.join(near)}?" if near else "mend it, or make a mounted input of a model of your own."
    return f"expected a catalogue id or a hub id such as owner/model, found {model}; {hint}"


# --- what else the training needs -------------------------------------------------------------------------------------


def _needs(job: JobFile, request: TrainingRequest) -> Iterator[Problem]:
    metric = mapping(job.values, "objective").get("primary_metric")
    if metric in METRICS and "valid" in metric and request.validation_file is None:
        yield Problem(
            ("objective", "primary_metric"),
            f"expected a validation_file, for {metric} is computed on it, found none; add it to the inputs and the command.",
        )
    named = [integration.type for integration in request.integrations]
    if job.values.get("type") == "sweep" and "mlflow" not in named:
        yield Problem(
            _command_key(job),
            "expected mlflow among the integrations, for Azure ranks trials by what they log to it, found "
            f"{', '.join(named) or 'none'}; add --integrations mlflow to the command.",
        )
    yield from _trackers(job, request)


def _trackers(job: JobFile, request: TrainingRequest) -> Iterator[Problem]:
    """Each tracker of the recipe is named somewhere in the build context; of a registered environment nothing is known."""
    parent, inner = trial(job)
    path = mapping(mapping(inner, "environment"), "build").get("path")
    if not isinstance(path, str) or is_cloud_path(path) or not os.path.isdir(job.directory / path):
        return
    files = [file for file in (job.directory / path).rglob("*") if file.is_file()]
    text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
    for integration in request.integrations:
        if not re.search(rf"\b{integration.type}\b", text):
            yield Problem(
                (*parent, "environment", "build", "path"),
                f"expected {integration.type} among the requirements in {path}, since the recipe's integrations name it, found "
                "none; make the job again with `localft azure job`, or add it to requirements.txt.",
            )


def _metric(job: JobFile) -> Iterator[Problem]:
    metric = mapping(job.values, "objective").get("primary_metric")
    if not isinstance(metric, str) or metric in METRICS:
        return
    near = difflib.get_close_matches(metric, METRICS, n=1)
    hint = f"did you mean {near[0]}?" if near else "name one of these."
    yield Problem(
        ("objective", "primary_metric"),
        f"expected a metric that localft logs, {', '.join(METRICS[:-1])} or {METRICS[-1]}, found {metric}; {hint}",
    )
