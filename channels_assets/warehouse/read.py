"""Read what is published, from a notebook or script: a read-only connection, or pandas frames."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from channels_assets.warehouse.connection import TIME_ZONE, in_memory, is_in_use, quoted
from channels_assets.warehouse.errors import DamagedFile, FileInUse, StorageError, WarehouseError
from channels_assets.warehouse.lake import Lake
from channels_assets.warehouse.machine_faults import holder_of, open_error
from channels_assets.warehouse.recovery import wal_path

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
    # Without a dtype, a column of NULLs only becomes one of objects.
    "VARCHAR": "str",
    "JSON": "str",
}


def connect(data: Path | str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to the latest published data; later publications don't change what it shows.

    `data` is the data folder: by default the environment variable CHANNELS_DATA, else ./data.
    The tables have their plain names; they are read-only, but temporary tables can be made. Times
    are shown in Asia/Shanghai. Raises WarehouseError before the first refresh.
    """
    chosen = data if data is not None else os.environ.get("CHANNELS_DATA") or "data"
    folder = Path(os.path.expanduser(chosen))
    if lake := Lake.of_folder(folder):
        return lake.reading()
    published = (folder / "channels.duckdb").absolute()
    if not published.exists():
        raise WarehouseError(
            f"{published} does not exist yet: run `channels-assets refresh` first, "
            "or set CHANNELS_DATA to the folder that has the data"
        )
    # All connections that duckdb.connect(path) makes in a process share one open file, so a later
    # connection would show the older data. An in-memory database shares nothing.
    con = in_memory()
    try:
        con.execute(f"ATTACH {quoted(str(published))} AS channels (TYPE duckdb, READ_ONLY)")
        con.execute("USE channels")
        con.execute(f"SET TimeZone = '{TIME_ZONE}'")
    except duckdb.Error as error:
        con.close()
        if is_in_use(error):
            raise FileInUse(
                f"{published} is open for writing in another program{holder_of(error)}: open it read-only "
                "there, as with duckdb -readonly. 该文件正被其他程序以写方式打开：请在那里以只读方式打开。",
                published,
            ) from error
        if wal_path(published).exists():
            raise StorageError(
                f"{wal_path(published)} is of another program, which had {published.name} open for "
                "writing: the next refresh sets it aside",
                wal_path(published),
            ) from error
        fault = open_error(published, error)
        if not isinstance(fault, DamagedFile):
            raise fault from error
        raise DamagedFile(
            f"{fault}. The next refresh makes it anew if warehouse.duckdb beside it is whole; "
            "`channels-assets doctor` says more",
            published,
        ) from error
    except BaseException:
        con.close()
        raise
    return con


def is_published(data: Path) -> bool:
    """Whether the data folder has something for connect() to read; writes nothing."""
    return Lake.of_folder(data) is not None or (data / "channels.duckdb").exists()


def table(name: str, data: Path | str | None = None) -> pd.DataFrame:
    """A whole table or view, such as "window_products", in the types of query().

    Raises WarehouseError, which lists the names, when there is none of this name.
    """
    with connect(data) as con:
        tables = con.execute(
            """
            SELECT table_name FROM information_schema.tables
            WHERE table_catalog = 'channels' ORDER BY table_name
            """
        ).fetchall()
        if (name,) not in tables:
            table_names = ", ".join(str(row[0]) for row in tables)
            raise WarehouseError(f"there is no table {name!r}; there are {table_names}")
        return _frame(con.table(name))


def query(
    sql: str,
    params: Sequence[object] | Mapping[str, object] | None = None,
    data: Path | str | None = None,
) -> pd.DataFrame:
    """The result of a query, with values for its ? or $name.

    Ids and texts are str, whole numbers Int64 (never float, also with NULLs; a sum that doesn't fit
    raises), booleans boolean, times datetime64 in Asia/Shanghai, decimals float64.
    """
    with connect(data) as con:
        return _frame(con.sql(sql, params=params))


def _frame(rows: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    if len(set(rows.columns)) < len(rows.columns):
        # Renames the second of two columns `a` to `a_1`, as in any subquery.
        rows = rows.select("*")
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    # sum() gives integers of 128 bits, which pandas doesn't have: DuckDB would convert them to float.
    wide = [name for name, kind in types.items() if kind in ("HUGEINT", "UHUGEINT")]
    if wide:
        columns = [duckdb.ColumnExpression(name) for name in rows.columns]
        rows = rows.select(
            *[
                column.cast("BIGINT").alias(name) if name in wide else column
                for name, column in zip(types, columns, strict=True)
            ]
        )
        types |= dict.fromkeys(wide, "BIGINT")
    frame = rows.df()
    dtypes = {name: _DTYPES[kind] for name, kind in types.items() if kind in _DTYPES}
    return frame.astype(dtypes)
