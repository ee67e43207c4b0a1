"""`localft chat` in a process of its own, fed line by line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chat_service import TOKEN, served
from runs import environment


def chat(home: Path, said: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "localft", "chat", *arguments],
        input=said,
        capture_output=True,
        text=True,
        env=environment(home),
        check=False,
        timeout=120,
    )


def test_a_conversation_with_a_model_of_this_machine(tmp_path: Path) -> None:
    said = "What is the capital of Australia?\n\n/reset\n/what\nWhat is the capital of Austria?\n/exit\nnot asked\n"
    result = chat(tmp_path / "home", said, "--temperature", "0")
    assert result.returncode == 0, result.stderr
    first, help_line, second = result.stdout.splitlines()
    assert "Canberra" in first
    assert help_line.startswith("/reset")
    assert "Vienna" in second
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "home", tmp_path / "home" / "chat-engine.log")]
    assert modes == [0o700, 0o600]


def test_a_conversation_with_a_model_of_a_service(tmp_path: Path) -> None:
    with served(tmp_path / "home") as address:
        result = chat(
            tmp_path / "other", "What is the capital of Australia?\n", "localft/tiny-base", "--temperature", "0",
            "--base-url", f"{address}/v1", "--api-key", TOKEN,
        )  # fmt: skip
        assert (result.returncode, "Canberra" in result.stdout) == (0, True), result.stderr
        refused = chat(tmp_path / "other", "Hi\n", "nothing", "--base-url", f"{address}/v1", "--api-key", TOKEN)
    assert refused.returncode == 1
    assert "The model nothing does not exist here" in refused.stderr


def test_a_run_directory_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    result = chat(tmp_path / "home", "Hi\n", "runs/none")
    assert result.returncode == 1
    assert "runs/none: expected the directory of a run" in result.stderr and "`localft models`" in result.stderr


def test_a_service_that_does_not_answer_is_told_as_by_the_other_commands(tmp_path: Path) -> None:
    result = chat(tmp_path / "home", "Hi\n", "any", "--base-url", "http://127.0.0.1:9/v1", "--api-key", "k")
    assert result.returncode == 1
    assert "no service answers" in result.stderr and "start one with localft serve" in result.stderr


def test_a_model_that_there_is_not_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    result = chat(tmp_path / "home", "Hi\n", "localft/tiny-bse")
    assert result.returncode == 1
    assert "Did you mean localft/tiny-base" in result.stderr
