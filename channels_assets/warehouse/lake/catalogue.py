"""A lake's catalogue as PostgreSQL sees it: its address, its newest snapshot, and whose turn it is.

The only module here that needs psycopg: lake.py imports it where it is used.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg
import tenacity
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from channels_assets.warehouse.errors import WarehouseError

_KEY = 0x6368616E6E656C73
"""The advisory lock's number, "channels" in ASCII; it is the catalogue database's own."""


def split_password(dsn: str) -> tuple[str, str]:
    """The address in libpq's keywords without its password, and the password ("" for none).

    Raises ValueError, without a word of it, when it is no address.
    """
    try:
        address = conninfo_to_dict(dsn, connect_timeout="10")
    except psycopg.ProgrammingError:
        raise ValueError from None
    password = str(address.pop("password", None) or "")
    return make_conninfo("", **address), password


def may_make_tables(dsn: str) -> bool:
    """Raises WarehouseError when it can't be reached."""
    try:
        with psycopg.connect(dsn, connect_timeout=10) as catalogue:
            row = catalogue.execute(
                "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise _unreachable(error) from None
    return row is not None and bool(row[0])


def newest_snapshot(dsn: str) -> int | None:
    """None when our tables are not there yet. Raises WarehouseError when it can't be reached."""
    try:
        with psycopg.connect(dsn, connect_timeout=10) as catalogue:
            made = catalogue.execute("SELECT to_regclass('ducklake_table')").fetchone()
            if made is None or made[0] is None:
                return None
            row = catalogue.execute(
                "SELECT max(snapshot_id) FROM ducklake_snapshot WHERE EXISTS "
                "(SELECT FROM ducklake_table WHERE table_name = 'meta')"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise _unreachable(error) from None
    return None if row is None else row[0]


class Turns:
    """One turn at a time over all processes, by an advisory lock in the catalogue's PostgreSQL.

    DuckLake lets one transaction per table through and fails the others: taking turns is twice as
    fast as trying again. PostgreSQL ends the turn of a process that died.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._threads = threading.Lock()
        self._holder: int | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    @contextmanager
    def turn(self) -> Generator[None, None, None]:
        """Raises WarehouseError within itself, and when PostgreSQL can't be reached."""
        if self._holder == threading.get_ident():
            raise WarehouseError("this thread already has the warehouse open: close it first")
        with self._threads:
            connection = self._locked()
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None
                # Without a connection there is no lock any more.
                with suppress(psycopg.OperationalError):
                    connection.execute("SELECT pg_advisory_unlock(%s)", [_KEY])

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(psycopg.OperationalError),
        stop=tenacity.stop_after_attempt(6),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=10),
        reraise=True,
    )
    def _try_to_lock(self) -> psycopg.Connection[tuple[object, ...]]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = psycopg.connect(
                self._dsn, autocommit=True, keepalives_idle=30, connect_timeout=10
            )
            self._connection = connection
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [_KEY])
        except psycopg.OperationalError:
            connection.close()
            raise
        return connection

    def _locked(self) -> psycopg.Connection[tuple[object, ...]]:
        try:
            return self._try_to_lock()
        except psycopg.OperationalError as error:
            raise _unreachable(error) from None


def _unreachable(error: Exception) -> WarehouseError:
    # PostgreSQL's own words name host, user and database, never the password.
    first = str(error).strip().partition("\n")[0]
    return WarehouseError(f"the lake's catalogue can't be reached: {first}")
