"""Uploads: parts put together, no more than was announced, nothing left behind."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from localft.errors import Conflict, UsageError
from localft.jobs.store import Store
from stores import CHATS, Clock, leftovers


def test_an_upload_is_put_together_in_the_order_asked(store: Store) -> None:
    upload = store.uploads.create("a.jsonl", "fine-tune", len(CHATS), "text/jsonl")
    parts = []
    for content in (CHATS[50:], CHATS[:50]):
        with store.uploads.part_writer(upload.id) as part:
            part.write(content)
            parts.append(part.commit().id)
    for wrong in ([parts[0]], [parts[0], parts[0]], [*parts, "part_x"]):
        with pytest.raises(UsageError, match="part"):
            store.uploads.complete(upload.id, wrong)
    md5 = hashlib.md5(CHATS).hexdigest()
    with pytest.raises(UsageError, match="md5"):
        store.uploads.complete(upload.id, parts, md5)
    done = store.uploads.complete(upload.id, parts[::-1], md5)
    assert done.status == "completed" and done.file is not None
    assert store.files.path(done.file.id).read_bytes() == CHATS
    assert store.uploads.complete(upload.id, parts[::-1], md5) == done
    assert leftovers(store.home) == [done.file.id]
    with pytest.raises(Conflict, match="is completed"):
        store.uploads.cancel(upload.id)


def test_an_upload_takes_no_more_than_was_announced_and_ends_with_its_time(store: Store, clock: Clock) -> None:
    upload = store.uploads.create("a.jsonl", "fine-tune", 3, "text/jsonl")
    with store.uploads.part_writer(upload.id) as part:
        part.write(b"four")
        with pytest.raises(UsageError, match="announced with 3 bytes"):
            part.commit()
    assert leftovers(store.home) == []
    with store.uploads.part_writer(upload.id) as part:
        part.write(b"two")
        part.commit()
    clock.now += 2 * 60 * 60
    assert store.uploads.get(upload.id).status == "expired"
    with pytest.raises(Conflict, match="is expired"):
        store.uploads.part_writer(upload.id)
    assert store.uploads.remove_expired() == 1
    assert leftovers(store.home) == []


def test_an_upload_that_is_completed_by_several_at_once_is_one_file_for_all(store: Store) -> None:
    upload = store.uploads.create("rows.jsonl", "fine-tune", 4 << 20, "text/jsonl")
    with store.uploads.part_writer(upload.id) as writer:
        writer.write(b"x" * (4 << 20))
        part = writer.commit()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: store.uploads.complete(upload.id, [part.id]), range(6)))
    assert {(answer.status, answer.file.id if answer.file else None) for answer in answers} == {
        ("completed", store.files.page().items[0].id)
    }
    assert len(store.files.page().items) == 1
