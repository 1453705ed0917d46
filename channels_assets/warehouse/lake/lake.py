"""Where a lake is (`Lake`), and the store on it (`LakeStore`).

What is committed is visible to all readers at once, so nothing is copied to publish it; maintenance
removes old snapshots and merges small files from time to time instead.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import duckdb

from channels_assets.files import replace_file
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import (
    TIME_ZONE,
    hide_progress_bar,
    in_memory,
    quoted,
    scalar,
)
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.lake.extensions import (
    LAKE_EXTENSIONS,
    load_extensions,
    require_psycopg,
)
from channels_assets.warehouse.lake.s3 import S3_EXTENSIONS, add_credentials, is_object_store
from channels_assets.warehouse.schema import get_meta, migrate, set_meta

if TYPE_CHECKING:
    from channels_assets.warehouse.lake.catalogue import Catalogue, WritersLock

_INLINED_ROWS = 500
"""Writes of up to so many rows stay in the catalogue until the next maintenance."""
_IS_LAKE = """
SELECT count(*) FROM duckdb_databases()
WHERE database_name = current_database() AND type = 'ducklake'
"""


@dataclass(frozen=True)
class Lake:
    """Where a lake is. `catalogue_env`: the environment variable that has the catalogue's DSN.

    `data_path`: a folder that all machines share, or s3://bucket/prefix. Snapshots are kept for
    `keep_days`; maintenance is due every `maintain_minutes`, 0 for never.
    """

    catalogue_env: str
    data_path: str
    keep_days: float = 7
    maintain_minutes: float = 60

    MARKER: ClassVar[str] = "lake.json"

    @classmethod
    def of_folder(cls, data_dir: Path) -> Lake | None:
        """The lake that the processes of this data folder write to, if it is one."""
        try:
            marker = json.loads((data_dir / cls.MARKER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(marker["catalogue_env"], marker["data_path"])

    def write_marker(self, data_dir: Path) -> None:
        """Write the file that of_folder() reads; it contains no secret."""
        text = json.dumps({"catalogue_env": self.catalogue_env, "data_path": self.data_path})
        marker = data_dir / self.MARKER
        if not marker.exists() or marker.read_text(encoding="utf-8") != text:
            data_dir.mkdir(parents=True, exist_ok=True)
            with replace_file(marker) as new:
                new.write_text(text, encoding="utf-8")

    @property
    def catalogue(self) -> Catalogue:
        """Raises WarehouseError when the variable has no address, or psycopg is missing."""
        require_psycopg()
        # Here alone, since psycopg is installed for lakes only.
        from channels_assets.warehouse.lake.catalogue import Catalogue  # noqa: PLC0415

        dsn = os.environ.get(self.catalogue_env, "").strip()
        if not dsn:
            raise WarehouseError(
                f"the environment variable {self.catalogue_env} is empty: put the address of the "
                "lake's PostgreSQL database into it (postgresql://user:password@host/database)"
            )
        try:
            return Catalogue(dsn)
        except ValueError:
            raise WarehouseError(
                f"{self.catalogue_env} is no PostgreSQL address: it must look like "
                "postgresql://user:password@host/database"
            ) from None

    def require_extensions(self) -> None:
        """Raises WarehouseError, which says what to install."""
        require_psycopg()
        with in_memory() as con:
            load_extensions(con, self._extensions)

    @property
    def _extensions(self) -> tuple[str, ...]:
        return (*LAKE_EXTENSIONS, *(S3_EXTENSIONS if is_object_store(self.data_path) else ()))

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A new in-memory DuckDB that can read and write the lake's files."""
        con = in_memory()
        try:
            load_extensions(con, self._extensions)
            if is_object_store(self.data_path):
                add_credentials(con, self.data_path)
        except BaseException:
            con.close()
            raise
        return con

    def attach(self, *options: str) -> duckdb.DuckDBPyConnection:
        """A new in-memory DuckDB with the lake as its default database `channels`."""
        catalogue = self.catalogue
        con = self.duckdb()
        try:
            # As a secret, the password is in no message and no system table of DuckDB.
            con.execute(
                f"CREATE SECRET catalogue (TYPE postgres, PASSWORD {quoted(catalogue.password)})"
                if catalogue.password
                else "CREATE SECRET catalogue (TYPE postgres)"
            )
            con.execute(
                f"""
                CREATE SECRET lake (
                    TYPE ducklake, METADATA_PATH {quoted(catalogue.address)},
                    DATA_PATH {quoted(self.data_path)},
                    METADATA_PARAMETERS MAP {{'TYPE': 'postgres', 'SECRET': 'catalogue'}}
                )
                """
            )
            in_parentheses = f" ({', '.join(options)})" if options else ""
            con.execute(f"ATTACH 'ducklake:lake' AS channels{in_parentheses}")
            _use_lake(con)
        except BaseException:
            con.close()
            raise
        return con

    def reading(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the newest snapshot; later ones don't change what it shows.

        Raises WarehouseError before the first load.
        """
        newest = self.newest_snapshot()
        if newest is None:
            raise WarehouseError(
                f"the lake of {self.catalogue_env} is empty: run `channels-assets refresh` first"
            )
        return self.attach("READ_ONLY", f"SNAPSHOT_VERSION {newest}")

    def newest_snapshot(self) -> int | None:
        """None when our tables do not exist yet."""
        return self.catalogue.newest_snapshot()


class LakeStore:
    """A store on a lake, for any number of machines."""

    def __init__(self, data_dir: Path, lake: Lake) -> None:
        self.data_dir = data_dir
        self.lake = lake
        self._root: duckdb.DuckDBPyConnection | None = None
        lake.write_marker(data_dir)

    @property
    def location(self) -> str:
        return f"the lake in {self.lake.data_path} (catalogue: ${self.lake.catalogue_env})"

    @cached_property
    def _writers_lock(self) -> WritersLock:
        return self.lake.catalogue.writers_lock()

    @contextmanager
    def writing(self) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """Take the writers' lock of all machines; gives a connection to the lake.

        The connection is in auto-commit; the loaders make their own transactions. Keep it short, and
        make no network call within. Raises WarehouseError when the catalogue can't be reached, when
        it is of a newer version, and on a call within itself.
        """
        with self._writers_lock.held():
            con = self._connection()
            try:
                yield con
            except duckdb.Error:
                # PostgreSQL may have been restarted: the next call connects again.
                self._root = None
                raise
            finally:
                con.close()

    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._root is not None:
            try:
                return self._session(self._root)
            except duckdb.Error:
                self._root = None
        try:
            self._root = self.lake.attach(f"DATA_INLINING_ROW_LIMIT {_INLINED_ROWS}")
            return self._session(self._root)
        except duckdb.Error as error:
            raise WarehouseError(f"the lake can't be opened: {error}") from error

    def _session(self, root: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        con = root.cursor()
        try:
            _use_lake(con)
            migrate(con)
        except BaseException:
            con.close()
            raise
        return con

    def publish(self) -> None:
        """Nothing to copy: does the maintenance when it is due."""
        with self.writing() as con:
            if not self.lake.maintain_minutes:
                return
            last = float(get_meta(con, "maintained_at") or 0)
            # A time in the future was written while a clock was ahead.
            if 0 <= time.time() - last < self.lake.maintain_minutes * 60:
                return
            set_meta(con, "maintained_at", str(time.time()))
            if last:
                self._maintain(con)

    def publish_if_due(self) -> bool:
        """Nothing to do: what is committed is visible to readers."""
        return False

    def is_readable(self) -> bool:
        return self.lake.newest_snapshot() is not None

    def maintain(self) -> None:
        """Expire old snapshots, write inlined rows into files, merge small files, delete old ones.

        Other writers wait meanwhile.
        """
        with self.writing() as con:
            self._maintain(con)

    def _maintain(self, con: duckdb.DuckDBPyConnection) -> None:
        seconds = int(self.lake.keep_days * 86400)
        con.execute(f"CALL channels.set_option('expire_older_than', '{seconds} seconds')")
        # A reader may still use the files of an expired snapshot.
        con.execute("CALL channels.set_option('delete_older_than', '1 hour')")
        con.execute("CHECKPOINT channels")


def validate_ids(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    """Raises WarehouseError when an id in `staged` holds U+0000 and the open store is a lake.

    DuckLake would store it, and then fail at every query that compares it: what it asks PostgreSQL
    ends at that character. The list could never be loaded again.
    """
    if not scalar(con, _IS_LAKE):
        return
    for name in table.item:
        rows = scalar(con, f'SELECT count(*) FROM staged WHERE contains("{name}", chr(0))')  # noqa: S608
        if rows:
            raise WarehouseError(
                f"{rows} rows have a NUL character (U+0000) in `{name}`, which a lake can't store "
                "(the DuckDB files can): nothing of this list was loaded"
            )


def _use_lake(con: duckdb.DuckDBPyConnection) -> None:
    hide_progress_bar(con)
    con.execute("USE channels")
    con.execute(f"SET TimeZone = '{TIME_ZONE}'")
