"""Connections to DuckDB: how one is made, and statements that are run again and again."""

from collections.abc import Mapping
from contextlib import suppress
from typing import cast

import duckdb

Config = dict[str, str | bool | int | float | list[str]]
_NEVER_BY_ITSELF: Config = {
    # An extension that somebody put into the user's folder would run with all that we may do.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_PARSED: dict[str, list[duckdb.Statement]] = {}


def in_memory(config: Config | None = None) -> duckdb.DuckDBPyConnection:
    """A database in memory, to attach files or a lake to. It never installs or loads an extension unless
    it is told to."""
    con = duckdb.connect(config={**_NEVER_BY_ITSELF, **(config or {})})
    be_quiet(con)
    return con


def be_quiet(con: duckdb.DuckDBPyConnection) -> None:
    """After two seconds DuckDB would print a progress bar on stdout, amid what commands print there."""
    # In Jupyter DuckDB refuses even that where it has no widgets to draw a bar with.
    with suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")


def run(
    con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyConnection:
    """As `con.execute`, for texts of which there are few: each is parsed once and kept for good.

    DuckDB 2 needs about as long to parse the small statements of a load as to run them.
    """
    parsed = _PARSED.get(sql)
    if parsed is None:
        parsed = _PARSED[sql] = con.extract_statements(sql)
    *earlier, last = parsed
    for statement in earlier:
        con.execute(statement)
    return con.execute(last, values)


def count(
    con: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, object] | None = None
) -> int:
    """The single whole number that a query gives.

    Not by fetchone(): it leaves the result unfinished, and con.sql() refuses to work until then.
    """
    [row] = run(con, query, values).fetchall()
    return cast("tuple[int]", row)[0]
