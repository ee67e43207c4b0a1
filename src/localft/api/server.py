"""The application on a socket: bound before anything else starts, stopped without cutting answers off."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from localft.errors import UsageError

GRACE_SECONDS = 10
"""How long answers that are on their way may take once the service is asked to stop."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on host and port, 0 for any free one; UsageError where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(_why_not(error, host, port), code="cannot_listen") from None
    return listener


def _why_not(error: OSError | OverflowError, host: str, port: int) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use, perhaps by another `localft serve`; give another one with --port."
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return f"port {port} on {host} may not be used by this user; give one from 1024 up with --port."
    return f"cannot listen on {host}, port {port}: {error}; give another --host or --port."


def address(listener: socket.socket, host: str) -> str:
    """The URL of the listener, as a client on this machine would call it."""
    port = listener.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


class _Server(uvicorn.Server):
    """Stops by SIGINT and SIGTERM, and leaves it to the caller how the process ends. A second signal cuts answers off."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run(app: ASGIApp, listener: socket.socket) -> None:
    """Serves until a signal asks to stop."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    _Server(config).run(sockets=[listener])
