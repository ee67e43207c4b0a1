"""One process a GPU: which command is started, how it is stopped, and whose exit code counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from localft import settings
from localft.cli.launch import launch, launch_command, processes_to_start, use_first_gpu


def python(script: str) -> list[str]:
    """A stand-in for the launcher."""
    return [sys.executable, "-c", textwrap.dedent(script)]


@pytest.mark.parametrize(
    ("gpus", "batch_size", "processes"), [(0, 4, 1), (1, 4, 1), (2, 4, 2), (8, 4, 4), (8, 1, 1), (4, 256, 4)]
)
def test_a_process_for_each_gpu_but_no_more_than_a_step_has_examples(
    monkeypatch: pytest.MonkeyPatch, gpus: int, batch_size: int, processes: int
) -> None:
    monkeypatch.setattr(settings, "visible_gpus", lambda: gpus)
    assert processes_to_start(batch_size) == processes


@pytest.mark.parametrize(("before", "after"), [(None, "0"), ("3,5", "3"), (" GPU-a1b2 ,GPU-c3d4", "GPU-a1b2")])
def test_the_first_gpu_is_the_first_that_the_user_allows(
    monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before or "")
    if before is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    use_first_gpu()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == after


def test_the_same_command_line_is_started_by_accelerate() -> None:
    command = launch_command(4, ["train", "recipe.yaml", "--seed", "7"])
    assert command[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
    assert command[command.index("--num_processes") + 1] == "4"
    assert command[-6:] == ["-m", "localft", "train", "recipe.yaml", "--seed", "7"]


def test_accelerate_understands_every_option_of_the_command() -> None:
    pytest.importorskip("accelerate")
    from accelerate.commands.launch import launch_command_parser

    arguments = launch_command_parser().parse_args(launch_command(4, ["train", "r.yaml", "--seed", "7"])[3:])
    assert (arguments.num_processes, arguments.multi_gpu, arguments.module) == (4, True, True)
    assert (arguments.training_script, arguments.training_script_args) == (
        "localft",
        ["train", "r.yaml", "--seed", "7"],
    )


def test_the_code_that_the_first_process_left_is_passed_on() -> None:
    leaves_75 = """
        import os, pathlib
        pathlib.Path(os.environ["LOCALFT_CONTROL_DIRECTORY"], "exit-code").write_text("75")
    """
    assert launch(2, [], command=python(leaves_75)) == 75


@pytest.mark.parametrize(
    ("script", "code"), [("", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_the_launchers_own_code_counts_where_none_was_left(script: str, code: int) -> None:
    assert launch(2, [], command=python(script)) == code


WAITS_FOR_THE_STOP_FILE = """
    import os, pathlib, signal, sys, time
    control = pathlib.Path(os.environ["LOCALFT_CONTROL_DIRECTORY"])
    signal.signal(signal.SIGTERM, lambda *_: (control / "exit-code").write_text("9") and sys.exit(0))
    pathlib.Path(sys.argv[1]).touch()
    while not (control / "stop").exists():
        time.sleep(0.01)
    if sys.argv[2] == "obeys":
        (control / "exit-code").write_text("75")
    else:
        pathlib.Path(sys.argv[1] + "-asked").touch()
        time.sleep(60)
"""


def send_when(file: Path, number: int) -> threading.Thread:
    def wait_and_send() -> None:
        while not file.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait_and_send)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_through_the_file_and_waits_for_the_end(tmp_path: Path, number: int) -> None:
    before = signal.getsignal(number)
    sender = send_when(tmp_path / "up", number)
    command = [*python(WAITS_FOR_THE_STOP_FILE), str(tmp_path / "up"), "obeys"]
    assert launch(2, [], command=command) == 75
    sender.join()
    assert signal.getsignal(number) is before


def test_a_second_signal_reaches_the_launcher(tmp_path: Path) -> None:
    senders = [send_when(tmp_path / "up", signal.SIGINT), send_when(tmp_path / "up-asked", signal.SIGINT)]
    command = [*python(WAITS_FOR_THE_STOP_FILE), str(tmp_path / "up"), "hangs"]
    assert launch(2, [], command=command) == 9
    for sender in senders:
        sender.join()


def test_ctrl_c_in_the_terminal_does_not_reach_the_processes_behind_our_back(tmp_path: Path) -> None:
    script = f"import os; open({str(tmp_path / 'group')!r}, 'w').write(str(os.getpgrp()))"
    assert launch(2, [], command=python(script)) == 0
    assert int((tmp_path / "group").read_text()) != os.getpgrp()


def test_launching_needs_no_torch() -> None:
    script = "import sys, localft.cli.launch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
