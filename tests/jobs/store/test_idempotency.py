"""One job for one wish, however often it arrives."""

from __future__ import annotations

import pytest

from localft.errors import Conflict
from localft.jobs.store import Store
from localft.jobs.store.idempotency import WINDOW_SECONDS, Idempotency
from stores import Clock, Run, request


def test_a_retried_create_makes_one_job_whichever_try_arrives_first(store: Store, clock: Clock) -> None:
    asked = request(store)
    first, again = Idempotency("me", b"{}"), Idempotency("me", b"{}", retry_count=1)
    one = store.jobs.create(asked, idempotency=first)
    assert store.jobs.create(asked, idempotency=again).id == one.id
    on_purpose = store.jobs.create(asked, idempotency=first)
    assert on_purpose.id != one.id, "the same request again is another job"
    clock.now += WINDOW_SECONDS + 1
    late = store.jobs.create(asked, idempotency=again)
    assert late.id not in (one.id, on_purpose.id)
    assert store.jobs.create(asked, idempotency=first).id == late.id, "the first try came last"
    assert store.jobs.create(asked, idempotency=Idempotency("you", b"{}", retry_count=1)).id != late.id


def test_a_job_that_was_deleted_is_not_found_again(store: Store) -> None:
    wish = Idempotency("me", b"{}", key="k")
    one = store.jobs.create(request(store), idempotency=wish)
    store.queue.claim(1)
    Run(one).begin().train(1).succeed()
    store.queue.take_over(one.id)
    store.queue.settle(one.id, "succeeded")
    store.jobs.delete(one.id)
    assert store.jobs.create(request(store), idempotency=wish).id != one.id


def test_an_idempotency_key_is_for_one_request(store: Store) -> None:
    asked = request(store)
    one = store.jobs.create(asked, idempotency=Idempotency("me", b"{}", key="k"))
    assert store.jobs.create(asked, idempotency=Idempotency("me", b"{}", key="k")).id == one.id
    with pytest.raises(Conflict, match="Idempotency-Key"):
        store.jobs.create(asked, idempotency=Idempotency("me", b"{ }", key="k"))
