"""Writes docs/tables.md from the tables and views of a new warehouse: `make docs`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from channels_assets.warehouse import FileStore
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.tables import TABLES

PATH = Path(__file__).parents[2] / "docs" / "tables.md"

_HEAD = """# Tables

<!-- Written by `make docs` from channels_assets/warehouse/tables.py and views.sql: change it there. -->

What is stored, and what people read: the COMMENTs of the warehouse, which `duckdb_tables()`,
`duckdb_views()` and `duckdb_columns()` show as well.
"""

_COLUMNS = """
SELECT column_name, replace(data_type, 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ')
    || CASE WHEN is_nullable OR table_name NOT IN (SELECT table_name FROM duckdb_tables()) THEN ''
    ELSE ' NOT NULL' END, comment
FROM duckdb_columns() WHERE NOT internal AND table_name = ? ORDER BY column_index
"""


def page() -> str:
    """The page as it should be."""
    with tempfile.TemporaryDirectory() as folder, FileStore(Path(folder)).writing() as con:
        return _HEAD + "".join(_parts(con))


def _parts(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table in TABLES:
        yield f"\n## Table {table.name}\n\n{_cell(table.comment)}.\n\n"
        if isinstance(table, ListTable):
            yield f"Key: {', '.join(f'`{column}`' for column in table.key)}.\n\n"
        yield from _columns(con, table.name)
    for name, comment in con.execute(
        "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    ).fetchall():
        yield f"\n## View {name}\n\n{_cell(comment)}.\n\n"
        yield from _columns(con, name)
    for name, parameters, comment in con.execute(
        """
        SELECT function_name, parameters, comment FROM duckdb_functions()
        WHERE NOT internal AND function_type = 'table_macro' ORDER BY ALL
        """
    ).fetchall():
        yield f"\n## Macro {name}({', '.join(parameters)})\n\n{_cell(comment)}.\n"


def _columns(con: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    yield "| Column | Type | Meaning |\n|---|---|---|\n"
    for column, data_type, comment in con.execute(_COLUMNS, [name]).fetchall():
        yield f"| `{column}` | {data_type} | {_cell(comment)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(page(), "utf-8")
