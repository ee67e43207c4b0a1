"""Tells one address of jobs that have ended, as the service does: signed by the Standard Webhooks scheme.

Each event is sent until it was taken, at least once, with growing pauses in between; after three days it is given up.
`client.webhooks.unwrap(body, headers, secret=...)` of the official client checks what arrives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from localft.errors import UsageError
from localft.jobs.store.outbox import Outbox, Webhook
from localft.settings import WebhookEndpoint

LOOK_EVERY_SECONDS = 0.5
TIMEOUT_SECONDS = 15.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 3600.0
GIVE_UP_SECONDS = 3 * 24 * 3600.0
SECRET_PREFIX = "whsec_"


def payload(webhook: Webhook) -> bytes:
    """The body, in the shape of the service's webhook events."""
    event = {
        "id": webhook.id,
        "object": "event",
        "created_at": webhook.created_at,
        "type": webhook.type,
        "data": {"id": webhook.job_id},
    }
    return json.dumps(event).encode()


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`; the secret is base64 behind `whsec_`, else taken as it is."""
    signed = f"{id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()}"


def key_of(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        raise UsageError(
            f"LOCALFT_WEBHOOK_SECRET begins with {SECRET_PREFIX}, and what follows is not base64; give the secret as it was "
            "made.",
            param="LOCALFT_WEBHOOK_SECRET",
        ) from None


def pause_behind(attempts: int) -> float:
    """Seconds to wait after so many attempts in vain: 1, 2, 4, ... up to an hour."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempts, 32), LONGEST_PAUSE_SECONDS)


class Sender:
    """Sends in a thread of its own while entered, so that a slow receiver holds up nobody."""

    def __init__(
        self,
        outbox: Outbox,
        endpoint: WebhookEndpoint | None,
        *,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._endpoint = endpoint
        self._say = say
        self._clock = clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
        if endpoint is not None:
            key_of(endpoint.secret)  # refused at the start rather than at the first event

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was not sent yet waits in the store."""
        self._stopped.set()
        self._thread.join(LOOK_EVERY_SECONDS * 4)

    def _work(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_SECONDS):
            try:
                self.look()
            except Exception as error:  # whatever it is, it must not end the telling for good
                self._say(f"webhooks: {type(error).__name__}: {error}")
                self._stopped.wait(LOOK_EVERY_SECONDS * 10)

    def look(self) -> None:
        """Sends what is due; where nobody wants to be told, forgets it."""
        if self._endpoint is None:
            self._outbox.clear()
            return
        for webhook in self._outbox.due(self._clock()):
            if self._stopped.is_set():
                return
            self._deliver(webhook, self._endpoint)

    def _deliver(self, webhook: Webhook, endpoint: WebhookEndpoint) -> None:
        refused = self._post(webhook, endpoint)
        if refused is None:
            self._outbox.remove(webhook.id)
            return
        now = self._clock()
        what = f"webhook {webhook.type} of {webhook.job_id}: {refused}"
        if now - webhook.created_at >= GIVE_UP_SECONDS:
            self._say(f"{what}; given up")
            self._outbox.remove(webhook.id)
            return
        pause = pause_behind(webhook.attempts)
        self._say(f"{what}; sent again in {pause:g} s")
        self._outbox.postpone(webhook.id, now + pause)

    def _post(self, webhook: Webhook, endpoint: WebhookEndpoint) -> str | None:
        """Why it was not taken; None where it was. A redirection is no answer: the address is the one that was configured."""
        import httpx

        body, timestamp = payload(webhook), int(self._clock())
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(endpoint.secret, webhook.id, timestamp, body),
        }
        try:
            answer = httpx.post(endpoint.url, content=body, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{type(error).__name__}: {error}"
        return None if answer.is_success else f"the receiver answered {answer.status_code}"
