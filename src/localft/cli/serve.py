"""`localft serve`: the API in this process, the worker in a child, on one home."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from localft.serving.chats import Chats

WORKER_PATIENCE_SECONDS = 120.0
"""Running jobs save a checkpoint when the service stops; of a big model that takes a while."""


def serve(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on. Other than the default it is reachable from outside.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8000,
    engine: Annotated[
        Literal["own", "vllm"], typer.Option("--engine", help="What answers chats: localft itself, or vLLM on a GPU.")
    ] = "own",
    max_running_jobs: Annotated[
        int, typer.Option("--max-running-jobs", min=1, help="Jobs that are trained at the same time.")
    ] = 1,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="Another name that the service may be called by; repeatable."
        ),
    ] = None,
) -> None:
    """Serve fine-tuning jobs and an OpenAI-compatible API on this machine, and train the jobs.

    The token is LOCALFT_API_KEY, else one that is drawn once and kept in LOCALFT_HOME. Ctrl-C stops the service: running jobs
    are saved, and go on when it is started again.
    """
    from localft import settings
    from localft.api import server
    from localft.api.app import guarded, make_app
    from localft.api.gate import is_loopback, names
    from localft.api.home import opened_home
    from localft.api.token import service_token
    from localft.cli.supervision import SupervisedChild
    from localft.jobs.store import Store

    chats = _chats(engine, settings.home())
    with opened_home(settings.home()) as home, server.bind(host, port) as listener:
        settings.private_file(home / "chat-engine.log")
        token = service_token(home)
        store = Store.open(home)
        app = guarded(make_app(store, chats), token=token, names=names(host, allow_host or ()))
        worker = SupervisedChild(["worker", "--running-jobs", str(max_running_jobs), "--until-stdin-closes"], _say)
        worker.start()
        try:
            if not is_loopback(host):
                _say(
                    f"listening on {host}: everybody who reaches this machine reaches the service, and the token travels "
                    "without encryption; put a proxy with TLS before it."
                )
            print(greeting(server.address(listener, host), token, home), flush=True)
            server.run(app, listener)
        finally:
            _say("stopping; running jobs are saved, and go on when the service is started again")
            worker.stop(WORKER_PATIENCE_SECONDS)
            store.close()


def _chats(engine: Literal["own", "vllm"], home: Path) -> Chats:
    if engine == "vllm":
        from localft.serving.vllm import VllmChats

        handed_over = VllmChats(home / "vllm.log")
        handed_over.check()
        return handed_over
    from localft.serving.chats import OwnChats
    from localft.serving.engines import Engines

    return OwnChats(Engines(home / "chat-engine.log"))


SNIPPET = """\
from openai import OpenAI
client = OpenAI(base_url="{address}/v1", api_key="{token}")
messages = [{{"role": "user", "content": "What is the capital of Australia?"}}]
answer = client.chat.completions.create(model="localft/tiny-base", messages=messages)
print(answer.choices[0].message.content)
"""


def greeting(address: str, token: str, home: Path) -> str:
    """What a first user needs: where, with which token, and Python that works when pasted."""
    return (
        f"localft serves {address}/v1\ntoken: {token}\nhome:  {home}\n\n{SNIPPET.format(address=address, token=token)}"
    )


def _say(sentence: str) -> None:
    print(f"localft serve: {sentence}", file=sys.stderr, flush=True)
