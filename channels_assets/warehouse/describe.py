"""What a table is made of, and a look at its rows, for people who browse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from channels_assets.warehouse.checks import Evidence, gather
from channels_assets.warehouse.tables import LIST_TABLES

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


def preview(
    con: duckdb.DuckDBPyConnection, table: str, scope: Mapping[str, str], limit: int = 5
) -> Evidence:
    """The first rows of one list, as text, without the columns that are alike in all of them."""
    known = LIST_TABLES[table]
    shown = [
        *known.item,
        *(value for value in known.values if value not in _NOT_SHOWN),
    ]
    where = " AND ".join(f'"{name}" = ${name}' for name in scope) or "TRUE"
    order = "position" if known.has_position else ", ".join(known.item)
    names = ", ".join(f'left("{name}"::VARCHAR, 80) AS "{name}"' for name in shown)
    sql = f"SELECT {names} FROM {table} WHERE {where} ORDER BY {order}"  # noqa: S608
    return gather(con, sql, dict(scope), limit)
