"""The schema's versions, the file's own facts, and emptying it."""

from importlib.resources import files

import duckdb

from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.transaction import atomic

_VERSIONS = ("schema.sql",)
"""One SQL file per version: the n-th takes a file from version n-1 to n."""


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring an open file to this version of the schema, from nothing or from an older one.

    Raises WarehouseError when the file was written by a newer version of this program.
    """
    try:
        version = int(get_meta(con, "schema_version") or 0)
    except duckdb.CatalogException:
        version = 0
    if version > len(_VERSIONS):
        raise WarehouseError(
            f"the warehouse has schema version {version}, this program knows {len(_VERSIONS)}: "
            "upgrade channels-assets, or set CHANNELS_DATA to another folder"
        )
    if version == len(_VERSIONS):
        return
    with atomic(con):
        for name in _VERSIONS[version:]:
            _execute(
                con, files("channels_assets.warehouse").joinpath(name).read_text(encoding="utf-8")
            )
        set_meta(con, "schema_version", str(len(_VERSIONS)))


def _execute(con: duckdb.DuckDBPyConnection, script: str) -> None:
    for statement in con.extract_statements(script):
        try:
            con.execute(statement)
        except duckdb.BinderException as error:
            # DuckLake keeps COMMENTs of tables, views and tables' columns, but not of views' columns.
            if "Cannot comment on columns" not in str(error):
                raise


def get_meta(con: duckdb.DuckDBPyConnection, key: str) -> str | None:
    """The value stored under this key, or None."""
    rows = con.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return str(rows[0][0]) if rows else None


def set_meta(con: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    """Store a value under this key, in place of an older one."""
    con.execute("DELETE FROM meta WHERE key = ?", [key])
    con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])


def clear(con: duckdb.DuckDBPyConnection) -> None:
    """Empty every table, the history and the log of loads, in one transaction; `meta` stays."""
    with atomic(con):
        con.execute("DELETE FROM window_products")
        con.execute("DELETE FROM window_products_history")
        con.execute("DELETE FROM shop_articles")
        con.execute("DELETE FROM article_products")
        con.execute("DELETE FROM article_products_history")
        con.execute("DELETE FROM cooperating_shops")
        con.execute("DELETE FROM shop_promoters")
        con.execute("DELETE FROM sharers")
        con.execute("DELETE FROM loads")
        con.execute("DELETE FROM failures")
