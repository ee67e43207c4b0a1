"""The service for long trials and tests: `localft serve` as a process, or its application in this one, without a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from openai import AzureOpenAI, OpenAI

from localft.api import server
from localft.api.app import guarded, make_app
from localft.api.gate import names
from localft.jobs.store import Store
from localft.serving.chats import OwnChats
from localft.serving.engines import Engines

TOKEN = "a-token-of-these-tests"


@dataclass(frozen=True)
class Address:
    """Where a service runs, and the clients for it."""

    address: str
    token: str

    def openai(self, path: str = "/v1", **options: Any) -> OpenAI:
        return OpenAI(base_url=self.address + path, api_key=self.token, **options)

    def azure(self, **options: Any) -> AzureOpenAI:
        return AzureOpenAI(azure_endpoint=self.address, api_version="2024-10-21", api_key=self.token, **options)

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)


@dataclass(frozen=True)
class Service(Address):
    """A service in this process."""

    store: Store


@contextmanager
def service(home: Path) -> Iterator[Service]:
    """Serves without a worker, until the end of the block."""
    with Store.open(home) as store, server.bind("127.0.0.1", 0) as listener:
        chats = OwnChats(Engines(home / "chat-engine.log"))
        app = guarded(make_app(store, chats), token=TOKEN, names=names("127.0.0.1"))
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on"))
        thread = threading.Thread(target=lambda: running.run(sockets=[listener]))
        thread.start()
        try:
            yield Service(server.address(listener, "127.0.0.1"), TOKEN, store)
        finally:
            running.should_exit = True
            thread.join()


class Served:
    """A service on a free port of this machine, with its worker. Returns when it says where it is."""

    def __init__(self, home: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        self._log = home.parent / f"{home.name}.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "localft", "serve", "--port", "0", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**without(os.environ, "LOCALFT_API_KEY"), "LOCALFT_HOME": str(home), **(environment or {})},
            )
        assert self.process.stdout is not None
        self.greeting = "".join(_until(self.process.stdout, lambda line: line.startswith("print(")))
        assert self.greeting.rstrip().endswith(")"), self.log()
        said = dict(line.split(maxsplit=1) for line in self.greeting.splitlines()[:2])
        self.at = Address(said["localft"].removeprefix("serves ").removesuffix("/v1"), said["token:"])

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits; returns how the process ended."""
        self.process.send_signal(number)
        code = self.process.wait(180)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def served(home: Path, *arguments: str) -> Iterator[Served]:
    """A service until the end of the block."""
    running = Served(home, *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def without(environment: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key != name}


def _until(lines: Any, is_last: Callable[[str], bool]) -> Iterator[str]:
    for line in lines:
        yield line
        if is_last(line):
            return
