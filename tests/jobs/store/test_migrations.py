"""Migrations: numbers rise, old databases are upgraded with what is in them, newer ones are refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from localft.errors import StoreError
from localft.jobs.store import Store
from localft.jobs.store.database import Database
from localft.jobs.store.migrations import MIGRATIONS, migrate, number_of


def schema(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [row[0] for row in rows]


def test_numbers_are_unique_and_rise() -> None:
    assert [number_of(migration) for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("before", range(len(MIGRATIONS) + 1))
def test_a_database_of_any_age_is_upgraded_and_keeps_its_rows(tmp_path: Path, before: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    old = Database(home / "localft.db")
    migrate(old, MIGRATIONS[:before])
    if before:
        old.connection().execute("INSERT INTO files VALUES (7, 'file-1', 'a.jsonl', 'fine-tune', 3, 1, NULL, NULL)")
    old.close()
    with Store.open(home) as store:
        assert [file.id for file in store.files.page().items] == (["file-1"] if before else [])
    with Store.open(tmp_path / "new"):
        pass
    assert schema(home / "localft.db") == schema(tmp_path / "new" / "localft.db")


def test_a_database_of_a_newer_localft_is_refused_and_left_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.database.connection().execute("INSERT INTO migrations VALUES (999, 'm999_tomorrow', 0)")
    with pytest.raises(StoreError, match="update localft"):
        Store.open(tmp_path)


def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    def m999_breaks(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise RuntimeError("the power is gone")

    database = Database(tmp_path / "localft.db")
    with pytest.raises(RuntimeError):
        migrate(database, (*MIGRATIONS, m999_breaks))
    migrate(database)
    assert not any("half" in statement for statement in schema(tmp_path / "localft.db"))
