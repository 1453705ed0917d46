"""Queries with one answer, and nothing else on the screen."""

from collections.abc import Mapping
from contextlib import suppress
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


def be_quiet(con: duckdb.DuckDBPyConnection) -> None:
    """After two seconds DuckDB would print a progress bar on stdout, amid what commands print there."""
    # In Jupyter DuckDB refuses even that where it has no widgets to draw a bar with.
    with suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")
