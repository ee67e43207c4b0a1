"""What is wrong with how a sweep job searches, as far as Azure's own client does not see it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from localft.azure.job_file import JobFile, Problem, mapping, whole_number


def sweep_problems(job: JobFile) -> Iterator[Problem]:
    """A sweep has trials, and values to try."""
    if job.values.get("type") != "sweep":
        return
    yield from _limits(mapping(job.values, "limits"))
    yield from _search_space(job)
    objective, policy = mapping(job.values, "objective"), mapping(job.values, "early_termination")
    if objective.get("goal") == "maximize" and "loss" in str(objective.get("primary_metric")):
        yield Problem(
            ("objective", "goal"),
            f"expected minimize, for {objective['primary_metric']} is better the lower it is, found maximize; mend it.",
        )
    if policy.get("type") == "bandit" and not (policy.get("slack_factor") or policy.get("slack_amount")):
        yield Problem(
            ("early_termination",), "expected slack_factor or slack_amount for bandit, found neither; add one."
        )


def _limits(limits: dict[str, Any]) -> Iterator[Problem]:
    counts = {name: whole_number(limits.get(name)) for name in ("max_total_trials", "max_concurrent_trials")}
    for name, count in counts.items():
        if count is not None and count < 1:
            yield Problem(("limits", name), f"expected 1 trial or more, found {count}; mend it.")
    total, at_once = counts.values()
    if total is not None and at_once is not None and at_once > total:
        yield Problem(
            ("limits", "max_concurrent_trials"),
            f"expected at most the {total} of max_total_trials, found {at_once}; lower it.",
        )


def _search_space(job: JobFile) -> Iterator[Problem]:
    for name, tried in mapping(job.values, "search_space").items():
        where = ("search_space", str(name))
        if not isinstance(tried, dict):
            continue
        if tried.get("values") == []:
            yield Problem((*where, "values"), "expected values to try, found none; add them, or remove the name.")
        low, high = tried.get("min_value"), tried.get("max_value")
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield Problem(where, f"expected min_value to be at most max_value, found {low} and {high}; exchange them.")
        if job.values.get("sampling_algorithm") == "grid" and tried.get("type", "choice") != "choice":
            yield Problem(
                (*where, "type"),
                f"expected choice, which is all that sampling_algorithm: grid takes, found {tried['type']}; list the values, "
                "or set sampling_algorithm to random.",
            )


def tried_values(tried: dict[str, Any]) -> list[Any]:
    """What a name of the search space may become: all values of a choice, else the ends and something between them."""
    kind, low, high = tried.get("type", "choice"), tried.get("min_value"), tried.get("max_value")
    if kind == "choice":
        return list(tried["values"]) if isinstance(tried.get("values"), list) else []
    if kind == "randint" and isinstance(tried.get("upper"), int):
        return [0, tried["upper"] - 1]
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        return []
    if kind == "loguniform":
        return [math.exp(low), math.exp(high)] if max(abs(low), abs(high)) < 700 else []
    return [low, high] if kind == "quniform" else [low + (high - low) / 3.1, low, high] if kind == "uniform" else []
