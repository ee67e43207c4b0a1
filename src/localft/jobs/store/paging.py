"""Pages of a list: a limit, a cursor, and whether there is more."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from localft.errors import UsageError

Item = TypeVar("Item")
Order = Literal["asc", "desc"]


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items of a list, and whether others come behind them."""

    items: tuple[Item, ...]
    has_more: bool


def rows_behind(
    connection: sqlite3.Connection,
    table: str,
    conditions: Sequence[str],
    values: Sequence[object],
    *,
    after: str | None,
    limit: int,
    order: Order,
    cursor: str = "id",
    owner: tuple[str, object] | None = None,
) -> Page[sqlite3.Row]:
    """A page of a table with the columns `number` and `cursor`, behind the row `after`, also where that was removed since.

    `owner` is a condition with its value that `after` has to meet, too: of which job, for instance.
    """
    where, given = list(conditions), list(values)
    if owner is not None:
        where.append(owner[0])
        given.append(owner[1])
    if after is not None:
        where.append(f"number {'>' if order == 'asc' else '<'} ?")
        given.append(_number(connection, table, cursor, after, owner))
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    query = f"SELECT * FROM {table} {condition} ORDER BY number {order} LIMIT ?"
    rows = connection.execute(query, (*given, limit + 1)).fetchall()
    return Page(tuple(rows[:limit]), len(rows) > limit)


def page_of(items: Sequence[Item], ids: Sequence[str], *, after: str | None, limit: int) -> Page[Item]:
    """A page of a list that is at hand."""
    if after is not None and after not in ids:
        raise unknown_cursor(after)
    start = 0 if after is None else ids.index(after) + 1
    return Page(tuple(items[start : start + limit]), len(items) > start + limit)


def note_removed(connection: sqlite3.Connection, table: str, id: str, number: int) -> None:
    """Lets a list go on behind what is removed: who deletes while paging asks for what comes behind the deleted."""
    connection.execute("INSERT OR REPLACE INTO removed (id, number, kind) VALUES (?, ?, ?)", (id, number, table))


def _number(
    connection: sqlite3.Connection, table: str, cursor: str, after: str, owner: tuple[str, object] | None
) -> int:
    condition, values = ("", ()) if owner is None else (f" AND {owner[0]}", (owner[1],))
    query = f"SELECT number FROM {table} WHERE {cursor} = ?{condition}"
    row = connection.execute(query, (after, *values)).fetchone()
    if row is None:
        query = "SELECT number FROM removed WHERE id = ? AND kind = ?"
        row = connection.execute(query, (after, table)).fetchone()
    if row is None:
        raise unknown_cursor(after)
    return int(row["number"])


def unknown_cursor(after: str) -> UsageError:
    return UsageError(f"after is {after!r}; expected the id of the last item of the page before.", param="after")
