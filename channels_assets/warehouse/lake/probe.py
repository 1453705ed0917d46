"""Tests of what a lake needs, part by part, for the doctor.

They leave nothing behind, and raise WarehouseError with the cause.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from channels_assets.warehouse.connection import first_line, quoted
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.lake.lake import Lake
from channels_assets.warehouse.lake.s3 import is_object_store
from channels_assets.warehouse.schema import require_known_version


def check_extensions(lake: Lake) -> None:
    """Whether psycopg and DuckDB's extensions are installed, in the versions for this DuckDB."""
    lake.require_extensions()


def check_catalogue(lake: Lake) -> bool:
    """Whether PostgreSQL answers and its user may create tables; False when there is no lake yet."""
    catalogue = lake.catalogue
    if not catalogue.may_create_tables():
        raise WarehouseError(
            f"the user of {lake.catalogue_env} may not make tables in that database: "
            "permission denied for its schema"
        )
    return catalogue.newest_snapshot() is not None


def check_files(lake: Lake) -> None:
    """Whether files can be written and removed in the lake's data path."""
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
            # A temporary lake with its catalogue in memory, which writes files as the real one does.
            con.execute(
                f"ATTACH 'ducklake::memory:' AS trial (DATA_PATH {quoted(f'{lake.data_path}/trial/')})"
            )
            con.execute("BEGIN")
            con.execute("CREATE TABLE trial.trial AS SELECT range AS i FROM range(1000)")
            con.execute("SELECT sum(i) FROM trial.trial").fetchall()
            con.execute("ROLLBACK")
        except duckdb.Error as error:
            cause = "; ".join(line for line in str(error).splitlines() if line)
            raise WarehouseError(f"{lake.data_path} can't be written: {cause}") from None
        finally:
            con.close()


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A read-only connection to a lake that exists."""
    try:
        con = lake.reading()
    except duckdb.Error as error:
        raise WarehouseError(f"the lake can't be opened: {first_line(error)}") from None
    try:
        require_known_version(con)
    except BaseException:
        con.close()
        raise
    return con
