"""What a job's process does before it is the command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from localft.worker.gate import GO, NEVER_STARTED, NICENESS

GATE = [sys.executable, "-m", "localft.worker.gate", "--version"]


def test_nothing_is_started_without_the_word() -> None:
    done = subprocess.run(GATE, input="", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (NEVER_STARTED, "")


def test_the_command_runs_behind_the_word() -> None:
    done = subprocess.run(GATE, input=GO, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("localft ")


@pytest.mark.skipif(os.name != "posix", reason="priorities of processes are POSIX's")
def test_a_training_gives_way_to_those_who_wait_for_an_answer() -> None:
    program = (
        "import os; from localft.worker.gate import give_way; give_way(); print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    before = os.getpriority(os.PRIO_PROCESS, 0)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, start_new_session=True)
    assert int(done.stdout) == min(before + NICENESS, 19)
