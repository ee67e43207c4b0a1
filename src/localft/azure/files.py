"""What a job uploads: `localft-files/` beside the job file.

    localft-files/
      code/          what the command is run in
        travel.yaml    the recipe, by the job file's name
        localft/       this very localft, so that a change of it needs no new image
      environment/   what Azure builds the image from: a Dockerfile and the pinned requirements, nothing else

Jobs in one directory share it, so a tracker's packages that one of them needs stay among the requirements for all.
Azure keys what it is given by content: equal code is uploaded once, an equal build context is built once.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import localft
from localft.azure.job import FILES

PACKAGE = Path(localft.__file__).resolve().parent
ENVIRONMENT = Path(__file__).parent / "environment"
REQUIREMENTS = "requirements.txt"
TRACKER_PINS = Path(__file__).parent / "tracker_pins.json"
"""Tracker -> what has to be installed for it beyond requirements.txt, at the versions of constraints.txt."""
_IGNORED = "__pycache__/\n*.pyc\n"


def recipe_name(job_file: Path) -> str:
    """What the recipe is called in the code folder: job.yml -> job.yaml."""
    return f"{job_file.stem}.yaml"


def text_files(job_file: Path, recipe: str, trackers: Iterable[str] = ()) -> dict[Path, str]:
    """Path -> text of the small files beside a job file; `recipe` is the recipe's text, `trackers` those that it names."""
    files = job_file.parent / FILES
    context = {files / "environment" / source.name: source for source in sorted(ENVIRONMENT.iterdir())}
    texts = {target: source.read_text(encoding="utf-8") for target, source in context.items()}
    requirements = files / "environment" / REQUIREMENTS
    wanted = {*trackers, *_trackers_in(requirements)}
    pins = [pin for tracker in wanted for pin in tracker_pins()[tracker]]
    texts[requirements] = "".join(f"{line}\n" for line in sorted({*texts[requirements].split(), *pins}))
    return {
        files / "code" / recipe_name(job_file): recipe,
        files / "code" / ".amlignore": _IGNORED,
        **texts,
    }


@cache
def tracker_pins() -> dict[str, list[str]]:
    """Tracker -> its pinned packages; none where the image has them anyway."""
    pins: dict[str, list[str]] = json.loads(TRACKER_PINS.read_text(encoding="utf-8"))
    return pins


def _trackers_in(requirements: Path) -> set[str]:
    """The trackers whose packages an earlier job brought here."""
    names = (
        re.findall(r"^[\w.-]+", requirements.read_text(encoding="utf-8"), re.MULTILINE)
        if requirements.is_file()
        else []
    )
    return {tracker for tracker, pins in tracker_pins().items() if any(pin.partition("==")[0] in names for pin in pins)}


def write_files(job_file: Path, recipe: str, trackers: Iterable[str] = ()) -> None:
    """Writes `localft-files/`, or brings it up to date."""
    for path, text in text_files(job_file, recipe, trackers).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _copy_package(job_file.parent / FILES / "code" / "localft")


def _copy_package(target: Path) -> None:
    if target.resolve() == PACKAGE:  # a link, as in a clone of localft itself
        return
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    shutil.copytree(PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
