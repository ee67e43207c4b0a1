"""A service with its chat engine on a loopback port, for tests with the official client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from localft.api import server
from localft.api.app import guarded, make_app
from localft.api.gate import names
from localft.jobs.store import Store
from localft.serving.chats import Chats, OwnChats
from localft.serving.engines import Engines

TOKEN = "test-token"


@contextmanager
def served(home: Path, chats: Chats | None = None) -> Iterator[str]:
    """The address of a running service."""
    home.mkdir(parents=True, exist_ok=True)
    store = Store.open(home)
    chats = chats or OwnChats(Engines(home / "chat-engine.log"))
    listener = server.bind("127.0.0.1", 0)
    app = guarded(make_app(store, chats), token=TOKEN, names=names("127.0.0.1", ()))
    running = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield server.address(listener, "127.0.0.1")
    finally:
        running.should_exit = True
        thread.join(30)
        listener.close()
        store.close()
        assert not thread.is_alive(), "the service stops"
