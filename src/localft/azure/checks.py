"""What is wrong with a job file. Azure's own client refuses unknown keys and values; what it lets pass is checked here.

It lets pass: inputs and outputs that the command names and the job does not have, local data that does not exist, a build
directory without its Dockerfile or beyond Azure's limits, no compute (such a job goes to a machine without GPU), processes
that are started twice or know nothing of each other, checkpoints that are saved only at the end or at a place that ends with
the machine, and a code folder without the localft or the recipe that the command wants.

Reads the YAML itself and needs no package of Azure, so a job is checked when it is made and all problems come together.
Sweep jobs are checked too: their command, code and environment stand under `trial`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from localft.azure.addresses import (
    compute_problem,
    data_problem,
    environment_problem,
    experiment_problem,
    is_cloud_path,
)
from localft.azure.command import EXPRESSION, read_command
from localft.azure.job import OUTPUT, OUTPUT_PATH
from localft.azure.job_file import JobFile, Problem, command_of, machines, mapping, resources, trial, whole_number
from localft.azure.launch import launch_problems
from localft.azure.training import training_problems
from localft.errors import UsageError

_KINDS = {"uri_file": "file", "uri_folder": "folder", "mltable": "folder", "mlflow_model": "folder"}
"""What a local input of a type has to be; other models may be either, as may an input without type."""
_FILES = ("--training-file", "--validation-file", "--chat-template")

MAX_CONTEXT_FILES = 100
MAX_CONTEXT_BYTES = 1_000_000
"""What Azure takes as a build context (its page "Service limits")."""


def problems(job: JobFile) -> list[Problem]:
    """Everything that Azure's client would let pass and the job would fail of."""
    return [*problems_of_settings(job), *_image(job), *_code(job), *_unmounted(job), *training_problems(job)]


def problems_of_settings(job: JobFile) -> list[Problem]:
    """Those among them that do not depend on what lies in `localft-files/`."""
    return [
        *job.repeated,
        *_unbound(job),
        *_inputs(job),
        *_outputs(job),
        *_goes_on(job),
        *_trials(job),
        *_names(job),
        *_compute(job),
        *_launch(job),
    ]


# --- inputs and outputs -----------------------------------------------------------------------------------------------


def _unbound(job: JobFile) -> Iterator[Problem]:
    """What the command names and the job lacks, and what the job has and the command leaves out."""
    where = (*trial(job)[0], "command")
    if not command_of(job).strip():
        if trial(job)[1].get("command") is not None:
            yield Problem(where, "expected a command, found none in it; make the job again with `localft azure job`.")
        return
    named = {(kind, name) for kind, name in EXPRESSION.findall(command_of(job))}
    for kind in ("inputs", "outputs", "search_space"):
        has = {str(name) for name in mapping(job.values, kind)}
        wanted = {name for named_kind, name in named if named_kind == kind}
        for name in sorted(wanted - has):
            known = f"only {', '.join(sorted(has))}" if has else "none"
            yield Problem(
                where,
                f"expected {name} under {kind}, since the command names ${{{{{kind}.{name}}}}}, found {known}; add it, or "
                "mend the name.",
            )
        for name in sorted(has - wanted):
            yield Problem(
                (kind, name),
                f"expected ${{{{{kind}.{name}}}}} in the command, found it nowhere, so the job would not use it; add it "
                "to the command, or remove it here.",
            )


def _inputs(job: JobFile) -> Iterator[Problem]:
    """Data is where the job says, as far as that can be seen from here."""
    for name, given in mapping(job.values, "inputs").items():
        where = ("inputs", str(name))
        if isinstance(given, dict) and "path" not in given:
            yield Problem(where, "expected `path:`, the file, folder or data asset to be mounted, found none; add it.")
        path = given.get("path") if isinstance(given, dict) else None
        if not isinstance(path, str):
            continue
        if is_cloud_path(path):
            wrong = data_problem(path)
            if wrong:
                yield Problem((*where, "path"), wrong)
            continue
        local = Path(os.path.realpath(job.directory / path))  # the directory itself may be yet to be made
        kind = _KINDS.get(given.get("type"), "file or folder")
        if not ((local.is_file() and "file" in kind) or (local.is_dir() and "folder" in kind)):
            yield Problem(
                (*where, "path"),
                f"expected a {kind}, found none at {path} (seen from {_shown(job.directory)}); mend the path, or name a "
                "data asset: azureml:NAME:VERSION.",
            )


def _unmounted(job: JobFile) -> Iterator[Problem]:
    """A file whose path is only text: Azure uploads and mounts what is an input with a `path:`, and nothing else."""
    parent, inner = trial(job)
    for flag, value in _flags(job).items():
        name = EXPRESSION.fullmatch(value or "")
        text = mapping(job.values, "inputs").get(name[2]) if name and name[1] == "inputs" else value
        if flag not in _FILES or not isinstance(text, str) or "$" in text:
            continue
        code = inner.get("code")
        if not isinstance(code, str) or not (job.directory / code / text).is_file():
            yield Problem(
                ("inputs", name[2]) if name else (*parent, "command"),
                f"expected an input with `type: uri_file` and `path:` for {flag}, found the text {text}, which no machine of "
                "Azure's has; write it as such an input.",
            )


def _outputs(job: JobFile) -> Iterator[Problem]:
    """What the job writes is stored as it is written, at a place of the job's own."""
    for name, given in mapping(job.values, "outputs").items():
        where, path = ("outputs", str(name)), given.get("path") if isinstance(given, dict) else None
        if isinstance(given, dict) and given.get("mode") == "upload":
            yield Problem(
                (*where, "mode"),
                "expected rw_mount, found upload, which writes only when the job is done: one that is taken away would have "
                "saved nothing to go on from; set rw_mount.",
            )
        if not isinstance(path, str):
            continue
        if not is_cloud_path(path) or path.startswith("file:"):
            yield Problem(
                (*where, "path"),
                f"expected a place in Azure's storage, found {path}, a path of one machine; write {OUTPUT_PATH}, or remove it "
                "for Azure's default place.",
            )
        elif job.values.get("type") == "sweep" and "${{name}}" not in path:
            yield Problem(
                (*where, "path"),
                f"expected a place for each trial, found {path} for all of them; remove it, and each has Azure's default place.",
            )


def _goes_on(job: JobFile) -> Iterator[Problem]:
    """A job that is taken away and started again finds its run, and goes on with it."""
    flags, where = _flags(job), (*trial(job)[0], "command")
    if not flags:
        return
    if flags.get("--resume", "never") == "never":
        found = "--resume never" if "--resume" in flags else "none"
        yield Problem(
            where,
            f"expected --resume auto, by which a job that is taken away goes on with what it saved, found {found}; set it.",
        )
    output = flags.get("--output-dir")
    if not any(kind == "outputs" for kind, _ in EXPRESSION.findall(output or "")):
        yield Problem(
            where,
            f'expected --output-dir "${{{{outputs.{OUTPUT}}}}}", which outlives the machine, found {output or "none"}; set it, '
            "and have the output under outputs.",
        )


def _flags(job: JobFile) -> dict[str, str | None]:
    """The flags of `localft train` in the command; none where it starts no training."""
    try:
        training = read_command(command_of(job))
    except UsageError:
        return {}  # said of the command itself
    return dict(training.flags) if training is not None else {}


def _trials(job: JobFile) -> Iterator[Problem]:
    """A sweep has trials, and values to try."""
    if job.values.get("type") != "sweep":
        return
    for name in ("max_total_trials", "max_concurrent_trials"):
        given = mapping(job.values, "limits").get(name)
        count = whole_number(given)
        if count is not None and count < 1:
            yield Problem(("limits", name), f"expected 1 trial or more, found {given}; mend it.")
    for name, tried in mapping(job.values, "search_space").items():
        if isinstance(tried, dict) and tried.get("values") == []:
            yield Problem(
                ("search_space", str(name), "values"),
                "expected values to try, found none; add them, or remove the name.",
            )


# --- image and code ---------------------------------------------------------------------------------------------------


def _image(job: JobFile) -> Iterator[Problem]:
    """The Dockerfile is where Azure looks for it, and the build context is no larger than Azure takes."""
    parent, inner = trial(job)
    where = (*parent, "environment", "build")
    given, build = inner.get("environment"), mapping(mapping(inner, "environment"), "build")
    path = build.get("path")
    if isinstance(given, dict) and not given.get("image") and not path:
        yield Problem(
            where[:-1],
            "expected a registered environment (azureml:NAME:VERSION), or `image:`, or `path:` under `build:`, found none of "
            "them; add one, or make the job again with `localft azure job`.",
        )
    if not isinstance(path, str) or is_cloud_path(path) or not (job.directory / path).exists():
        return  # none to build here, or a directory that Azure's client misses
    context = job.directory / path
    if not context.is_dir():
        yield Problem(
            (*where, "path"), f"expected the folder with the Dockerfile, found the file {path}; name its folder."
        )
        return
    dockerfile = str(build.get("dockerfile_path", "Dockerfile"))
    outside = os.path.isabs(dockerfile) or os.path.normpath(dockerfile).startswith("..")
    if outside or not (context / dockerfile).is_file():
        there = ", ".join(sorted(file.name for file in context.iterdir())) or "an empty directory"
        yield Problem(
            (*where, "dockerfile_path" if "dockerfile_path" in build else "path"),
            f"expected a Dockerfile at {dockerfile} in {path}, found {'it outside of what is uploaded' if outside else there}; "
            "mend the path, or make the job again with `localft azure job`.",
        )
    files = [file for file in context.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    if len(files) > MAX_CONTEXT_FILES or size > MAX_CONTEXT_BYTES:
        yield Problem(
            (*where, "path"),
            f"expected a build context of at most {MAX_CONTEXT_FILES} files and {MAX_CONTEXT_BYTES:,} bytes, which is what "
            f"Azure takes, found {len(files)} files and {size:,} bytes; leave only the Dockerfile and what it copies.",
        )


def _code(job: JobFile) -> Iterator[Problem]:
    """The command finds localft and its recipe in the code folder, its working directory."""
    parent, inner = trial(job)
    code = inner.get("code")
    try:
        training = read_command(command_of(job))
    except UsageError:
        return  # said of the command itself
    if training is None or not training.from_code or (isinstance(code, str) and is_cloud_path(code)):
        return
    where = (*parent, "code") if "code" in inner else (*parent, "command")
    if not isinstance(code, str):
        yield Problem(where, "expected `code:`, the folder with localft and the recipe, found none; add it.")
        return
    folder = job.directory / code
    if folder.is_file():
        yield Problem(
            where, f"expected the folder with localft and the recipe, found the file {code}; name its folder."
        )
    wanted = {"localft/__main__.py": "localft itself"}
    if training.recipe is not None and not training.recipe.startswith("$"):
        wanted[training.recipe] = "the recipe"
    for name, what in wanted.items():
        if folder.is_dir() and not (folder / name).is_file():
            yield Problem(
                where,
                f"expected {what} at {name} in {code}, from where the command is run, found none; make the job again with "
                "`localft azure job`.",
            )


# --- machines ---------------------------------------------------------------------------------------------------------


def _compute(job: JobFile) -> Iterator[Problem]:
    if job.values.get("compute") or resources(job).get("instance_type"):
        return
    yield Problem(
        ("compute",) if "compute" in job.values else (),
        "expected compute: azureml:CLUSTER, or resources.instance_type for serverless compute, found neither; without one "
        "Azure picks a machine without GPU.",
    )


def _names(job: JobFile) -> Iterator[Problem]:
    """Names that only the service would refuse. An environment that is described in place is looked at by `_image`."""
    parent, inner = trial(job)
    for key, given, check in (
        (("compute",), job.values.get("compute"), compute_problem),
        (("experiment_name",), job.values.get("experiment_name"), experiment_problem),
        ((*parent, "environment"), inner.get("environment"), environment_problem),
    ):
        wrong = check(given) if isinstance(given, str) else None
        if wrong:
            yield Problem(key, wrong)


def _launch(job: JobFile) -> Iterator[Problem]:
    parent, inner = trial(job)
    nodes = machines(job)
    if nodes < 1:
        key = ("resources",) if "resources" in job.values else (*parent, "resources")
        yield Problem((*key, "instance_count"), f"expected 1 machine or more, found {nodes}; mend it.")
        return
    spread = job.values.get("distribution", inner.get("distribution"))
    for wrong in launch_problems(command_of(job), spread if isinstance(spread, dict) else None, nodes):
        yield Problem((*parent, "command"), wrong)


def _shown(directory: Path) -> str:
    return "the current directory" if directory == Path() else str(directory)
