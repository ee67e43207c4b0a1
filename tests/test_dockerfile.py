"""Dockerfile.cuda keeps its promises. No container engine runs here, so its instructions are parsed and checked.

`violations` is the linter; the first test holds the file to it, the others mutate the file and see each rule fire, so
that a rule which can no longer fail is found.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile.cuda").read_text(encoding="utf-8")
DOCKERIGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8")

ENTRYPOINT = ["accelerate", "launch", "-m", "localft"]


@dataclass(frozen=True)
class Instruction:
    line: int
    name: str
    value: str

    @property
    def commands(self) -> list[list[str]]:
        """The shell commands of a RUN, each as words."""
        return [part.split() for part in re.split(r"&&|;|\|\|?", self.value) if part.strip()]


def parse(text: str) -> list[Instruction]:
    """Instructions in order; continued lines joined, comments dropped, also those between continued lines."""
    instructions: list[Instruction] = []
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        start = start or number
        pending += line.strip().removesuffix("\\") + " "
        if not line.rstrip().endswith("\\"):
            name, _, value = pending.strip().partition(" ")
            instructions.append(Instruction(start, name.upper(), value.strip()))
            pending, start = "", 0
    assert not pending, "the file ends inside an instruction"
    return instructions


def environment(instructions: list[Instruction]) -> dict[str, str]:
    pairs = (pair for i in instructions if i.name == "ENV" for pair in re.findall(r"(\w+)=(\S+)", i.value))
    return dict(pairs)


def let_in(path: str, dockerignore: str) -> bool:
    """Whether the build context holds `path`, for the patterns that .dockerignore uses here: `*`, `!name`, `!name/`."""
    patterns = [line.strip() for line in dockerignore.splitlines() if line.strip() and not line.startswith("#")]
    if "*" not in patterns:
        return True
    return any(PurePosixPath(path).parts[0] == pattern[1:].rstrip("/") for pattern in patterns if pattern[0] == "!")


def violations(dockerfile: str, dockerignore: str = DOCKERIGNORE) -> list[str]:
    """Every broken rule, in words; empty where all hold."""
    instructions = parse(dockerfile)
    found: list[str] = []
    names = [i.name for i in instructions]
    runs = [i for i in instructions if i.name == "RUN"]
    values = {name: [i.value for i in instructions if i.name == name] for name in names}

    # The base: pinned to a patch release and a distribution, of a Python that the package supports.
    base = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", values["FROM"][0])
    if base is None:
        found.append("the base image is not pinned to a patch release")
    else:
        supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
        assert supported == ">=3.11,<3.14", "adapt the next line"
        if not (3, 11) <= (int(base[1]), int(base[2])) < (3, 14):
            found.append("the base image's Python is not supported")
    if len(values["FROM"]) > 1:
        found.append("one stage is expected")

    # System packages: a compiler for Triton, and nothing of apt's left behind in the layer.
    installs = [run for run in runs if re.search(r"\bapt-get\b.*\binstall\b", run.value)]
    packages = {word for run in installs for command in run.commands if "install" in command for word in command}
    if not {"gcc", "libc6-dev"} <= packages:
        found.append("no C compiler is installed")
    for run in installs:
        if "apt-get update" not in run.value:
            found.append("apt-get update is not in the layer of apt-get install")
        if "--no-install-recommends" not in run.value:
            found.append("apt-get installs recommended packages")
        if "rm -rf /var/lib/apt/lists/*" not in run.value:
            found.append("apt's lists stay in the image")

    # Python packages: the tested versions, no cache in the layer.
    pips = [command for run in runs for command in run.commands if command[:2] == ["pip", "install"]]
    for command in pips:
        if "--no-cache-dir" not in command:
            found.append("pip keeps its cache")
        if "--constraint" not in command or command[command.index("--constraint") + 1] != "constraints.txt":
            found.append("pip installs without the constraints file")
    if not any('".[train]"' in command for command in pips):
        found.append("the train extra is not installed")
    last_source_copy = max((i.line for i in instructions if i.name == "COPY" and "src" in i.value), default=0)
    if not any(run.line > last_source_copy for run in runs if "pip install" in run.value) or not last_source_copy:
        found.append("localft is not installed after its source is copied")

    # The build context: named paths only, each of which exists and is let in.
    if "ADD" in names:
        found.append("ADD is used")
    for instruction in instructions:
        if instruction.name != "COPY":
            continue
        *sources, _ = instruction.value.split()
        for source in sources:
            if source in {".", "./", "*"}:
                found.append("the whole context is copied")
            elif not (ROOT / source).exists():
                found.append(f"{source} does not exist")
            elif not let_in(source, dockerignore):
                found.append(f"{source} is kept out by .dockerignore")
    if any(let_in(path, dockerignore) for path in (".git", ".venv", "runs", "data", ".env")):
        found.append(".dockerignore lets in more than the image needs")

    # Who it runs as, where it keeps things.
    users = values.get("USER", [])
    user = re.fullmatch(r"([1-9]\d*):([1-9]\d*)", users[-1]) if users else None
    if user is None:
        found.append("the image does not run as a numeric user other than root")
    elif f"--uid {user[1]} " not in dockerfile:
        found.append("the user is not made in the image")
    if users and max(run.line for run in runs) > next(i.line for i in reversed(instructions) if i.name == "USER"):
        found.append("something runs after the last USER")
    volumes = json.loads(values.get("VOLUME", ["[]"])[-1])
    if not {"/models", "/runs"} <= set(volumes):
        found.append("models and runs are not volumes")
    owned = next((c for run in runs for c in run.commands if c[0] == "install" and "--directory" in c), [])
    if not {*volumes, *values.get("WORKDIR", [])[-1:]} <= set(owned) or (user and f"--owner={user[1]}" not in owned):
        found.append("the user does not own the volumes and the working directory")
    variables = environment(instructions)
    for name in ("HF_HOME", "LOCALFT_HOME", "TRITON_CACHE_DIR"):
        if not any(variables.get(name, "").startswith(f"{volume}/") for volume in volumes):
            found.append(f"{name} is not on a volume")
    if any(re.search(r"TOKEN$|SECRET|PASSWORD|API_KEY", name) for name in variables):
        found.append("a secret is baked in")

    # What it runs.
    entry = values.get("ENTRYPOINT", [""])[-1]
    if not entry.startswith("[") or json.loads(entry) != ENTRYPOINT:
        found.append("the entry point is not `accelerate launch -m localft` in exec form")
    return found


def test_dockerfile_keeps_every_rule() -> None:
    assert violations(DOCKERFILE) == []


MUTATIONS = [
    (r"FROM python:\S+", "FROM python:3.12-slim", "the base image is not pinned to a patch release"),
    (r"FROM python:\S+", "FROM python:latest", "the base image is not pinned to a patch release"),
    (r"FROM python:\S+", "FROM python:3.14.0-slim-bookworm", "the base image's Python is not supported"),
    (r"(FROM .*)", r"\1\nFROM python:3.12.12-slim-bookworm", "one stage is expected"),
    (r" gcc libc6-dev", " git", "no C compiler is installed"),
    (r"apt-get update \\\n +&& ", "", "apt-get update is not in the layer of apt-get install"),
    (r" --no-install-recommends", "", "apt-get installs recommended packages"),
    (r" \\\n +&& rm -rf /var/lib/apt/lists/\*", "", "apt's lists stay in the image"),
    (r"--no-cache-dir ", "", "pip keeps its cache"),
    (r"--constraint constraints.txt ", "", "pip installs without the constraints file"),
    (r"--constraint constraints.txt ", "--constraint other.txt ", "pip installs without the constraints file"),
    (r'"\.\[train\]"', '"."', "the train extra is not installed"),
    (r"COPY src ./src\n", "", "localft is not installed after its source is copied"),
    (r"RUN pip install --no-cache-dir .*--no-deps.*\n", "", "localft is not installed after its source is copied"),
    (r"COPY src ./src", "ADD src ./src", "ADD is used"),
    (r"COPY src ./src", "COPY . .", "the whole context is copied"),
    (r"COPY src ./src", "COPY src gone ./", "gone does not exist"),
    (r"COPY src ./src", "COPY src tests ./", "tests is kept out by .dockerignore"),
    (r"USER 10001:10001\n", "", "the image does not run as a numeric user other than root"),
    (r"USER 10001:10001", "USER 0:0", "the image does not run as a numeric user other than root"),
    (r"USER 10001:10001", "USER localft", "the image does not run as a numeric user other than root"),
    (r"USER 10001:10001", "USER 10002:10001", "the user is not made in the image"),
    (r"(USER 10001:10001)", r"\1\nRUN true", "something runs after the last USER"),
    (r"VOLUME .*\n", "", "models and runs are not volumes"),
    (r" /runs /work", " /work", "the user does not own the volumes and the working directory"),
    (r"--owner=10001", "--owner=root", "the user does not own the volumes and the working directory"),
    (r"HF_HOME=\S+", "HF_HOME=/root/.cache", "HF_HOME is not on a volume"),
    (r"LOCALFT_HOME=\S+", "LOCALFT_HOME=/tmp", "LOCALFT_HOME is not on a volume"),
    (r"ENV ", "ENV HF_TOKEN=hf_x ", "a secret is baked in"),
    (
        r"ENTRYPOINT .*",
        "ENTRYPOINT accelerate launch -m localft",
        "the entry point is not `accelerate launch -m localft`",
    ),
    (r"ENTRYPOINT .*", 'ENTRYPOINT ["localft"]', "the entry point is not `accelerate launch -m localft`"),
]


@pytest.mark.parametrize(
    ("pattern", "replacement", "rule"), MUTATIONS, ids=[f"{m[2][:40]}-{n}" for n, m in enumerate(MUTATIONS)]
)
def test_a_dockerfile_that_breaks_a_rule_is_found(pattern: str, replacement: str, rule: str) -> None:
    mutated = re.sub(pattern, replacement, DOCKERFILE)
    assert mutated != DOCKERFILE, f"{pattern} is no longer in the file"
    assert any(found.startswith(rule) for found in violations(mutated)), violations(mutated)


@pytest.mark.parametrize(
    "dockerignore", ["", "**/__pycache__/\n", DOCKERIGNORE + "!.venv/\n", DOCKERIGNORE + "!data/\n"]
)
def test_a_dockerignore_that_lets_everything_in_is_found(dockerignore: str) -> None:
    assert ".dockerignore lets in more than the image needs" in violations(DOCKERFILE, dockerignore)


def test_constraints_pin_what_the_image_installs_heavily() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.split("==")[0] for line in constraints.splitlines() if "==" in line}
    train = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["train"]
    assert {re.split(r"[<>=]", requirement)[0] for requirement in train} <= pinned
