"""Azure's own client: the real `load_job`, and the submission. Imported here only, inside functions."""

from __future__ import annotations

import difflib
import itertools
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localft import settings
from localft.azure.addresses import is_cloud_path
from localft.azure.checks import problems
from localft.azure.command import EXPRESSION
from localft.azure.data import require_valid_data
from localft.azure.job_file import JobFile, Problem, mapping, read_job, refuse
from localft.errors import SubmissionFailed, UsageError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

REFERENCE = "https://aka.ms/ml-cli-v2-job-command-yaml-reference"
_CONFIG = ("subscription_id", "resource_group", "workspace_name")
_SCOPE = "/subscriptions/([^/]+)/resourcegroups/([^/]+)/providers/[^/]+/workspaces/([^/]+)"


def check(path: Path) -> JobFile:
    """Checks a job file by the real `load_job` and by localft's own checks; needs no credentials and no network.

    UsageError holds all problems of both; DataError those of local data, where nothing else is wrong.
    """
    job = read_job(path)
    refuse(job, _not_localfts(job))
    refuse(job, [*_refusals(job), *problems(job)])
    refuse(job, _refused_when_sent(job))
    require_valid_data(*(_local_file(job, flag) for flag in ("--training-file", "--validation-file")))
    return job


def _local_file(job: JobFile, flag: str) -> str | None:
    """The data file on this machine that the command mounts for a flag; None where there is none."""
    for training in job.command.trainings:
        named = EXPRESSION.fullmatch(dict(training.flags).get(flag) or "")
        given = mapping(job.values, "inputs").get(named[2]) if named else None
        path = given.get("path") if isinstance(given, dict) else None
        if isinstance(path, str):
            return None if is_cloud_path(path) else os.path.normpath(job.directory / path)
    return None


def _not_localfts(job: JobFile) -> Iterator[Problem]:
    """Why the file is no job of a kind that is looked into; its keys then mean something else, and are not judged."""
    kind = job.values.get("type", "command")
    if kind not in ("command", "sweep"):
        yield Problem(
            ("type",), f"expected command or sweep, found {kind}; localft checks and submits command and sweep jobs."
        )
    elif kind == "sweep" and not isinstance(job.values.get("trial", {}), dict):
        yield Problem(
            ("trial",),
            f"expected the command, code and environment of each trial, found {job.values['trial']}; make the sweep with "
            "`localft azure sweep`.",
        )


def submit(job: JobFile, workspace: settings.AzureWorkspace | None) -> Submitted:
    """Hands a checked job to Azure; without `workspace` the nearest config.json says to which workspace."""
    from azure.ai.ml import load_job
    from azure.core.exceptions import AzureError

    try:
        with _quiet():
            created = _client(workspace).jobs.create_or_update(load_job(job.path))
    except AzureError as error:
        raise _told(error, job.path) from error
    return Submitted(name=str(created.name), studio_url=created.studio_url)


@dataclass(frozen=True)
class Submitted:
    """A job that Azure has taken."""

    name: str
    studio_url: str | None


def _client(workspace: settings.AzureWorkspace | None) -> MLClient:
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential()
    workspace = workspace or _read_config(_find_config())
    return MLClient(
        credential,
        subscription_id=workspace.subscription,
        resource_group_name=workspace.resource_group,
        workspace_name=workspace.name,
    )


def _find_config() -> Path:
    """The config.json that Azure's client would take: the nearest one above in .azureml/, then in aml_config/, then plain."""
    above = (Path.cwd(), *Path.cwd().parents)
    for directory, name in itertools.product((".azureml", "aml_config", ""), ("config.json", "project.json")):
        for place in above:
            if (place / directory / name).is_file():
                return place / directory / name
    raise UsageError(
        "expected a workspace: --subscription, --resource-group and --workspace, the environment variables "
        f"{', '.join(settings.AZURE_WORKSPACE)}, or a config.json here or above; found none. The studio offers the file "
        "for download under the name of the workspace.",
        code="workspace_missing",
    )


def _read_config(file: Path) -> settings.AzureWorkspace:
    """The workspace that the file names: in three keys, or as older files do by its resource id in `Scope`."""
    try:
        config = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _no_config(file, str(error.strerror)) from None
    except ValueError as error:
        raise _no_config(file, f"what is no JSON ({error})") from None
    if not isinstance(config, dict):
        raise _no_config(file, "JSON without keys")
    scope = re.fullmatch(_SCOPE, str(config.get("Scope")), re.IGNORECASE)
    if scope is not None:
        return settings.AzureWorkspace(*scope.groups())
    found = [config.get(key) for key in _CONFIG]
    wrong = [
        f"no {key}" if key not in config else f"{key}: {json.dumps(value)}"
        for key, value in zip(_CONFIG, found, strict=True)
        if not isinstance(value, str) or not value.strip()
    ]
    if wrong:
        raise _no_config(file, ", ".join(wrong))
    return settings.AzureWorkspace(*map(str, found))


def _no_config(file: Path, found: str) -> UsageError:
    return UsageError(
        f"{file}: expected a JSON object with the texts {', '.join(_CONFIG[:-1])} and {_CONFIG[-1]}, found {found}; download the "
        "file again in the studio under the name of the workspace, or give --subscription, --resource-group and --workspace.",
        code="workspace_missing",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the client from announcing which of its classes are experimental."""
    log = logging.getLogger("azure.ai.ml")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _told(error: Exception, path: Path) -> SubmissionFailed:
    """The refusal in a sentence. The client wraps what the account is refused for into errors of its own."""
    from azure.core.exceptions import ClientAuthenticationError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ClientAuthenticationError):
            return SubmissionFailed(
                f"Azure does not know who is asking: {_first_line(cause)} Run `az login`, or set AZURE_CLIENT_ID, "
                "AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
                code="authentication_failed",
            )
        cause = cause.__cause__ or cause.__context__
    return SubmissionFailed(f"{path}: Azure did not take the job: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    """The first line that says something; the client colours its messages, and begins some with a headline."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(getattr(error, "message", None) or error))
    lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
    named = (line.removeprefix("(x) ") for line in lines if line.startswith("(x) "))
    return next(named, lines[0] if lines else type(error).__name__)


# --- what load_job refuses --------------------------------------------------------------------------------------------


def _refusals(job: JobFile) -> list[Problem]:
    """What `load_job` has against the file, each part with its place in it."""
    from azure.ai.ml.exceptions import MlException
    from marshmallow import ValidationError

    try:
        with _quiet():
            from azure.ai.ml import load_job

            load_job(os.fspath(job.path))
    except (ValidationError, MlException) as error:
        return list(_parts(str(error), job)) or [
            Problem((), f"expected a job that Azure's client takes, found: {_first_line(error)}")
        ]
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:  # of what it did not expect
        return [
            Problem(
                (),
                f"expected a job that Azure's client can read, found one that it fails of ({type(error).__name__}: "
                f"{_first_line(error)}); compare it with {REFERENCE}.",
            )
        ]
    return []


def _refused_when_sent(job: JobFile) -> list[Problem]:
    """What the client refuses only when it builds the request, by when it has uploaded the files. Nothing is sent here."""
    from azure.ai.ml import load_job
    from azure.ai.ml.exceptions import MlException

    try:
        with _quiet():
            loaded = load_job(os.fspath(job.path))
            made = loaded._to_job() if hasattr(loaded, "_to_job") else loaded
            made._to_rest_object()
    except MlException as error:
        return [Problem((), f"expected a job that Azure's client takes, found: {_first_line(error)}")]
    except AttributeError:  # another version of the client, with other names for these two
        return []
    return []


def _parts(text: str, job: JobFile) -> Iterator[Problem]:
    """The client's message holds JSON: problems by key, or a list of such messages."""
    start = text.find("{")
    if start < 0:
        return
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return
    messages = found.get("errors")
    if isinstance(messages, list) and all(isinstance(each, dict) and "message" in each for each in messages):
        for each in messages:
            yield from _parts(each["message"], job)
        return
    unknown = [key for key, said in _leaves(found, ()) if said == "Unknown field."]
    for key, said in _leaves(found, ()):
        yield Problem(key, _sentence(key, said, unknown, job.values))


def _leaves(node: Any, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Key and message of each refusal. Where several forms are allowed, the form that the value comes nearest to counts."""
    if isinstance(node, str):
        yield key, " ".join(node.split())
    elif isinstance(node, dict):
        for name, inner in node.items():
            yield from _leaves(inner, key if name in ("_schema", "value") else (*key, name))
    elif isinstance(node, list):
        if len(node) > 1 and not any(isinstance(each, str) for each in node):
            node = [min(node, key=lambda each: len(list(_leaves(each, ()))))]
        for each in node:
            yield from _leaves(each, key)


def _sentence(key: tuple[str, ...], said: str, unknown: list[tuple[str, ...]], values: Mapping[str, Any]) -> str:
    if said == "Unknown field.":
        return "expected a key of an Azure ML job, found one that its client does not know; remove it, or mend its spelling."
    if said == "Missing data for required field.":
        near = difflib.get_close_matches(key[-1], [other[-1] for other in unknown if other[:-1] == key[:-1]], n=1)
        meant = f"; is {near[0]} meant for it?" if near else "; add it."
        return f"expected it, found none{meant}"
    found: Any = values
    for name in key:
        found = found.get(name) if isinstance(found, dict) else None
    value = "" if found is None or isinstance(found, dict | list) else f", found {json.dumps(found, default=str)}"
    return f"expected what Azure ML takes here{value}: {said.rstrip('.')}; see {REFERENCE}."
