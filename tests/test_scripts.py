"""The set-up scripts: what they install and when, what they run and in which order, how they end.

They are run for real, against an interpreter that writes down what it was asked to do instead of installing anything.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SCRIPTS = ["scripts/bench", "scripts/environment.sh", "scripts/quickstart", "scripts/soak", "scripts/test", ".ci/run"]
PARALLEL = "-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder"
TOOLS = ["ruff", "mypy", "lint-imports", "pytest", "localft"]

FAKE_PYTHON = """#!/usr/bin/env bash
here="$(cd "$(dirname "$0")" && pwd)"
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo "venv" >>"$LOG"
elif [ "$1 $2" = "-m pip" ]; then
  echo "pip ${@:3}" >>"$LOG"
  [ -z "${PIP_FAILS:-}" ] || exit 1
  [[ "$*" != *"--index-url"* ]] || exit "${INDEX_FAILS:-0}"
  for tool in TOOLS; do
    printf '#!/usr/bin/env bash\\necho "%s $* [offline=${HF_HUB_OFFLINE:-}]" >>"$LOG"\\n[ "${FAILS:-}" != %s ] || exit 3\\n' \\
      $tool $tool >"$here/$tool" && chmod +x "$here/$tool"
  done
else
  exec REAL "$@"
fi
""".replace("TOOLS", " ".join(TOOLS)).replace("REAL", sys.executable)

OLD_PYTHON = '#!/usr/bin/env bash\n[ "$1" != --version ] || { echo "Python 3.9.2"; exit 0; }\nexit 1\n'


class Checkout:
    """A copy of the scripts in a directory of their own, with interpreters that only write down what they are asked."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "a checkout"
        for name in [*SCRIPTS, "pyproject.toml", "constraints.txt"]:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.log = directory / "log"
        self.log.touch()
        self.python = directory / "bin" / "python3"
        self.python.parent.mkdir()
        self.write_python(FAKE_PYTHON)

    def write_python(self, text: str) -> None:
        self.python.write_text(text)
        self.python.chmod(0o755)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if k not in {"PYTHON", "LOCALFT_CPU_TORCH", "HF_HUB_OFFLINE"}}
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        script, *arguments = command
        return subprocess.run(
            [str(self.root / script), *arguments],
            env={**inherited, "PATH": path, "LOG": str(self.log), **environment},
            cwd=self.root.parent,
            capture_output=True,
            text=True,
        )

    def did(self) -> list[str]:
        """What was asked since the last look."""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_parses_and_is_strict(name: str) -> None:
    path = ROOT / name
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text()
    if name != "scripts/environment.sh":  # sourced, under the strictness of the script that does so
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "\nset -euo pipefail\n" in text
        assert path.stat().st_mode & stat.S_IXUSR, f"{name} must be executable"


def test_first_run_makes_the_environment_and_installs_the_tested_versions(checkout: Checkout) -> None:
    done = checkout.run("scripts/quickstart", "--output-dir", "somewhere else")
    assert done.returncode == 0, done.stderr
    venv, pip, quickstart = checkout.did()
    assert venv == "venv"
    assert pip.startswith("pip install ")
    assert f"-c {checkout.root}/constraints.txt -e {checkout.root}[train]" in pip
    assert "index-url" not in pip, "no other index unless the user asks"
    assert quickstart.startswith("localft quickstart --output-dir somewhere else")
    assert done.stdout == "", "set-up talks on stderr"


def test_second_run_reuses_the_environment_and_installs_nothing(checkout: Checkout) -> None:
    checkout.run("scripts/quickstart")
    checkout.did()
    assert checkout.run("scripts/quickstart").returncode == 0
    assert [line.split()[0] for line in checkout.did()] == ["localft"]


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_changed_requirements_are_installed_again(checkout: Checkout, name: str) -> None:
    checkout.run("scripts/quickstart")
    checkout.did()
    with (checkout.root / name).open("a") as file:
        file.write("# changed\n")
    checkout.run("scripts/quickstart")
    assert [line.split()[0] for line in checkout.did()] == ["pip", "localft"]


def test_failed_installation_is_told_and_tried_again(checkout: Checkout) -> None:
    failed = checkout.run("scripts/quickstart", PIP_FAILS="1")
    assert failed.returncode == 1
    assert "pip could not install localft[train]" in failed.stderr
    checkout.did()
    assert checkout.run("scripts/quickstart").returncode == 0
    assert [line.split()[0] for line in checkout.did()] == ["pip", "localft"]


def test_environment_whose_interpreter_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.run("scripts/quickstart")
    (checkout.root / ".venv/bin/python").unlink()
    checkout.did()
    assert checkout.run("scripts/quickstart").returncode == 0
    assert checkout.did()[0] == "venv"


def test_small_cpu_build_of_torch_is_taken_only_when_asked_for(checkout: Checkout) -> None:
    done = checkout.run("scripts/quickstart", LOCALFT_CPU_TORCH="1")
    _, torch, rest, _ = checkout.did()
    assert torch.endswith(
        f"-c {checkout.root}/constraints.txt --no-deps --timeout 10 --retries 1 "
        "--index-url https://download.pytorch.org/whl/cpu torch"
    )
    assert "index-url" not in rest and rest.endswith("[train]")
    assert "usual build" not in done.stderr


def test_the_usual_build_of_torch_is_taken_where_the_small_one_cannot_be_had(checkout: Checkout) -> None:
    done = checkout.run("scripts/quickstart", LOCALFT_CPU_TORCH="1", INDEX_FAILS="1")
    assert done.returncode == 0, done.stderr
    assert checkout.did()[2].endswith("[train]")
    assert done.stderr.count("No PyTorch could be had from https://download.pytorch.org/whl/cpu; taking the usual") == 1


def test_unsupported_python_is_refused_by_its_version(checkout: Checkout) -> None:
    checkout.write_python(OLD_PYTHON)
    done = checkout.run("scripts/test")
    assert done.returncode == 1
    assert "python3 is Python 3.9.2; localft needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_missing_python_is_refused_by_its_name(checkout: Checkout) -> None:
    done = checkout.run("scripts/test", PYTHON="python3.99")
    assert done.returncode == 1
    assert done.stderr.startswith("python3.99: not found. localft needs Python 3.11, 3.12 or 3.13")


def test_all_checks_run_in_order_offline_and_the_arguments_go_to_pytest(checkout: Checkout) -> None:
    done = checkout.run("scripts/test", "tests/data", "-k", "bom and crlf")
    assert done.returncode == 0, done.stderr
    _, pip, *checks = checkout.did()
    assert pip.endswith("[train,dev]")
    assert checks == [
        "ruff check . [offline=1]",
        "ruff format --check . [offline=1]",
        "mypy  [offline=1]",
        "lint-imports  [offline=1]",
        f"pytest {PARALLEL} tests/data -k bom and crlf [offline=1]",
    ]


@pytest.mark.parametrize(
    ("arguments", "distributed"),
    [
        ([], True),
        (["-m", "not slow"], True),
        (["-n", "0"], True),  # the last word counts
        (["tests/data/test_jsonl.py"], False),
        (["tests/data/test_jsonl.py", "-k", "bom"], False),
        (["-x", "tests/data/test_jsonl.py::test_bom"], False),
    ],
)
def test_tests_run_on_several_processes_unless_a_file_is_named(
    checkout: Checkout, arguments: list[str], distributed: bool
) -> None:
    checkout.run("scripts/test", *arguments)
    words = ["pytest", *([PARALLEL] if distributed else []), *arguments]
    assert checkout.did()[-1].split(" [")[0].split() == " ".join(words).split()


@pytest.mark.parametrize("tool", ["ruff", "mypy", "lint-imports", "pytest"])
def test_exit_code_is_that_of_the_check_that_failed_and_none_runs_after_it(checkout: Checkout, tool: str) -> None:
    done = checkout.run("scripts/test", FAILS=tool)
    assert done.returncode == 3
    assert checkout.did()[-1].startswith(tool)


def test_bench_hands_its_arguments_to_the_benchmarks(checkout: Checkout) -> None:
    benchmarks = checkout.root / "scripts" / "benchmarks"
    benchmarks.mkdir()
    (benchmarks / "__main__.py").write_text("import sys; print(sys.argv[1:])")
    done = checkout.run("scripts/bench", "skewed", "--contenders", "bare loop")
    assert done.stdout == "['skewed', '--contenders', 'bare loop']\n", done.stderr
    assert checkout.did()[1].endswith("[train]")


def test_ci_runs_the_tests_from_wherever_it_is_called(checkout: Checkout) -> None:
    done = checkout.run(".ci/run")
    assert done.returncode == 0, done.stderr
    assert checkout.did()[-1].startswith("pytest ")


def test_a_soak_runs_its_script_with_the_arguments(checkout: Checkout) -> None:
    (checkout.root / "scripts/soak_resume.py").write_text("import sys; print('soaked', sys.argv[1:])")
    done = checkout.run("scripts/soak", "resume", "--rows", "2000")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "soaked ['--rows', '2000']\n"
    assert checkout.did()[-1].endswith("[train,dev]")


@pytest.mark.parametrize("arguments", [[], ["everything"]])
def test_a_soak_that_there_is_none_of_is_refused_before_anything_is_installed(
    checkout: Checkout, arguments: list[str]
) -> None:
    done = checkout.run("scripts/soak", *arguments)
    assert (done.returncode, done.stderr) == (
        1,
        "usage: scripts/soak checkpoints|resume|launch|spot|service|schema|worker|store [options]\n",
    )
    assert checkout.did() == []


def test_pre_commit_fetches_nothing_and_uses_the_tools_of_the_environment() -> None:
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    hooks = configuration["repos"][0]["hooks"]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "mypy", "lint-imports"}
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)
