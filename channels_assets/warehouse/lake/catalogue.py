"""A lake's catalogue in PostgreSQL: its address, its newest snapshot, and the writers' lock.

The only module that needs psycopg: lake.py imports it where a lake is used.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg
import tenacity
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from channels_assets.warehouse.errors import WarehouseError

_LOCK_KEY = 0x6368616E6E656C73
"""The number of the advisory lock, "channels" in ASCII. Each database has advisory locks of its own."""


class Catalogue:
    """The PostgreSQL database at `dsn`.

    `address` is the DSN without its password, in libpq's keywords; `password` is "" for none. All
    methods raise WarehouseError when PostgreSQL can't be reached.
    """

    def __init__(self, dsn: str) -> None:
        """Connects to nothing. Raises ValueError, which doesn't show the DSN, when it is malformed."""
        try:
            keywords = conninfo_to_dict(dsn, connect_timeout="10")
        except psycopg.ProgrammingError:
            raise ValueError from None
        self._dsn = dsn
        self.password: str = str(keywords.pop("password", None) or "")
        self.address: str = make_conninfo("", **keywords)

    def may_create_tables(self) -> bool:
        """Whether the user of the DSN has the right to."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=10) as connection:
                row = connection.execute(
                    "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
                ).fetchone()
        except psycopg.OperationalError as error:
            raise _unreachable(error) from None
        return row is not None and bool(row[0])

    def newest_snapshot(self) -> int | None:
        """The lake's newest snapshot, None when our tables do not exist yet."""
        try:
            with psycopg.connect(self._dsn, connect_timeout=10) as connection:
                row = connection.execute("SELECT to_regclass('ducklake_table')").fetchone()
                if row is None or row[0] is None:
                    return None
                row = connection.execute(
                    "SELECT max(snapshot_id) FROM ducklake_snapshot WHERE EXISTS "
                    "(SELECT FROM ducklake_table WHERE table_name = 'meta')"
                ).fetchone()
        except psycopg.OperationalError as error:
            raise _unreachable(error) from None
        return None if row is None else row[0]

    def writers_lock(self) -> WritersLock:
        return WritersLock(self._dsn)


class WritersLock:
    """One writer at a time over all processes, by an advisory lock in PostgreSQL.

    DuckLake commits one transaction per table and fails the others: a lock is twice as fast as
    retries. PostgreSQL releases the lock of a process that died.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._threads = threading.Lock()
        self._holder: int | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        """Wait for the lock, and hold it.

        Raises WarehouseError when this thread holds it already, or PostgreSQL can't be reached.
        """
        if self._holder == threading.get_ident():
            raise WarehouseError("this thread already has the warehouse open: close it first")
        with self._threads:
            connection = self._acquire()
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None
                # Where the connection was lost, PostgreSQL has released the lock.
                with suppress(psycopg.OperationalError):
                    connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])

    def _acquire(self) -> psycopg.Connection[tuple[object, ...]]:
        try:
            return self._try_to_acquire()
        except psycopg.OperationalError as error:
            raise _unreachable(error) from None

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(psycopg.OperationalError),
        stop=tenacity.stop_after_attempt(6),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=10),
        reraise=True,
    )
    def _try_to_acquire(self) -> psycopg.Connection[tuple[object, ...]]:
        connection = self._connection
        if connection is None or connection.closed:
            connection = psycopg.connect(
                self._dsn, autocommit=True, keepalives_idle=30, connect_timeout=10
            )
            self._connection = connection
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
        except psycopg.OperationalError:
            connection.close()
            raise
        return connection


def _unreachable(error: Exception) -> WarehouseError:
    # PostgreSQL's message names host, user and database, never the password.
    cause = str(error).strip().partition("\n")[0]
    return WarehouseError(f"the lake's catalogue can't be reached: {cause}")
