"""Read the warehouse from a notebook or script: read-only, pandas out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from channels_assets.warehouse.connection import in_memory
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.lake.extensions import quoted
from channels_assets.warehouse.lake.lake import Lake
from channels_assets.warehouse.recovery import explained, is_in_use, wal_of

if TYPE_CHECKING:
    import pandas as pd

_DTYPES = {
    "TINYINT": "Int64",
    "SMALLINT": "Int64",
    "INTEGER": "Int64",
    "BIGINT": "Int64",
    "UTINYINT": "Int64",
    "USMALLINT": "Int64",
    "UINTEGER": "Int64",
    "UBIGINT": "UInt64",
    "BOOLEAN": "boolean",
    # Of its own accord DuckDB makes a column of NULLs alone into one of objects.
    "VARCHAR": "str",
    "JSON": "str",
}


def connect(data: Path | str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to the latest published data; it keeps that moment's data while it is open.

    `data` is the data folder: by default the environment variable CHANNELS_DATA, else ./data.
    The tables are there by their plain names; they can't be written, temporary ones can. Times
    show in Asia/Shanghai. Raises WarehouseError before the first refresh.
    """
    folder = Path(data if data is not None else os.environ.get("CHANNELS_DATA") or "data")
    if lake := Lake.of_folder(folder):
        return lake.reading()
    published = (folder / "channels.duckdb").absolute()
    if not published.is_file():
        raise WarehouseError(
            f"{published} does not exist yet: run `channels-assets refresh` first, "
            "or set CHANNELS_DATA to the folder that has the data"
        )
    # duckdb.connect(path) would share one open file among all connections of the process, so a
    # second one would show what the first one opened. A database in memory shares nothing.
    con = in_memory()
    try:
        con.execute(f"ATTACH {quoted(str(published))} AS channels (TYPE duckdb, READ_ONLY)")
        con.execute("USE channels")
        con.execute("SET TimeZone = 'Asia/Shanghai'")
    except duckdb.Error as error:
        con.close()
        if is_in_use(error):
            raise WarehouseError(
                f"{published} is open for writing in another program: open it read-only there, as with "
                "duckdb -readonly"
            ) from error
        if wal_of(published).exists():
            raise WarehouseError(
                f"{wal_of(published)} is of another program, which had {published.name} open for "
                "writing: the next refresh sets it aside"
            ) from error
        raise WarehouseError(
            f"{explained(published, error)}. The next refresh makes it anew if warehouse.duckdb beside it is "
            "whole; `channels-assets doctor` says more"
        ) from error
    except BaseException:
        con.close()
        raise
    return con


def table(name: str, data: Path | str | None = None) -> pd.DataFrame:
    """A whole table or view, such as "window_products", as query() gives it.

    Raises WarehouseError, with the names there are, when there is none of this name.
    """
    with connect(data) as con:
        known = con.execute(
            """
            SELECT table_name FROM information_schema.tables
            WHERE table_catalog = 'channels' ORDER BY table_name
            """
        ).fetchall()
        if (name,) not in known:
            there = ", ".join(str(row[0]) for row in known)
            raise WarehouseError(f"there is no table {name!r}; there are {there}")
        return _frame(con.table(name))


def query(
    sql: str,
    params: Sequence[object] | Mapping[str, object] | None = None,
    data: Path | str | None = None,
) -> pd.DataFrame:
    """The result of one query, with values for its ? or $name.

    Ids and texts are str, whole numbers Int64 (never float, also with NULLs; a sum that doesn't fit
    raises), truths boolean, times datetime64 in Asia/Shanghai, decimals float64.
    """
    with connect(data) as con:
        return _frame(con.sql(sql, params=params))


def _frame(rows: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    if len(set(rows.columns)) < len(rows.columns):
        # A second column `a` becomes `a_1`, as in any subquery.
        rows = rows.select("*")
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    # pandas has no integer of 128 bits, which is what sum() gives: DuckDB would hand out floats.
    wide = [name for name, kind in types.items() if kind in ("HUGEINT", "UHUGEINT")]
    if wide:
        columns = [duckdb.ColumnExpression(name) for name in rows.columns]
        rows = rows.select(
            *[
                c.cast("BIGINT").alias(n) if n in wide else c
                for n, c in zip(types, columns, strict=True)
            ]
        )
        types |= dict.fromkeys(wide, "BIGINT")
    frame = rows.df()
    return frame.astype({n: _DTYPES[kind] for n, kind in types.items() if kind in _DTYPES})
