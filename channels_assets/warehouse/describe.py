"""What a table is made of, and a look at its rows, for people who browse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.checks import Evidence, gather
from channels_assets.warehouse.sql import names
from channels_assets.warehouse.tables import LIST_TABLES, ListTable

_NOT_SHOWN = ("account_appid", "extra", "product_list")
_API_FIELD = re.compile(r"; API(?: request)?: ([A-Za-z_\[\].]+)")


@dataclass(frozen=True)
class Column:
    """`api_field` is where its values come from in the API's answer or request, if anywhere."""

    name: str
    type: str
    comment: str
    api_field: str | None


def columns(con: duckdb.DuckDBPyConnection, table: str) -> list[Column]:
    """The table's columns in order, with their COMMENTs."""
    rows = con.execute(
        """
        SELECT column_name, data_type, comment FROM duckdb_columns()
        WHERE table_name = ? AND NOT internal ORDER BY column_index
        """,
        [table],
    ).fetchall()
    found: list[Column] = []
    for name, kind, comment in rows:
        field = _API_FIELD.search(comment or "")
        found.append(Column(name, kind, comment or "", field.group(1) if field else None))
    return found


def preview(con: duckdb.DuckDBPyConnection, table: str, limit: int = 5) -> Evidence:
    """The first rows of a table that is one list, as text."""
    known = LIST_TABLES[table]
    sql = f"SELECT {_shown(known)} FROM {table} ORDER BY {names(known.item)}"  # noqa: S608
    return gather(con, sql, {}, limit)


def previews(
    con: duckdb.DuckDBPyConnection, table: str, lists: Sequence[ListLoad], limit: int = 5
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
    shown = [*table.item, *(value for value in table.values if value not in _NOT_SHOWN)]
    return ", ".join(f'left("{name}"::VARCHAR, 80) AS "{name}"' for name in shown)
