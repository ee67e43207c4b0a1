"""One database for many threads: connections do not pile up, and a transaction is all or nothing."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from localft.errors import StoreError
from localft.jobs.store import Store
from localft.jobs.store.database import Database
from stores import put_file, request


def test_threads_that_come_and_go_leave_no_connection_open(store: Store) -> None:
    def count() -> None:
        store.files.page()

    def open_files() -> int:
        return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0

    before = open_files()
    for _ in range(50):
        thread = threading.Thread(target=count)
        thread.start()
        thread.join()
    assert open_files() - before < 10


def test_many_threads_make_jobs_at_once(store: Store) -> None:
    file, failures = put_file(store), []

    def make() -> None:
        try:
            store.jobs.create(request(store, training_file=file))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({stored.id for stored in store.jobs.page(limit=100).items}) == 20


def test_a_transaction_that_fails_leaves_nothing_and_one_inside_of_it_is_part_of_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    database.connection().execute("CREATE TABLE t (x)")
    with pytest.raises(RuntimeError), database.transaction() as outer:
        outer.execute("INSERT INTO t VALUES (1)")
        with database.transaction() as inner:
            inner.execute("INSERT INTO t VALUES (2)")
        raise RuntimeError("no")
    assert database.connection().execute("SELECT count(*) FROM t").fetchone()[0] == 0
    database.close()


def test_a_damaged_database_is_refused_by_name(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Store.open(home) as store:
        put_file(store)
    database = home / "localft.db"
    content = bytearray(database.read_bytes())
    content[4096 : 4096 * 3] = b"\xff" * (4096 * 2)
    database.write_bytes(content)
    (home / "localft.db-wal").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"localft\.db: expected a whole database"):
        Store.open(home)
