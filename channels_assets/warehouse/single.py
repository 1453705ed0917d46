"""Queries with one answer."""

from collections.abc import Mapping
from typing import cast

import duckdb

from channels_assets.warehouse.statements import run


def count(
    con: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, object] | None = None
) -> int:
    """The single whole number that a query gives.

    Not by fetchone(): it leaves the result unfinished, and con.sql() refuses to work until then.
    """
    [row] = run(con, query, values).fetchall()
    return cast("tuple[int]", row)[0]
