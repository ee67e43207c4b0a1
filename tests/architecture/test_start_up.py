"""What is loaded when: a fresh interpreter for each, so that nothing another test imported can hide anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runs import MODEL, environment, write_chats

AZURE = {"azure", "msal", "marshmallow"}
TRACKERS = {"mlflow", "tensorboard", "trackio", "wandb"}
GPU_STACK = {"torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets", "matplotlib", "pyarrow"}


def loaded_by(script: str, *arguments: str, directory: Path) -> set[str]:
    """Top-level modules that are loaded once `script` has run."""
    ending = "\nimport json, sys\nprint('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    result = subprocess.run(
        [sys.executable, "-c", script + ending, *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        env=environment(directory / "home"),
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


COMMAND = """
import sys
from localft.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("train", "--help"),
        ("quickstart", "--help"),
        ("validate", "train.jsonl"),
        ("validate", "train.jsonl", "--model", MODEL, "--format", "json"),
        ("show", "train.jsonl", "--model", MODEL),
        ("models",),
        ("serve", "--help"),
        ("deploy", "list"),
        ("jobs", "list"),
        ("files", "upload", "train.jsonl"),
        ("worker", "--help"),
        ("azure", "--help"),
        ("azure", "job", "recipe.yaml", "--compute", "gpu"),
    ],
    ids=" ".join,
)
def test_a_light_command_loads_nothing_of_the_gpu_stack(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    write_chats(tmp_path / "train.jsonl")
    (tmp_path / "recipe.yaml").write_text(f"model: {MODEL}\ntraining_file: train.jsonl\n")
    assert loaded_by(COMMAND, *arguments, directory=tmp_path) & (GPU_STACK | AZURE | TRACKERS) == set()


def test_plan_loads_no_more_than_it_takes_to_keep_the_tokens_it_counts(tmp_path: Path) -> None:
    write_chats(tmp_path / "train.jsonl")
    loaded = loaded_by(COMMAND, "plan", "--model", MODEL, "--training-file", "train.jsonl", directory=tmp_path)
    assert loaded & GPU_STACK <= {"datasets", "pyarrow"}


def test_importing_localft_loads_nothing_else_of_it(tmp_path: Path) -> None:
    loaded = loaded_by("import localft", directory=tmp_path)
    assert loaded & (GPU_STACK | {"pydantic", "typer", "rich", "jinja2", "yaml", "tokenizers"}) == set()


def test_the_runner_loads_the_gpu_stack_only_to_tokenise_and_to_train(tmp_path: Path) -> None:
    assert loaded_by("import localft.runner", directory=tmp_path) & (GPU_STACK | TRACKERS) == set()


def test_the_api_and_the_worker_load_nothing_of_the_gpu_stack(tmp_path: Path) -> None:
    script = "import localft.api.app, localft.api.server, localft.cli.serve, localft.worker.worker"
    assert loaded_by(script, directory=tmp_path) & (GPU_STACK | AZURE | TRACKERS) == set()


def test_a_command_that_asks_no_service_loads_no_web_framework(tmp_path: Path) -> None:
    for arguments in (("--help",), ("models",), ("deploy", "list")):
        assert (
            loaded_by(COMMAND, *arguments, directory=tmp_path) & {"fastapi", "starlette", "uvicorn", "httpx"} == set()
        )
