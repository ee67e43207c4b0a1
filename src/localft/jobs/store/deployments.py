"""Deployments: names of one's own for models, as Azure's control plane keeps them."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from localft import catalog
from localft.errors import NotFound, UsageError
from localft.jobs.store.models import Models
from localft.jobs.store.paging import Page, note_removed, rows_behind
from localft.jobs.store.rows import JobRows

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Deployment:
    """A name under which a model is served."""

    name: str
    model: str
    """As asked: base model, fine-tuned model, or name or id of a checkpoint."""
    format: str = "OpenAI"
    version: str = "1"
    sku: str = "Standard"
    capacity: int = 1
    created_at: int = 0
    """Set by the store."""


class Deployments:
    """All deployments of the store."""

    def __init__(self, rows: JobRows, models: Models) -> None:
        self._rows = rows
        self._models = models

    def put(self, wanted: Deployment) -> tuple[Deployment, bool]:
        """Makes the deployment, or points the one of that name at another model; says whether it is new."""
        if not _NAME.fullmatch(wanted.name):
            raise UsageError(
                f"name is {wanted.name!r}; expected 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first.",
                param="name",
            )
        with self._rows.database.transaction() as connection:
            job_id = None if catalog.find(wanted.model) else self._models.resolve(wanted.model).job_id
            existing = connection.execute("SELECT 1 FROM deployments WHERE name = ?", (wanted.name,)).fetchone()
            connection.execute(
                """INSERT INTO deployments (name, model, job_id, format, version, sku, capacity, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET model = excluded.model,
                job_id = excluded.job_id, format = excluded.format, version = excluded.version, sku = excluded.sku,
                capacity = excluded.capacity""",
                (
                    wanted.name, wanted.model, job_id, wanted.format, wanted.version, wanted.sku, wanted.capacity,
                    int(self._rows.clock()),
                ),
            )  # fmt: skip
        return self.get(wanted.name), existing is None

    def get(self, name: str) -> Deployment:
        return _deployment(self._row(name))

    def page(self, limit: int = 100, after: str | None = None) -> Page[Deployment]:
        """Newest first; `after` is a name."""
        page = rows_behind(
            self._rows.database.connection(),
            "deployments",
            [],
            [],
            after=after,
            limit=limit,
            order="desc",
            cursor="name",
        )
        return Page(tuple(map(_deployment, page.items)), page.has_more)

    def delete(self, name: str) -> None:
        with self._rows.database.transaction() as connection:
            row = self._row(name)
            note_removed(connection, "deployments", name, row["number"])
            connection.execute("DELETE FROM deployments WHERE name = ?", (name,))

    def _row(self, name: str) -> sqlite3.Row:
        row = self._rows.database.connection().execute("SELECT * FROM deployments WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound(f"No deployment {name} is in the store.", code="deployment_not_found", param="name")
        assert isinstance(row, sqlite3.Row)
        return row


def _deployment(row: sqlite3.Row) -> Deployment:
    return Deployment(
        **{name: row[name] for name in ("name", "model", "format", "version", "sku", "capacity", "created_at")}
    )
