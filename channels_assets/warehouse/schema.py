"""The schema: made from what tables.py declares, with its version and the table `meta`.

`meta` holds facts about the warehouse itself, such as its identity and its number of loads.
"""

import hashlib
import uuid
from collections.abc import Iterable
from importlib.resources import files

import duckdb

from channels_assets.warehouse.column_types import Column, Table
from channels_assets.warehouse.connection import atomic, is_comment_unsupported, quoted
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.log_tables import META
from channels_assets.warehouse.tables import TABLES

_VERSION = 2
"""The version of what tables.py declares. A change after a release takes the next number, with a step in
migrate() that brings older files there."""
_VIEWS = "views.sql"
_VIEWS_HASH = "views_made_from"
WAREHOUSE_ID = "warehouse_id"
"""The key in `meta` of a warehouse's identity: its copies have the same one, no other warehouse has."""
LOADS_WRITTEN = "loads_written"
"""The key in `meta` of the number of loads that were ever written. It only grows, also where old rows of
`loads` are removed: of two copies, the one with more loads is the newer."""


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring an open file to this version of the schema, from nothing or from an older one.

    Views and macros hold no data: they are made anew where the file has those of another version of
    views.sql. Raises WarehouseError when the file was written by a newer version of this program.
    """
    version = require_known_version(con)
    views = files("channels_assets.warehouse").joinpath(_VIEWS).read_text(encoding="utf-8")
    views_hash = hashlib.sha256(views.encode()).hexdigest()
    if version == _VERSION and get_meta(con, _VIEWS_HASH) == views_hash:
        return
    with atomic(con):
        _drop_views(con)
        _add_missing(con, TABLES)
        if version == 0:
            set_meta(con, WAREHOUSE_ID, uuid.uuid4().hex)
            set_meta(con, LOADS_WRITTEN, "0")
        _execute(con, views)
        set_meta(con, "schema_version", str(_VERSION))
        set_meta(con, _VIEWS_HASH, views_hash)


def require_known_version(con: duckdb.DuckDBPyConnection) -> int:
    """The schema's version, 0 for an empty file. Raises WarehouseError when it is a newer one."""
    try:
        version = int(get_meta(con, "schema_version") or 0)
    except duckdb.CatalogException:
        version = 0
    if version > _VERSION:
        raise WarehouseError(
            f"the warehouse has schema version {version}, this program knows {_VERSION}: "
            "upgrade channels-assets, or set CHANNELS_DATA to another folder"
        )
    return version


def _add_missing(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Adds the tables and columns that the file lacks, lets columns be NULL that may be so now, and writes
    all COMMENTs."""
    found = con.execute(
        """
        SELECT table_name, column_name, is_nullable FROM duckdb_columns()
        WHERE NOT internal AND database_name = current_database()
        """
    ).fetchall()
    nullable = {(table, column): bool(may_be) for table, column, may_be in found}
    present = {table for table, _ in nullable}
    for table in tables:
        create, *comments = _statements(table)
        if table.name not in present:
            con.execute(create)
        for column in table.columns if table.name in present else ():
            may_be_null = nullable.get((table.name, column.name))
            if may_be_null is None:
                _add_column(con, table, column)
            elif column.nullable and not may_be_null:
                con.execute(f'ALTER TABLE {table.name} ALTER COLUMN "{column.name}" DROP NOT NULL')
        _execute(con, "\n".join(comments))


def _add_column(con: duckdb.DuckDBPyConnection, table: Table, column: Column) -> None:
    """Rows that are there get the column's default. The column may be NULL there: a lake sets no NOT NULL
    in the transaction that adds it."""
    alter, name = f"ALTER TABLE {table.name}", f'"{column.name}"'
    default = "NULL" if column.default is None else column.default
    con.execute(f"{alter} ADD COLUMN {name} {column.kind.type} DEFAULT {default}")
    con.execute(f"{alter} ALTER COLUMN {name} DROP DEFAULT")


def ddl(tables: Iterable[Table]) -> str:
    """Every CREATE TABLE and COMMENT.

    No PRIMARY KEY: it makes a load three times slower and the file twice as large. The loaders remove
    duplicates before they write, and checks.py has a check of it.
    """
    return "\n".join(statement for table in tables for statement in _statements(table))


def _statements(table: Table) -> Iterable[str]:
    columns = ", ".join(_definition(column) for column in table.columns)
    yield f"CREATE TABLE {table.name} ({columns});"
    yield f"COMMENT ON TABLE {table.name} IS {quoted(table.comment)};"
    for column in table.columns:
        comment = quoted(table.comment_of(column))
        yield f'COMMENT ON COLUMN {table.name}."{column.name}" IS {comment};'


def _definition(column: Column) -> str:
    return f'"{column.name}" {column.kind.type}{"" if column.nullable else " NOT NULL"}'


def _drop_views(con: duckdb.DuckDBPyConnection) -> None:
    for kind, name in con.execute(
        """
        SELECT 'VIEW', view_name FROM duckdb_views() WHERE NOT internal AND NOT temporary
        UNION ALL
        SELECT 'MACRO TABLE', function_name FROM duckdb_functions()
        WHERE NOT internal AND function_type = 'table_macro' AND database_name = current_database()
        """
    ).fetchall():
        con.execute(f'DROP {kind} "{name}"')


def _execute(con: duckdb.DuckDBPyConnection, script: str) -> None:
    for statement in con.extract_statements(script):
        try:
            con.execute(statement)
        except duckdb.BinderException as error:
            if not is_comment_unsupported(error):
                raise


def get_meta(con: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """The value stored under this key, or None."""
    rows = con.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return str(rows[0][0]) if rows else None


def set_meta(con: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    """Store a value under this key, in place of an older one."""
    con.execute("DELETE FROM meta WHERE key = ?", [key])
    con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])


def warehouse_id(con: duckdb.DuckDBPyConnection) -> str:
    """The identity of the open warehouse. It stays the same wherever the folder is moved."""
    return get_meta(con, WAREHOUSE_ID) or ""


def is_empty(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether nothing was loaded since the warehouse was made or cleared."""
    return con.execute("FROM loads LIMIT 1").fetchall() == []


def clear(con: duckdb.DuckDBPyConnection) -> None:
    """Empty every table, the history and the log of loads, in one transaction; `meta` stays."""
    with atomic(con):
        for table in TABLES:
            if table is not META:
                con.execute(f"DELETE FROM {table.name}")  # noqa: S608
