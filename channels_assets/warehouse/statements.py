"""SQL that is run again and again, parsed once in a process.

DuckDB 2 needs about as long to parse the small statements of a load as to run them.
"""

from collections.abc import Mapping

import duckdb

_PARSED: dict[str, list[duckdb.Statement]] = {}


def run(
    con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object] | None = None
) -> duckdb.DuckDBPyConnection:
    """As `con.execute`, for texts of which there are few: each is kept for good."""
    parsed = _PARSED.get(sql)
    if parsed is None:
        parsed = _PARSED[sql] = con.extract_statements(sql)
    *earlier, last = parsed
    for statement in earlier:
        con.execute(statement)
    return con.execute(last, values)
