"""What a lake needs, tried piece by piece: for those who want to know what is wrong with it.

Nothing is left behind. Everything here raises WarehouseError, with what stands against it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.lake.extensions import quoted
from channels_assets.warehouse.lake.lake import Lake
from channels_assets.warehouse.lake.s3 import is_object_store
from channels_assets.warehouse.schema import require_known_version


def try_extensions(lake: Lake) -> None:
    """Whether DuckDB's extensions are here, in the versions for this DuckDB, and psycopg."""
    lake.require_extensions()


def try_catalogue(lake: Lake) -> bool:
    """Whether its PostgreSQL answers and lets us make tables; false when there is no lake yet."""
    dsn = lake.dsn
    from channels_assets.warehouse.lake.catalogue import may_make_tables  # noqa: PLC0415 (lakes only)

    if not may_make_tables(dsn):
        raise WarehouseError(
            f"the user of {lake.catalogue_env} may not make tables in that database: "
            "permission denied for its schema"
        )
    return lake.newest_snapshot() is not None


def try_files(lake: Lake) -> None:
    """Whether files can be written where its rows go, and removed."""
    if not is_object_store(lake.data_path):
        try:
            folder = Path(lake.data_path)
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x")
        except OSError as error:
            raise WarehouseError(f"{lake.data_path} can't be written: {error.strerror}") from None
        return
    with lake.duckdb() as con:
        try:
            # A lake of a moment's life, its catalogue in memory: it writes as the real one does.
            con.execute(
                f"ATTACH 'ducklake::memory:' AS trial (DATA_PATH {quoted(f'{lake.data_path}/trial/')})"
            )
            con.execute("BEGIN")
            con.execute("CREATE TABLE trial.trial AS SELECT range AS i FROM range(1000)")
            con.execute("SELECT sum(i) FROM trial.trial").fetchall()
            con.execute("ROLLBACK")
        except duckdb.Error as error:
            told = "; ".join(line for line in str(error).splitlines() if line)
            raise WarehouseError(f"{lake.data_path} can't be written: {told}") from None
        finally:
            con.close()


def opened(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A read-only connection to a lake that is there."""
    try:
        con = lake.reading()
    except duckdb.Error as error:
        first = str(error).partition("\n")[0]
        raise WarehouseError(f"the lake can't be opened: {first}") from None
    try:
        require_known_version(con)
    except BaseException:
        con.close()
        raise
    return con
