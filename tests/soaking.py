"""Runs a script of long trials in a short form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runs import environment

SCRIPTS = Path(__file__).parent.parent / "scripts"


def soaked(name: str, home: Path, *arguments: str, seconds: float = 560) -> str:
    """What `scripts/soak_<name>.py` prints, which has to end well."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / f"soak_{name}.py"), *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing failed." in done.stdout
    return done.stdout
