"""Files: whole or not there, kept while a job needs them, gone when their time is over."""

from __future__ import annotations

import pytest

from localft.errors import Conflict, NotFound
from localft.jobs.store import Store
from stores import CHATS, Clock, leftovers, put_file, request


def test_a_file_is_whole_or_not_there(store: Store) -> None:
    with pytest.raises(RuntimeError), store.files.writer("a", "fine-tune") as writer:
        writer.write(CHATS)
        raise RuntimeError("the client is gone")
    with store.files.writer("a", "fine-tune") as writer:
        writer.write(CHATS)
    assert leftovers(store.home) == []
    id = put_file(store, filename="../../evil.jsonl")
    assert leftovers(store.home) == [id]
    assert (store.files.get(id).filename, store.files.get(id).bytes) == ("../../evil.jsonl", len(CHATS))
    assert store.files.path(id).read_bytes() == CHATS
    store.files.delete(id)
    assert leftovers(store.home) == []
    with pytest.raises(NotFound):
        store.files.get(id)


def test_what_a_killed_writer_left_is_taken_away_and_what_is_being_written_is_not(store: Store) -> None:
    kept = put_file(store)
    (store.home / "files" / ".staged-dead").write_bytes(b"half")
    (store.home / "files" / ("file-" + "0" * 32)).write_bytes(b"placed, and killed before its row")
    with store.files.writer("a", "fine-tune") as writer:
        writer.write(b"x")
        assert store.files.remove_leftovers() == 2
        written = writer.commit().id
    assert leftovers(store.home) == sorted([kept, written])


def test_a_file_that_a_job_needs_is_not_deleted(store: Store) -> None:
    stored = store.jobs.create(request(store))
    with pytest.raises(Conflict, match=f"in use by {stored.id}"):
        store.files.delete(stored.job.training_file)
    store.jobs.cancel(stored.id)
    store.files.delete(stored.job.training_file)


def test_a_file_goes_when_its_time_is_over_unless_a_job_needs_it(store: Store, clock: Clock) -> None:
    with store.files.writer("a", "fine-tune", 3600) as writer:
        writer.write(CHATS)
        file = writer.commit()
    stored = store.jobs.create(request(store, training_file=file.id))
    clock.now += 3601
    assert store.files.remove_expired() == 0
    store.jobs.cancel(stored.id)
    with pytest.raises(NotFound):
        store.files.get(file.id)
    assert store.files.page().items == ()
    assert store.files.remove_expired() == 1
    assert leftovers(store.home) == []


def test_files_are_listed_by_purpose_and_order(store: Store) -> None:
    ids = [put_file(store), put_file(store, purpose="user_data"), put_file(store)]
    assert [file.id for file in store.files.page().items] == ids[::-1]
    assert [file.id for file in store.files.page(purpose="fine-tune", order="asc").items] == [ids[0], ids[2]]
    page = store.files.page(limit=2)
    assert page.has_more and [file.id for file in store.files.page(after=ids[1]).items] == [ids[0]]
