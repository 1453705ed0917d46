"""A DuckDB in memory, which files or a lake are attached to."""

from contextlib import suppress

import duckdb

Config = dict[str, str | bool | int | float | list[str]]
_NEVER_BY_ITSELF: Config = {
    # An extension that somebody put into the user's folder would run with all that we may do.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def in_memory(config: Config | None = None) -> duckdb.DuckDBPyConnection:
    """A database of its own. It never installs or loads an extension unless it is told to."""
    con = duckdb.connect(config={**_NEVER_BY_ITSELF, **(config or {})})
    be_quiet(con)
    return con


def be_quiet(con: duckdb.DuckDBPyConnection) -> None:
    """After two seconds DuckDB would print a progress bar on stdout, amid what commands print there."""
    # In Jupyter DuckDB refuses even that where it has no widgets to draw a bar with.
    with suppress(duckdb.InvalidInputException):
        con.execute("SET enable_progress_bar = false")
