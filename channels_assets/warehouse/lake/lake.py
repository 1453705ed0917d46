"""The warehouse as a lake: DuckLake, its catalogue in PostgreSQL, its rows in Parquet files.

For more than one machine. What is committed is seen at once by all who read, so nothing is copied;
old snapshots and small files are cleared away now and then instead.
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
from channels_assets.warehouse.connection import be_quiet, in_memory
from channels_assets.warehouse.errors import WarehouseError
from channels_assets.warehouse.lake.extensions import (
    NEEDED,
    load_extensions,
    quoted,
    require_psycopg,
)
from channels_assets.warehouse.lake.s3 import EXTENSIONS as OBJECT_STORE
from channels_assets.warehouse.lake.s3 import add_credentials, is_object_store
from channels_assets.warehouse.schema import get_meta, migrate, set_meta

if TYPE_CHECKING:
    from channels_assets.warehouse.lake.catalogue import Turns

_INLINED_ROWS = 500
"""Writes of up to so many rows stay in the catalogue until the lake is tidied up."""


@dataclass(frozen=True)
class Lake:
    """Where a lake is. `catalogue_env`: the environment variable that has the catalogue's DSN.

    `data_path`: a folder that all machines share, or s3://bucket/prefix. Snapshots are kept for
    `keep_days`; tidying up is due every `maintain_minutes`, 0 for never.
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
            told = json.loads((data_dir / cls.MARKER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(told["catalogue_env"], told["data_path"])

    def mark(self, data_dir: Path) -> None:
        """Leave word for those who read with nothing but the folder; no secret is in it."""
        text = json.dumps({"catalogue_env": self.catalogue_env, "data_path": self.data_path})
        marker = data_dir / self.MARKER
        if not marker.exists() or marker.read_text(encoding="utf-8") != text:
            data_dir.mkdir(parents=True, exist_ok=True)
            with replace_file(marker) as new:
                new.write_text(text, encoding="utf-8")

    @property
    def dsn(self) -> str:
        """Raises WarehouseError when the variable has no address, or psycopg is missing."""
        require_psycopg()
        value = os.environ.get(self.catalogue_env, "").strip()
        if not value:
            raise WarehouseError(
                f"the environment variable {self.catalogue_env} is empty: put the address of the "
                "lake's PostgreSQL database into it (postgresql://user:password@host/database)"
            )
        from channels_assets.warehouse.lake.catalogue import split_password  # noqa: PLC0415 (lakes only)

        try:
            split_password(value)
        except ValueError:
            raise WarehouseError(
                f"{self.catalogue_env} is no PostgreSQL address: it must look like "
                "postgresql://user:password@host/database"
            ) from None
        return value

    def require_extensions(self) -> None:
        """Raises WarehouseError, with what to install."""
        require_psycopg()
        with in_memory() as con:
            load_extensions(con, self._extensions)

    @property
    def _extensions(self) -> tuple[str, ...]:
        return (*NEEDED, *(OBJECT_STORE if is_object_store(self.data_path) else ()))

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB of its own in memory that can read and write the lake's files."""
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
        """A DuckDB of its own in memory, with the lake as `channels` in use."""
        dsn = self.dsn
        from channels_assets.warehouse.lake.catalogue import split_password  # noqa: PLC0415 (lakes only)

        con = self.duckdb()
        try:
            address, password = split_password(dsn)
            # As a secret the password is in no message and no table of DuckDB's.
            con.execute(
                f"CREATE SECRET catalogue (TYPE postgres, PASSWORD {quoted(password)})"
                if password
                else "CREATE SECRET catalogue (TYPE postgres)"
            )
            con.execute(
                f"""
                CREATE SECRET lake (
                    TYPE ducklake, METADATA_PATH {quoted(address)},
                    DATA_PATH {quoted(self.data_path)},
                    METADATA_PARAMETERS MAP {{'TYPE': 'postgres', 'SECRET': 'catalogue'}}
                )
                """
            )
            shown = f" ({', '.join(options)})" if options else ""
            con.execute(f"ATTACH 'ducklake:lake' AS channels{shown}")
            use(con)
        except BaseException:
            con.close()
            raise
        return con

    def reading(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the newest snapshot, which it keeps showing.

        Raises WarehouseError before the first load.
        """
        newest = self.newest_snapshot()
        if newest is None:
            raise WarehouseError(
                f"the lake of {self.catalogue_env} is empty: run `channels-assets refresh` first"
            )
        return self.attach("READ_ONLY", f"SNAPSHOT_VERSION {newest}")

    def newest_snapshot(self) -> int | None:
        """None when our tables are not there yet."""
        dsn = self.dsn
        from channels_assets.warehouse.lake.catalogue import newest_snapshot  # noqa: PLC0415

        return newest_snapshot(dsn)


def use(con: duckdb.DuckDBPyConnection) -> None:
    be_quiet(con)
    con.execute("USE channels")
    con.execute("SET TimeZone = 'Asia/Shanghai'")


class LakeWarehouse:
    """A lake with the interface of the files, for any number of machines."""

    def __init__(self, data_dir: Path, lake: Lake) -> None:
        self.data_dir = data_dir
        self.lake = lake
        self._root: duckdb.DuckDBPyConnection | None = None
        lake.mark(data_dir)

    @property
    def shown(self) -> str:
        return f"the lake in {self.lake.data_path} (catalogue: ${self.lake.catalogue_env})"

    @cached_property
    def _turns(self) -> Turns:
        dsn = self.lake.dsn
        from channels_assets.warehouse.lake.catalogue import Turns  # noqa: PLC0415

        return Turns(dsn)

    @contextmanager
    def writing(self) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """Wait for one's turn over all machines, then a connection to the lake.

        The connection is in auto-commit; the loaders make their own transactions. Keep it short,
        and never wait for the network within. Raises WarehouseError when the catalogue can't be
        reached, when it is of a newer version, and on a call within itself.
        """
        with self._turns.turn():
            con = self._connection()
            try:
                yield con
            except duckdb.Error:
                # Perhaps PostgreSQL was restarted: the next turn begins anew.
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
            use(con)
            migrate(con)
        except BaseException:
            con.close()
            raise
        return con

    def publish(self) -> None:
        """Nothing to copy: tidies up when that is due."""
        with self.writing() as con:
            if not self.lake.maintain_minutes:
                return
            before = float(get_meta(con, "maintained_at") or 0)
            # A moment in the future is of a clock that was ahead.
            if 0 <= time.time() - before < self.lake.maintain_minutes * 60:
                return
            set_meta(con, "maintained_at", str(time.time()))
            if before:
                self._maintain(con)

    def publish_if_due(self) -> bool:
        """Nothing to do: what is committed is seen."""
        return False

    def is_readable(self) -> bool:
        return self.lake.newest_snapshot() is not None

    def maintain(self) -> None:
        """Forget old snapshots, write what is inlined into files, merge small files, delete old ones.

        Other writers wait meanwhile.
        """
        with self.writing() as con:
            self._maintain(con)

    def _maintain(self, con: duckdb.DuckDBPyConnection) -> None:
        seconds = int(self.lake.keep_days * 86400)
        con.execute(f"CALL channels.set_option('expire_older_than', '{seconds} seconds')")
        # Files of forgotten snapshots: a reader may still be at them.
        con.execute("CALL channels.set_option('delete_older_than', '1 hour')")
        con.execute("CHECKPOINT channels")
