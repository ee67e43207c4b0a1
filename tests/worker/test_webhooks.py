"""Webhooks: what arrives passes the official client's own check, at least once, and nothing is sent unasked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from localft import settings
from localft.errors import UsageError
from localft.jobs.job import JobError
from localft.jobs.store import Store
from localft.settings import WebhookEndpoint
from localft.worker.webhooks import GIVE_UP_SECONDS, Sender, pause_behind
from stores import Clock, finished_job, request

SECRETS = ["whsec_" + "c2VjcmV0IG9mIHRoZXNlIHRlc3Rz", "plain words"]


@dataclass
class Receiver:
    """An address that answers with the codes it is given, the last one for good, and keeps what it took."""

    url: str
    answers: list[int]
    taken: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    asked: int = 0


@contextmanager
def receiver(*answers: int) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            code = there.answers[min(there.asked, len(there.answers) - 1)]
            there.asked += 1
            if code < 300:
                there.taken.append((body, dict(self.headers)))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *words: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = Receiver(f"http://127.0.0.1:{server.server_port}/hook", list(answers))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()


def sender(store: Store, endpoint: WebhookEndpoint | None, clock: Any = None) -> Sender:
    return Sender(store.outbox, endpoint, say=lambda sentence: None, **({"clock": clock} if clock else {}))


@pytest.mark.parametrize("secret", SECRETS)
def test_each_end_of_a_job_is_told_once_and_signed_as_the_official_client_checks_it(store: Store, secret: str) -> None:
    succeeded = finished_job(store)
    failed, cancelled = (store.jobs.create(request(store)) for _ in range(2))
    store.queue.claim(9)
    store.queue.settle(failed.id, "failed", JobError(code="x", message="y"))
    store.jobs.cancel(cancelled.id)
    client = OpenAI(api_key="none", webhook_secret=secret)
    with receiver(200) as there:
        ours = sender(store, WebhookEndpoint(there.url, secret))
        ours.look()
        ours.look()
        events = [client.webhooks.unwrap(body, headers) for body, headers in there.taken]
        told = [(event.type, event.data.id) for event in events]  # type: ignore[union-attr]
        assert told == [
            ("fine_tuning.job.succeeded", succeeded.id),
            ("fine_tuning.job.failed", failed.id),
            ("fine_tuning.job.cancelled", cancelled.id),
        ]
        body, headers = there.taken[0]
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(body.replace(b"succeeded", b"failed"), headers)
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(body, headers, secret="another")


def test_a_receiver_that_fails_is_asked_again_later_with_the_same_id(tmp_path: Path) -> None:
    clock = Clock()
    with Store.open(tmp_path, clock=clock) as store, receiver(500, 302, 204) as there:
        finished_job(store)
        ours = sender(store, WebhookEndpoint(there.url, SECRETS[0]), clock)
        ours.look()
        ours.look()
        assert there.asked == 1, "a pause lies between two attempts"
        for seconds in (1.0, 2.0):
            clock.now += seconds
            ours.look()
        assert there.asked == 3 and len(there.taken) == 1
        clock.now += GIVE_UP_SECONDS
        ours.look()
        assert there.asked == 3


def test_an_address_where_nobody_is_keeps_the_event_and_gives_up_one_day(tmp_path: Path) -> None:
    clock = Clock()
    with Store.open(tmp_path, clock=clock) as store:
        finished_job(store)
        ours = sender(store, WebhookEndpoint("http://127.0.0.1:9/", SECRETS[0]), clock)
        ours.look()
        (waiting,) = store.outbox.due(clock.now + 10)
        assert waiting.attempts == 1
        clock.now += GIVE_UP_SECONDS
        ours.look()
        assert store.outbox.due(clock.now * 2) == []


def test_without_an_address_nothing_is_sent_and_nothing_piles_up(store: Store) -> None:
    finished_job(store)
    sender(store, None).look()
    with receiver(200) as there:
        sender(store, WebhookEndpoint(there.url, SECRETS[0])).look()
        assert there.asked == 0


def test_the_sender_works_in_the_background(store: Store) -> None:
    finished_job(store)
    with receiver(200) as there, sender(store, WebhookEndpoint(there.url, SECRETS[1])):
        deadline = threading.Event()
        for _ in range(100):
            if there.taken:
                break
            deadline.wait(0.1)
        assert len(there.taken) == 1


def test_pauses_grow_to_an_hour() -> None:
    assert [pause_behind(attempts) for attempts in (0, 1, 2, 11, 12, 500)] == [1.0, 2.0, 4.0, 2048.0, 3600.0, 3600.0]


def test_a_secret_that_is_not_as_it_was_made_is_refused_at_the_start(store: Store) -> None:
    with pytest.raises(UsageError, match="LOCALFT_WEBHOOK_SECRET"):
        sender(store, WebhookEndpoint("http://127.0.0.1:9/", "whsec_***"))


def test_address_and_secret_are_set_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (settings.WEBHOOK_URL, settings.WEBHOOK_SECRET):
        monkeypatch.delenv(name, raising=False)
    assert settings.webhook() is None
    monkeypatch.setenv(settings.WEBHOOK_URL, "http://127.0.0.1/hook")
    with pytest.raises(UsageError, match="found no LOCALFT_WEBHOOK_SECRET"):
        settings.webhook()
    monkeypatch.setenv(settings.WEBHOOK_SECRET, "s")
    assert settings.webhook() == WebhookEndpoint("http://127.0.0.1/hook", "s")
    monkeypatch.setenv(settings.WEBHOOK_URL, "ftp://x")
    with pytest.raises(UsageError, match="http or https"):
        settings.webhook()
