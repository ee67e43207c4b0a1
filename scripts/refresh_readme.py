"""Runs the commands that the README shows and pastes what they print, as it comes.

For maintainers, after a change of what a command prints:

    .venv/bin/python scripts/refresh_readme.py

Each `<!-- output: NAME -->` ... `<!-- /output -->` of the README is filled with the console of the commands in `CONSOLES`. They
run in a directory of their own with an empty LOCALFT_HOME, offline and without a GPU, with the packages of this interpreter;
this checkout is reached through a link in that directory, so that no path of the maintainer's machine is printed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "src" / "localft" / "samples" / "sarcastic_assistant.jsonl"
DIRECTORY = Path("/tmp/try-localft")
CHECKOUT = DIRECTORY / "localft"

BASE = "--model localft/tiny-base"
CONSOLES = {
    "quickstart": ["scripts/quickstart"],
    "validate-bad": ["localft validate slips.jsonl"],
    "validate": [f"localft validate my.jsonl {BASE}"],
    "show": [f"localft show my.jsonl {BASE} --line 1"],
    "plan": [f"localft plan {BASE} --training-file my.jsonl"],
    "train": [f"localft train {BASE} --training-file my.jsonl --seed 1"],
}
"""Name of a console in the README -> the commands in it, in the order in which they are run."""


def write_data_files() -> None:
    """`my.jsonl`: the first twelve rows of the sample. `slips.jsonl`: the same with two slips."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:12]]
    for name in ("my.jsonl", "slips.jsonl"):
        (DIRECTORY / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        rows[2]["messages"][1]["role"] = "bot"
        rows[4]["messages"][2]["weight"] = 0.5


def console(command: str) -> str:
    """A prompt with the command, and what it printed on both streams."""
    arguments = shlex.split(command.replace("scripts/quickstart", "localft quickstart"))[1:]
    environment = {
        **os.environ,
        "LOCALFT_HOME": str(DIRECTORY / "home"),
        "PYTHONPATH": str(CHECKOUT / "src"),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUTF8": "1",
        "COLUMNS": "120",
    }
    done = subprocess.run(
        [sys.executable, "-m", "localft", *arguments],
        cwd=DIRECTORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    expected = 1 if "slips" in command else 0
    assert done.returncode == expected, f"{command} ended with {done.returncode}:\n{done.stdout}"
    print(f"exit {done.returncode}: {command}", file=sys.stderr)
    return "\n".join([f"$ {command}", *lines]).rstrip() + "\n"


def main() -> None:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir()
    CHECKOUT.symlink_to(ROOT)
    write_data_files()
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, commands in CONSOLES.items():
        block = "```console\n" + "\n".join(console(command) for command in commands) + "```\n"
        marked = rf"(<!-- output: {name} -->\n).*?(<!-- /output -->)"
        text, count = re.subn(marked, lambda match, block=block: match[1] + block + match[2], text, flags=re.DOTALL)
        assert count == 1, f"README.md has {count} places for {name}"
    readme.write_text(text, encoding="utf-8")
    shutil.rmtree(DIRECTORY)


if __name__ == "__main__":
    main()
