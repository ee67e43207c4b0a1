#!/usr/bin/env python3
"""Sends the service what its own OpenAPI description allows and what it does not, thousands of times, and looks for a 5xx.

    scripts/soak schema                  at least 5,000 cases, prints a table; minutes on two cores
    scripts/soak schema --cases 300      fewer
    scripts/soak schema --write          writes docs/soak/schema.md too

schemathesis draws the cases, valid and invalid in turns, from the description at /openapi.json, and they are sent to the
application on a port of this machine. The store holds a file, an upload, a job and a
deployment, and half of the ids in paths are theirs, so that cases get behind the first 404. No worker runs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from localft.jobs.store import Deployment, JobRequest, Store
from served import TOKEN, service
from soak_checkpoints import ROOT, circumstances, conclude

PAGE = ROOT / "docs" / "soak" / "schema.md"
CASES = 5_000
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Tally:
    """How one operation answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Things:
    """What the store holds while it is fuzzed; a case may delete it, and it is made anew."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dice = random.Random(7)

    def id_for(self, parameter: str) -> str | None:
        """An id that exists, half of the time."""
        if self._dice.random() < 0.5:
            return None
        match parameter:
            case "file_id":
                return self._file()
            case "upload_id":
                return self._store.uploads.create("parts.jsonl", "fine-tune", 5, "text/plain").id
            case "job_id":
                return self._job()
            case "name":
                return self._store.deployments.put(Deployment("fuzzed", "localft/tiny-base"))[0].name
            case "model":
                return "localft/tiny-base"
        return None

    def fill(self, body: object) -> None:
        """Gives a drawn body a model and files that exist, half of the time."""
        if not isinstance(body, dict) or self._dice.random() < 0.5:
            return
        for name, existing in (("model", lambda: "localft/tiny-base"), ("training_file", self._file)):
            if isinstance(body.get(name), str):
                body[name] = existing()
        for asked, limit, most in (
            ("messages", "max_tokens", 4),
            ("prompt", "max_tokens", 4),
            ("input", "max_output_tokens", 16),
        ):
            if asked in body:  # an answer of full length takes as long as a hundred cases
                body.update({limit: most, "n": 1} if asked != "input" else {limit: most})
        if "messages" in body:
            body["messages"] = [{"role": "user", "content": "What is the capital of Australia?"}]
        if isinstance(body.get("validation_file"), str):
            body["validation_file"] = self._file()
        if isinstance(body.get("properties"), dict) and isinstance(body["properties"].get("model"), dict):
            body["properties"]["model"]["name"] = "localft/tiny-base"
        if not isinstance(body.get("localft"), dict) or self._dice.random() < 0.5:
            body.pop("localft", None)

    def _file(self) -> str:
        with self._store.files.writer("train.jsonl", "fine-tune") as writer:
            writer.write(b"{}\n")
            return writer.commit().id

    def _job(self) -> str:
        waiting = self._store.jobs.page(limit=1).items
        if waiting:
            return waiting[0].id
        return self._store.jobs.create(JobRequest(model="localft/tiny-base", training_file=self._file())).id


def fuzz(home: Path, cases: int) -> dict[str, Tally]:
    """Sends about `cases` cases, the same number to each operation and mode; returns what each operation answered."""
    with service(home) as running:
        schema = schemathesis.openapi.from_url(f"{running.address}/openapi.json", headers=HEADERS)
        operations = [found.ok() for found in schema.get_all_operations()]
        each = -(-cases // (len(operations) * len(GenerationMode)))
        things = Things(running.store)
        return {operation.label: _fuzz(operation, each, things) for operation in operations}


def _fuzz(operation: Any, each: int, things: Things) -> Tally:
    tally = Tally()

    def send(case: Case) -> None:
        for parameter in case.path_parameters or {}:
            existing = things.id_for(parameter)
            if existing is not None:
                case.path_parameters[parameter] = existing
        things.fill(case.body)
        response = case.call(headers=HEADERS, timeout=300)
        tally.statuses[response.status_code] += 1
        if response.status_code >= 500:
            tally.failures.append(f"{response.status_code}: {case.as_curl_command()[:1000]}")
        elif response.status_code >= 400 and not _is_envelope(response.content):
            tally.failures.append(f"{response.status_code} without an envelope: {case.as_curl_command()[:1000]}")

    limits = settings(
        max_examples=each,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    modes = list(GenerationMode)
    while modes and sum(tally.statuses.values()) < 2 * each:
        mode = modes.pop(0)
        try:
            limits(given(case=operation.as_strategy(mode))(send))()
            modes.append(mode)
        except Unsatisfiable:  # whatever is sent to an operation without parameters is valid
            continue
    return tally


def _is_envelope(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content)["error"]["message"], str)
    except (ValueError, KeyError, TypeError):
        return False


def page(tallies: dict[str, Tally], seconds: float) -> str:
    """The report."""
    rows = [
        f"| {label} | {sum(tally.statuses.values())} | "
        + " ".join(f"{status}: {count}" for status, count in sorted(tally.statuses.items()))
        + " |"
        for label, tally in tallies.items()
    ]
    total = sum(sum(tally.statuses.values()) for tally in tallies.values())
    failures = [f"- {label}: {failure}" for label, tally in tallies.items() for failure in tally.failures]
    lines = [
        "# The API under its own description",
        "",
        "Written by `scripts/soak schema --write`; what is done stands in the first lines of `scripts/soak_schema.py`.",
        "",
        circumstances(seconds),
        "",
        f"{total:,} cases; {sum('without' not in failure for failure in failures)} answers of 500 or above.",
        "",
        "| operation | cases | answers |",
        "|---|---|---|",
        *rows,
        "",
        *(failures or ["Nothing failed."]),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=CASES, help=f"least number of cases, default {CASES}")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as home:
        tallies = fuzz(Path(home), arguments.cases)
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    conclude(page(tallies, time.monotonic() - started), failures, PAGE if arguments.write else None)


if __name__ == "__main__":
    sys.exit(main())
