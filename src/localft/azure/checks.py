"""What is wrong with a job file. Azure's own client refuses unknown keys and values; what it lets pass is checked here.

It lets pass: a command that starts no training, inputs and outputs that the command names and the job does not have, local
data that does not exist, a build directory without its Dockerfile or beyond Azure's limits, no compute (such a job goes to a
machine without GPU), processes that are started twice or know nothing of each other, checkpoints that are saved only at the
end or at a place that ends with the machine, and a code folder without the localft or the recipe that the command wants.

Reads the YAML itself and needs no package of Azure, so a job is checked when it is made and all problems come together.
Sweep jobs are checked too: their command, code and environment stand under `trial`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from localft.azure.addresses import (
    compute_problem,
    data_problem,
    environment_problem,
    is_cloud_path,
    name_problem,
    output_problem,
)
from localft.azure.command import ANY_EXPRESSION, EXPRESSION, Place, TrainCommand, is_known, read_command
from localft.azure.job import OUTPUT
from localft.azure.job_file import JobFile, Key, Problem, machines, mapping, resources, trial, whole_number
from localft.azure.launch import AZURES_VARIABLES, PLAIN, launch_problems
from localft.azure.sweeps import sweep_problems
from localft.azure.training import training_problems

_KINDS = {"uri_file": "file", "uri_folder": "folder", "mltable": "folder", "mlflow_model": "folder"}
"""What a local input of a type has to be; other models may be either, as may an input without type."""
_FILES = ("--training-file", "--validation-file", "--chat-template")
_OUTPUT_DIRECTORY = re.compile(r"\$\{\{outputs\.[\w-]+\}\}(?:/+(?!\.\.(?:/|$))[^/]+)*/*")
"""An output's mount, or a directory in it."""
_KEPT = re.compile(r"outputs(?:/.*)?", re.DOTALL)
"""The directory that Azure keeps of each job, and puts back when it starts one again; each machine has its own."""
MAX_TAGS, MAX_TAG_NAME, MAX_TAG_VALUE = 50, 100, 1000
"""What Azure takes (its page "Service limits")."""

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
        *_expressions(job),
        *_inputs(job),
        *_files(job),
        *_outputs(job),
        *_goes_on(job),
        *sweep_problems(job),
        *_names(job),
        *_tags(job),
        *_environment_variables(job),
        *_machines(job),
        *_launch(job),
    ]


def _command(job: JobFile) -> Key:
    return (*trial(job)[0], "command")


# --- inputs and outputs -----------------------------------------------------------------------------------------------


def _unbound(job: JobFile) -> Iterator[Problem]:
    """What the command names and the job lacks, and what the job has and the command leaves out."""
    where, text = _command(job), job.command.text
    if not text.strip():
        if trial(job)[1].get("command") is not None:
            yield Problem(where, "expected a command, found none in it; make the job again with `localft azure job`.")
        return
    named = {(kind, name) for kind, name in EXPRESSION.findall(text)}
    for kind in ("inputs", "outputs", "search_space"):
        has = {str(name) for name in mapping(job.values, kind)}
        wanted = {name for named_kind, name in named if named_kind == kind}
        for name in sorted(has):
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                yield Problem(
                    (kind, name),
                    f"expected a name of letters, digits and _, not a digit first, found {name}; rename it.",
                )
            elif name not in wanted:
                yield Problem(
                    (kind, name),
                    f"expected ${{{{{kind}.{name}}}}} in the command, found it nowhere, so the job would not use it; add it "
                    "to the command, or remove it here.",
                )
        for name in sorted(wanted - has):
            known = f"only {', '.join(sorted(has))}" if has else "none"
            yield Problem(
                where,
                f"expected {name} under {kind}, since the command names ${{{{{kind}.{name}}}}}, found {known}; add it, or "
                "mend the name.",
            )


def _expressions(job: JobFile) -> Iterator[Problem]:
    """What Azure would leave in the command as it stands."""
    for match in ANY_EXPRESSION.finditer(job.command.text):
        if not EXPRESSION.fullmatch(match[0]):
            yield Problem(
                _command(job),
                f"expected ${{{{inputs.NAME}}}}, ${{{{outputs.NAME}}}} or, in a sweep, ${{{{search_space.NAME}}}}, found "
                f"{match[0]}, which Azure does not know in a command; mend it.",
            )


def _inputs(job: JobFile) -> Iterator[Problem]:
    """Data is where the job says, as far as that can be seen from here."""
    for name, given in mapping(job.values, "inputs").items():
        where = ("inputs", str(name))
        if isinstance(given, dict) and "path" not in given:
            yield Problem(where, "expected `path:`, the file, folder or data asset to be mounted, found none; add it.")
        if (isinstance(given, str) and not given.strip()) or (isinstance(given, float) and not math.isfinite(given)):
            yield Problem(where, f"expected a value, found {given or 'an empty text'}; write one, such as auto.")
        path = given.get("path") if isinstance(given, dict) else None
        if not isinstance(path, str):
            continue
        if is_cloud_path(path):
            wrong = data_problem(path)
            if wrong:
                yield Problem((*where, "path"), wrong)
            continue
        local = Path(
            os.path.realpath(job.directory / path.replace("\0", ""))
        )  # the directory itself may be yet to be made
        kind = _KINDS.get(given.get("type"), "file or folder")
        if not ((os.path.isfile(local) and "file" in kind) or (os.path.isdir(local) and "folder" in kind)):
            yield Problem(
                (*where, "path"),
                f"expected a {kind}, found none at {path} (seen from {_shown(job.directory)}); mend the path, or name a "
                "data asset: azureml:NAME:VERSION.",
            )
        elif any(sign.isspace() for sign in local.name) and _is_split(job, str(name)):
            yield Problem(
                _command(job),
                f'expected "${{{{inputs.{name}}}}}" in quotes, since {local.name} has a blank, found it without; add them.',
            )


def _is_split(job: JobFile, name: str) -> bool:
    """Whether the shell would take an input's value apart at its blanks."""
    expression = rf"\$\{{\{{\s*inputs\.{name}\s*\}}\}}"
    split = read_command(re.sub(expression, "\0 \0", job.command.text))
    return any("\0" in each.words for each in split.simple)


def _files(job: JobFile) -> Iterator[Problem]:
    """A flag that takes a file is given one, and one that takes a file or folder finds it mounted."""
    for training in job.command.trainings:
        for flag, word in training.flags:
            match = re.match(rf"({EXPRESSION.pattern})(/.*)?$", word or "")
            if flag not in (*_FILES, "--model") or match is None or match[2] != "inputs":
                continue
            given = mapping(job.values, "inputs").get(match[3])
            if isinstance(given, dict):
                yield from _not_a_file(job, flag, match[3], given, match[4] or "")


def _not_a_file(job: JobFile, flag: str, name: str, given: dict[str, object], below: str) -> Iterator[Problem]:
    where, path = ("inputs", name), given.get("path")
    if given.get("mode") == "direct":
        yield Problem(
            (*where, "mode"),
            f"expected ro_mount or download for {flag}, found direct, which gives an address; mend it.",
        )
    if flag not in _FILES:
        return
    if not below.strip("/") and given.get("type", "uri_file") != "uri_file":
        yield Problem(
            (*where, "type"),
            f"expected uri_file for {flag}, found {given['type']}, a folder; name a file, or in the command the file in it: "
            f'"${{{{inputs.{name}}}}}/FILE".',
        )
    elif below and isinstance(path, str) and not is_cloud_path(path):
        folder = job.directory / path
        if os.path.isdir(folder) and not os.path.isfile(folder / below.strip("/")):
            yield Problem(
                _command(job), f"expected the file {below.strip('/')} in {path} for {flag}, found none; mend it."
            )


def _unmounted(job: JobFile) -> Iterator[Problem]:
    """A file whose path is only text: Azure uploads and mounts what is an input with a `path:`, and nothing else."""
    for training in job.command.trainings:
        for flag, value in training.flags:
            name = EXPRESSION.fullmatch(value or "")
            text = mapping(job.values, "inputs").get(name[2]) if name and name[1] == "inputs" else value
            if flag in _FILES and isinstance(text, str) and training.place.lacks(job.code, text):
                yield Problem(
                    ("inputs", name[2]) if name else _command(job),
                    f"expected an input with `type: uri_file` and `path:` for {flag}, found the text {text}, which no machine "
                    "of Azure's has; write it as such an input.",
                )


def _outputs(job: JobFile) -> Iterator[Problem]:
    """What the job writes is stored as it is written, at a place of the job's own."""
    for name, given in mapping(job.values, "outputs").items():
        if not isinstance(given, dict):
            continue
        where, path = ("outputs", str(name)), given.get("path")
        if given.get("mode") in ("upload", "direct"):
            how = {"upload": "which writes only when the job is done", "direct": "which mounts nothing"}[given["mode"]]
            yield Problem(
                (*where, "mode"),
                f"expected rw_mount, found {given['mode']}, {how}: one that is taken away would have saved nothing to go on "
                "from; set rw_mount.",
            )
        if given.get("type") == "uri_file":
            yield Problem((*where, "type"), "expected uri_folder, for a run is a directory, found uri_file; mend it.")
        wrong = output_problem(path) if isinstance(path, str) else None
        if wrong:
            yield Problem((*where, "path"), wrong)
        elif isinstance(path, str) and job.values.get("type") == "sweep" and "${{name}}" not in path:
            yield Problem(
                (*where, "path"),
                f"expected a place for each trial, found {path} for all of them; remove it, and each has Azure's default place.",
            )


def _goes_on(job: JobFile) -> Iterator[Problem]:
    """A job that is taken away and started again finds its run, and goes on with it."""
    for training in job.command.trainings:
        flags, where, directory = dict(training.flags), _command(job), training.place.directory
        if flags.get("--resume", "auto" if training.unknown else "never") == "never":
            found = "--resume never" if "--resume" in flags else "none"
            yield Problem(
                where,
                f"expected --resume auto, by which a job that is taken away goes on with what it saved, found {found}; set it.",
            )
        output = flags.get("--output-dir") or "none"
        if (output == "none" and training.unknown) or (not is_known(output) and not EXPRESSION.search(output)):
            continue
        at = os.path.normpath(os.path.join(directory or "outputs", output))
        kept = output != "none" and _KEPT.fullmatch(at) is not None
        if kept and machines(job) == 1:
            continue
        if not _OUTPUT_DIRECTORY.fullmatch(output):
            why = "which each machine has for itself" if kept else "which ends with the machine"
            yield Problem(
                where,
                f'expected --output-dir "${{{{outputs.{OUTPUT}}}}}", which outlives the machine, or a directory in it, found '
                f"{output}{'' if output == 'none' else f', {why}'}; set it, and have the output under outputs.",
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
    if isinstance(given, dict) and given.get("image") and given.get("build"):
        yield Problem(where[:-1], "expected `image:` or `build:`, found both; remove one.")
    if not isinstance(path, str) or is_cloud_path(path) or not os.path.exists(job.directory / path):
        return  # none to build here, or a directory that Azure's client misses
    context = job.directory / path
    if not context.is_dir():
        yield Problem(
            (*where, "path"), f"expected the folder with the Dockerfile, found the file {path}; name its folder."
        )
        return
    dockerfile = str(build.get("dockerfile_path", "Dockerfile"))
    outside = os.path.isabs(dockerfile) or os.path.normpath(dockerfile).startswith("..")
    if outside or not os.path.isfile(context / dockerfile):
        there = ", ".join(sorted(file.name for file in context.iterdir())) or "an empty directory"
        yield Problem(
            (*where, "dockerfile_path" if "dockerfile_path" in build else "path"),
            f"expected a Dockerfile at {dockerfile} in {path}, found {'it outside of what is uploaded' if outside else there}; "
            "mend the path, or make the job again with `localft azure job`.",
        )
    elif not re.search(rb"^\s*FROM\s", (context / dockerfile).read_bytes(), re.MULTILINE | re.IGNORECASE):
        yield Problem(
            (*where, "dockerfile_path" if "dockerfile_path" in build else "path"),
            f"expected a line `FROM IMAGE` in {path}/{dockerfile}, found none; name a Dockerfile.",
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
    """The command starts a training, and that finds localft and its recipe in the code folder, its working directory."""
    command, own_image = job.command, isinstance(trial(job)[1].get("environment"), str)
    if not command.trainings and command.problem is None and command.text.strip():
        yield from _no_training(job)
    for number, each in enumerate(command.simple, 1):
        if each.words[0].startswith("--"):
            yield Problem(
                _command(job),
                f"expected {each.words[0]} in the line of its command, found it at the start of a line; end the line before "
                "it with `\\`, or begin the command with `>-`.",
            )
        later = {other.words[0] for other in command.simple[number:]}
        if each.training is not None and each.background and later <= {"echo"}:
            yield Problem(
                _command(job),
                "expected the training to be waited for, found & behind it, so that the job would end at once; remove the &.",
            )
    for training in command.trainings:
        if job.code is not None or not (own_image or "code" in trial(job)[1]):
            yield from _missing_code(job, training, own_image)


def _no_training(job: JobFile) -> Iterator[Problem]:
    """A command that was meant to train. Others, and scripts of the code folder, are not looked into."""
    folder, simple = job.code, job.command.simple
    if folder is None or any(
        not is_known(each.words[0]) or any(_is_script(folder, each.place, word) for word in each.words)
        for each in simple
    ):
        return
    words = sorted({word for each in simple for word in each.words})
    recipe = next((word for word in words if _is_recipe(folder / word)), "")
    has = "localft" if os.path.isdir(folder / "localft") else recipe
    meant = recipe or any(Path(word).name == "localft" or word.endswith((".sh", ".py")) for word in words)
    if has and (meant or not words):
        yield Problem(
            _command(job),
            f"expected `{PLAIN} train RECIPE ...` in one line (by `>-`, or `\\` at the ends of lines), since the code folder "
            f"has {has}, found no training in it; mend the command.",
        )


def _is_script(folder: Path, place: Place, word: str) -> bool:
    """Whether a word names what may train: a module or file of the folder or the image, or one that the command makes."""
    if place.directory is None:
        return True
    at = Path(os.path.normpath(os.path.join(place.directory, word)))
    if at.parts[:1] == ("localft",):
        return False
    if at.suffix in (".sh", ".py"):
        return at.is_absolute() or not place.lacks(folder, word)
    data = at.suffix in (".yaml", ".yml", ".jsonl")
    return (os.path.isfile(folder / at) and not data) or os.path.isfile(folder / at / "__main__.py")


def _is_recipe(file: Path) -> bool:
    return (
        file.suffix in (".yaml", ".yml")
        and os.path.isfile(file)
        and re.search(rb"^model:", file.read_bytes(), re.M) is not None
    )


def _missing_code(job: JobFile, training: TrainCommand, own_image: bool) -> Iterator[Problem]:
    code, recipe, place = trial(job)[1].get("code"), training.recipe, training.place
    named = EXPRESSION.fullmatch(recipe or "")
    if named and isinstance(mapping(job.values, named[1]).get(named[2]), str):
        recipe = mapping(job.values, named[1])[named[2]]
    where = (*trial(job)[0], "code") if code is not None else _command(job)
    if job.code is None:
        if training.from_code and not _brings_localft(job, place):
            yield Problem(where, "expected `code:`, the folder with localft and the recipe, found none; add it.")
        return
    if os.path.isfile(job.code):
        yield Problem(
            where, f"expected the folder with localft and the recipe, found the file {code}; name its folder."
        )
    wanted = {}
    if training.from_code and not own_image and not _brings_localft(job, place):
        wanted["localft/__main__.py"] = "localft itself"
    if recipe is None:
        yield Problem(_command(job), "expected a recipe behind `localft train`, found none; add it.")
    elif not os.path.normpath(os.path.join(place.directory or "", recipe)).startswith(("/", "..")):
        wanted[recipe] = "the recipe"
    elif place.lacks(job.code, recipe) and not (own_image and os.path.isabs(recipe)):
        yield Problem(
            _command(job),
            f"expected a recipe in {code}, which is what is uploaded, found {recipe} outside of it; put the recipe there.",
        )
    for name, what in wanted.items():
        if place.lacks(job.code, name):
            yield Problem(
                where,
                f"expected {what} at {name} in {code}, from where the command is run, found none; make the job again with "
                "`localft azure job`.",
            )


def _brings_localft(job: JobFile, place: Place) -> bool:
    """Whether localft may come from elsewhere than the directory that the command is run in."""
    said = " ".join([place.before, *map(str, mapping(trial(job)[1], "environment_variables"))])
    return re.search(r"PYTHONPATH|install", said) is not None


# --- machines ---------------------------------------------------------------------------------------------------------


def _machines(job: JobFile) -> Iterator[Problem]:
    found = resources(job)
    if not job.values.get("compute") and not found.get("instance_type"):
        yield Problem(
            ("compute",) if "compute" in job.values else (),
            "expected compute: azureml:CLUSTER, or resources.instance_type for serverless compute, found neither, with which "
            "Azure picks a machine without GPU; write one (`localft azure job`: --compute or --instance-type).",
        )
    where = ("resources",) if "resources" in job.values else (*trial(job)[0], "resources")
    memory = found.get("shm_size")
    if isinstance(memory, str) and not re.fullmatch(r"0*[1-9]\d*[bkmg]", memory):
        yield Problem((*where, "shm_size"), f"expected a number and b, k, m or g, such as 8g, found {memory}; mend it.")
    if machines(job) < 1:
        yield Problem((*where, "instance_count"), f"expected 1 machine or more, found {machines(job)}; mend it.")
    for name, value in mapping(job.values, "limits").items():
        seconds = whole_number(value)
        if "timeout" in name and seconds is not None and seconds < 1:
            yield Problem(("limits", name), f"expected 1 second or more, found {value}; mend it.")


def _names(job: JobFile) -> Iterator[Problem]:
    """Names that only the service would refuse. An environment that is described in place is looked at by `_image`."""
    parent, inner = trial(job)
    for key, given, check in (
        (("compute",), job.values.get("compute"), compute_problem),
        (("experiment_name",), job.values.get("experiment_name"), name_problem),
        (("name",), job.values.get("name"), name_problem),
        ((*parent, "environment"), inner.get("environment"), environment_problem),
    ):
        wrong = check(given) if isinstance(given, str) else None
        if wrong:
            yield Problem(key, wrong)


def _tags(job: JobFile) -> Iterator[Problem]:
    tags = {str(name): str(value) for name, value in mapping(job.values, "tags").items()}
    if len(tags) > MAX_TAGS:
        yield Problem(("tags",), f"expected at most {MAX_TAGS} tags, found {len(tags)}; remove some.")
    for name, value in tags.items():
        for text, most, what in ((name, MAX_TAG_NAME, "name"), (value, MAX_TAG_VALUE, "value")):
            if len(text) > most:
                yield Problem(
                    ("tags", name), f"expected a {what} of at most {most} characters, found {len(text)}; shorten it."
                )


def _environment_variables(job: JobFile) -> Iterator[Problem]:
    parent, inner = trial(job)
    for name in AZURES_VARIABLES:
        if name in mapping(inner, "environment_variables"):
            yield Problem(
                (*parent, "environment_variables", name),
                f"expected {name} as Azure sets it on each machine, found a value for all; remove it.",
            )


def _launch(job: JobFile) -> Iterator[Problem]:
    if machines(job) < 1:
        return
    spread = job.values.get("distribution", trial(job)[1].get("distribution"))
    given = spread if isinstance(spread, dict) else None
    for wrong in launch_problems(job.command, given, machines(job), job.code):
        yield Problem(_command(job), wrong)


def _shown(directory: Path) -> str:
    return "the current directory" if directory == Path() else str(directory)
