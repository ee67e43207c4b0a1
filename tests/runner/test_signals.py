"""Signals before the training, where the process is often inside of an import."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localft.runner.signals import Stopped, StopSignals

SEND = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


def test_a_signal_inside_of_an_import_waits_for_the_next_safe_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "signalled_once.py").write_text(SEND + "complete = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with StopSignals(None) as stop:
        assert importlib.import_module("signalled_once").complete
        with pytest.raises(Stopped):
            stop.check()
    assert capfd.readouterr().err.splitlines()[1:] == [
        "stopping as soon as the packages are loaded; once more to stop at once"
    ]


def test_behind_a_launcher_a_second_signal_is_the_first_ones_echo(capfd: pytest.CaptureFixture[str]) -> None:
    with StopSignals(None, echoed=True) as stop:
        stop.save_first()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested()
    assert capfd.readouterr().err.count("stopping after this step") == 1


def test_while_the_model_is_saved_the_first_signal_says_that_it_only_waits(capfd: pytest.CaptureFixture[str]) -> None:
    with StopSignals(None) as stop:
        stop.save_first()
        stop.only_wait()
        os.kill(os.getpid(), signal.SIGTERM)
    said = "the training is over and its model is being saved; once more to stop at once"
    assert capfd.readouterr().err.strip() == said


def test_before_the_training_the_echo_is_not_heard_while_the_first_is_heeded() -> None:
    with StopSignals(None, echoed=True), pytest.raises(Stopped):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def test_our_own_launch_sends_a_second_signal_only_to_stop_at_once(tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    with StopSignals(tmp_path, echoed=True) as stop, pytest.raises(Stopped):
        stop.save_first()
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("saves", [False, True])
def test_a_second_signal_inside_of_an_import_ends_the_process_though_errors_are_caught(
    tmp_path: Path, saves: bool
) -> None:
    (tmp_path / "signalled_twice.py").write_text(
        SEND + "try:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    pass\n"
    )
    program = (
        "from localft.runner.signals import StopSignals\n"
        "with StopSignals(None) as stop:\n"
        f"    {'stop.save_first()' if saves else 'pass'}\n"
        "    import signalled_twice\n"
        "    print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (75, "")
    assert len(done.stderr.strip().splitlines()) == 1
