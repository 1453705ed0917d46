"""The one text that a lake can't take as an id, and the files can."""

import duckdb

from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.connection import count
from channels_assets.warehouse.errors import WarehouseError

_IS_LAKE = """
SELECT count(*) FROM duckdb_databases()
WHERE database_name = current_database() AND type = 'ducklake'
"""


def refuse_nul(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    """Raises WarehouseError when an id in `staged` holds U+0000 and this is a lake.

    DuckLake would store it, and then fail at every query that compares it: what it asks PostgreSQL
    ends at that character. The list could never be loaded again.
    """
    if not count(con, _IS_LAKE):
        return
    for name in table.item:
        bad = count(con, f'SELECT count(*) FROM staged WHERE contains("{name}", chr(0))')  # noqa: S608
        if bad:
            raise WarehouseError(
                f"{bad} rows have a NUL character (U+0000) in `{name}`, which a lake can't store "
                "(the DuckDB files can): nothing of this list was loaded"
            )
