"""What a job's process says in the end, for the worker that waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from localft.jobs.last_words import LastWords, read_last_words
from runs import environment


def test_a_command_that_fails_leaves_its_error_and_one_that_does_well_leaves_nothing(tmp_path: Path) -> None:
    told = {**environment(tmp_path / "home"), "LOCALFT_LAST_WORDS": str(tmp_path / "words.json")}
    for arguments in (["--version"], ["train", "--model", "localft/tiny-llama"]):
        assert read_last_words(tmp_path / "words.json") is None
        subprocess.run([sys.executable, "-m", "localft", *arguments], env={**os.environ, **told}, capture_output=True)
    words = read_last_words(tmp_path / "words.json")
    assert isinstance(words, LastWords)
    assert (words.exit_code, words.code) == (2, "invalid_request")
    assert "training_file is missing" in words.message
