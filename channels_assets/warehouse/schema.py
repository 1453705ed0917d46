"""The schema's version, the file's own facts, and emptying it."""

import hashlib
import uuid
from importlib.resources import files

import duckdb

from channels_assets.warehouse.ddl import script
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.log_tables import META
from channels_assets.warehouse.tables import TABLES
from channels_assets.warehouse.transaction import atomic

_VERSION = 1
"""Of what tables.py declares. A change to it after a release takes the next number, and migrate() then
brings older files there."""
_VIEWS = "views.sql"
_VIEWS_MADE_FROM = "views_made_from"
WAREHOUSE_ID = "warehouse_id"
"""What `meta` calls the identity of a warehouse: its copies have the same, no other warehouse has."""
LOADS_WRITTEN = "loads_written"
"""What `meta` calls the number of loads that were ever written. It only grows, also where old rows of
`loads` are removed: of two copies, the one with more loads is the newer."""


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring an open file to this version of the schema, from nothing or from an older one.

    Views and macros hold no data: whenever those of the file came from another text, they are made
    anew. Raises WarehouseError when the file was written by a newer version of this program.
    """
    version = require_known_version(con)
    views = files("channels_assets.warehouse").joinpath(_VIEWS).read_text(encoding="utf-8")
    made_from = hashlib.sha256(views.encode()).hexdigest()
    if version == _VERSION and get_meta(con, _VIEWS_MADE_FROM) == made_from:
        return
    with atomic(con):
        _drop_views(con)
        if version == 0:
            _execute(con, script(TABLES))
            set_meta(con, WAREHOUSE_ID, uuid.uuid4().hex)
            set_meta(con, LOADS_WRITTEN, "0")
        _execute(con, views)
        set_meta(con, "schema_version", str(_VERSION))
        set_meta(con, _VIEWS_MADE_FROM, made_from)


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


_NO_COMMENT = ("Cannot comment on columns", "Unsupported catalog type for SET COMMENT")


def _execute(con: duckdb.DuckDBPyConnection, script: str) -> None:
    for statement in con.extract_statements(script):
        try:
            con.execute(statement)
        except duckdb.BinderException as error:
            # DuckLake keeps COMMENTs of tables, views and tables' columns, not of other things.
            if not any(words in str(error) for words in _NO_COMMENT):
                raise


def get_meta(con: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """The value stored under this key, or None."""
    rows = con.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return str(rows[0][0]) if rows else None


def set_meta(con: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    """Store a value under this key, in place of an older one."""
    con.execute("DELETE FROM meta WHERE key = ?", [key])
    con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])


def is_empty(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether nothing was ever loaded, or since the warehouse was cleared."""
    return con.execute("FROM loads LIMIT 1").fetchall() == []


def clear(con: duckdb.DuckDBPyConnection) -> None:
    """Empty every table, the history and the log of loads, in one transaction; `meta` stays."""
    with atomic(con):
        for table in TABLES:
            if table is not META:
                con.execute(f"DELETE FROM {table.name}")  # noqa: S608
