"""A look at the rows of a table, for people who browse."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.checks import Evidence, gather
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.sql import names
from channels_assets.warehouse.tables import LIST_TABLES


def preview(con: duckdb.DuckDBPyConnection, table: str, limit: int = 5) -> Evidence:
    """The first rows of a table that is one list, as text."""
    known = LIST_TABLES[table]
    sql = f"SELECT {_shown(known)} FROM {table} ORDER BY {names(known.item)}"  # noqa: S608
    return gather(con, sql, {}, limit)


def previews(
    con: duckdb.DuckDBPyConnection, table: str, lists: Sequence[ListToLoad], limit: int = 5
) -> list[Evidence]:
    """The first rows of each of these lists, as text, without the columns that are alike in them."""
    known = LIST_TABLES[table]
    wanted = ", ".join(f'unnest(${name}::VARCHAR[]) AS "{name}"' for name in known.scope)
    found = con.execute(
        f"""
        WITH wanted AS (SELECT unnest(range($lists)) AS number, {wanted})
        SELECT number, {_shown(known)}
        FROM {table} JOIN wanted USING ({names(known.scope)})
        WHERE position <= {limit:d} ORDER BY number, position
        """,  # noqa: S608
        {
            "lists": len(lists),
            **{name: [one.scope[name] for one in lists] for name in known.scope},
        },
    )
    columns = tuple(str(column[0]) for column in found.description or [])[1:]
    rows: dict[int, list[tuple[str, ...]]] = {number: [] for number in range(len(lists))}
    for row in found.fetchall():
        shown = tuple("" if value is None else str(value) for value in row[1:])
        rows[int(row[0])].append(shown)
    return [Evidence(columns, tuple(each), len(each)) for each in rows.values()]


def _shown(table: ListTable) -> str:
    """What differs from row to row and is short."""
    long = {column.name for column in table.columns if column.kind.type == "JSON"}
    shown = [*table.item, *(name for name in table.sent if name not in long)]
    return ", ".join(f'left("{name}"::VARCHAR, 80) AS "{name}"' for name in shown)
