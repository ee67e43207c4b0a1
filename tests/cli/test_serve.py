"""`localft serve` as a process: its first minute, its token, its worker, and what is in its way."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from served import Served, served, without
from service import wait_for


def refusal(home: Path, *arguments: str, **environment: str) -> str:
    """What a serve that does not start says; one sentence on stderr, exit 2."""
    done = subprocess.run(
        [sys.executable, "-m", "localft", "serve", *arguments],
        env={**without(os.environ, "LOCALFT_API_KEY"), "LOCALFT_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    [sentence] = done.stderr.splitlines()
    return sentence


def child_processes(process: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True).stdout
    return [int(line) for line in listed.split()]


@pytest.mark.slow
def test_the_snippet_that_serve_prints_works_when_pasted(tmp_path: Path) -> None:
    with served(tmp_path / "home") as running:
        snippet = running.greeting[running.greeting.index("from openai import OpenAI") :]
        assert len(snippet.splitlines()) == 5
        environment = without(os.environ, "PYTHONPATH")
        done = subprocess.run(
            [sys.executable, "-c", snippet], env=environment, capture_output=True, text=True, timeout=240
        )
    assert done.returncode == 0, done.stderr
    assert "Canberra" in done.stdout


def test_the_token_is_drawn_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    home, tokens = tmp_path / "home", []
    for _ in range(2):
        with served(home) as running:
            tokens.append(running.at.token)
    assert tokens[0] == tokens[1] and len(tokens[0]) > 32
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
    assert (home / "token").read_text().strip() == tokens[0]


def test_the_users_own_token_is_taken_and_not_kept(tmp_path: Path) -> None:
    running = Served(tmp_path / "home", environment={"LOCALFT_API_KEY": "my-own-token"})
    try:
        assert running.at.token == "my-own-token"
        assert list(running.at.openai().files.list()) == []
    finally:
        assert running.stop() == 0
    assert not (tmp_path / "home" / "token").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_is_started_again_when_it_dies_and_ends_with_the_service(
    tmp_path: Path, number: signal.Signals
) -> None:
    running = Served(tmp_path / "home")
    wait_for(running.log, lambda log: " serves " in log)
    [worker] = child_processes(running.process.pid)
    os.kill(worker, signal.SIGKILL)
    wait_for(running.log, lambda log: log.count(" serves ") == 2)
    [another] = child_processes(running.process.pid)
    assert running.stop(number) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(another, 0)
    assert "the worker ended with -9" in running.log() and "Traceback" not in running.log()


def test_a_service_that_is_killed_takes_its_worker_along(tmp_path: Path) -> None:
    running = Served(tmp_path / "home")
    wait_for(running.log, lambda log: " serves " in log)
    [worker] = child_processes(running.process.pid)
    running.stop(signal.SIGKILL)
    wait_for(lambda: Path(f"/proc/{worker}").exists(), lambda alive: not alive, seconds=20)


def test_what_is_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    with served(tmp_path / "home") as running:
        assert "another service (process" in refusal(tmp_path / "home", "--port", "0")
        port = running.at.address.rpartition(":")[2]
        assert f"port {port} on 127.0.0.1 is in use" in refusal(tmp_path / "other", "--port", port)
    (tmp_path / "file").write_text("no directory")
    assert "expected a directory that can be written to" in refusal(tmp_path / "file" / "home")
    assert "cannot listen on 203.0.113.1" in refusal(tmp_path / "other", "--host", "203.0.113.1")
    assert "LOCALFT_API_KEY: expected" in refusal(tmp_path / "other", "--port", "0", LOCALFT_API_KEY="a b")
    (tmp_path / "other" / "token").write_text("somebody-elses")
    (tmp_path / "other" / "token").chmod(0o644)
    assert "only its owner" in refusal(tmp_path / "other", "--port", "0")


def test_listening_beyond_this_machine_is_warned_about(tmp_path: Path) -> None:
    with served(tmp_path / "home", "--host", "0.0.0.0", "--allow-host", "box.lan") as running:
        assert running.at.address.startswith("http://127.0.0.1:")
        assert "everybody who reaches this machine" in running.log()
        with running.at.http() as client:
            assert client.get("/v1/files", headers={"Host": "box.lan:1"}).status_code == 200
            assert client.get("/v1/files", headers={"Host": "evil.example"}).status_code == 400


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    running = Served(home)
    file = running.at.openai().files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune")
    running.stop(signal.SIGKILL)
    with served(home) as again:
        assert again.at.openai().files.content(file.id).read() == b"{}\n"


def test_the_socket_is_free_again_at_once(tmp_path: Path) -> None:
    with served(tmp_path / "home") as running:
        address = running.at.address
        list(running.at.openai().files.list())
    host, port = re.fullmatch(r"http://(.*):(\d+)", address).groups()  # type: ignore[union-attr]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
