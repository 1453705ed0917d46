"""The table of leases in PostgreSQL: what all workers together know about one credential."""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from channels_assets.wechat.errors import QuotaExhausted

LEASE_SECONDS = 15.0
"""A worker that died gives its slots back after so long."""
_EXHAUSTED_SECONDS = 1800.0
"""WeChat does not say when quotas are reset: one call each half hour finds out."""
_SCHEMA_LOCK = 0x6C656173
T = TypeVar("T")
Cursor = psycopg.Cursor[tuple[Any, ...]]


@dataclass(frozen=True)
class Lease:
    """`slots` calls may be in flight here; `refusals` counts those of all workers, ever."""

    slots: int
    refusals: int = 0
    exhausted: dict[str, QuotaExhausted] = field(default_factory=dict[str, QuotaExhausted])


def problem_with(dsn: str) -> str | None:
    """Why the table can't be used, in PostgreSQL's words; None when it can."""
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # Its words would repeat the address, password and all.
        return (
            "is no PostgreSQL address: it must look like postgresql://user:password@host/database"
        )
    try:
        Leases(dsn).try_table()
    except psycopg.OperationalError as error:
        return f"the database can't be reached: {_first_line(error)}"
    except psycopg.Error as error:
        return _first_line(error)
    return None


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]


class Leases:
    """One connection, for all credentials of this process. Raises psycopg.Error."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._worker = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def renew(self, credential: str, total: int, busy: int) -> Lease:
        """Take or keep a fair share of `total` slots, at least those that are `busy` here.

        All leases together never exceed `total`: a newcomer waits until the others have shrunk.
        """

        def work(cursor: Cursor) -> Lease:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [credential])
            cursor.execute("DELETE FROM channels_leases WHERE expires_at < clock_timestamp()")
            taken, others = self._row(
                cursor,
                "SELECT coalesce(sum(slots), 0), count(*) FROM channels_leases "
                "WHERE credential = %s AND worker <> %s",
                credential,
                self._worker,
            )
            slots = max(busy, min(max(1, total // (others + 1)), total - taken))
            cursor.execute(
                """
                INSERT INTO channels_leases VALUES
                    (%s, %s, %s, clock_timestamp() + make_interval(secs => %s))
                ON CONFLICT (credential, worker) DO UPDATE SET
                    slots = excluded.slots, expires_at = excluded.expires_at
                """,
                [credential, self._worker, slots, LEASE_SECONDS],
            )
            [refusals] = self._row(
                cursor,
                "SELECT coalesce(max(number), 0) FROM channels_refusals WHERE credential = %s",
                credential,
            )
            cursor.execute(
                "SELECT path, error FROM channels_exhausted "
                "WHERE credential = %s AND until > clock_timestamp()",
                [credential],
            )
            exhausted = {path: QuotaExhausted(**error) for path, error in cursor.fetchall()}
            return Lease(slots, refusals, exhausted)

        return self._do(work)

    def try_table(self) -> None:
        """Makes the table if it is not there, as the first call would, and closes the connection."""
        self._do(lambda cursor: cursor.execute("SELECT FROM channels_leases LIMIT 1"))
        self._connected().close()

    def give_back(self, credential: str) -> None:
        self._do(
            lambda cursor: cursor.execute(
                "DELETE FROM channels_leases WHERE credential = %s AND worker = %s",
                [credential, self._worker],
            )
        )

    def refused(self, credential: str) -> int:
        """Let the others know of a 45011; returns how many there were with this one."""

        def work(cursor: Cursor) -> int:
            [number] = self._row(
                cursor,
                "INSERT INTO channels_refusals VALUES (%s, 1) ON CONFLICT (credential) "
                "DO UPDATE SET number = channels_refusals.number + 1 RETURNING number",
                credential,
            )
            return int(number)

        return self._do(work)

    def exhaust(self, credential: str, path: str, error: QuotaExhausted) -> None:
        told = {
            "reason": error.reason,
            "endpoint": error.endpoint,
            "errcode": error.errcode,
            "errmsg": error.errmsg,
            "rid": error.rid,
            "remedy": error.remedy,
        }
        self._do(
            lambda cursor: cursor.execute(
                """
                INSERT INTO channels_exhausted VALUES
                    (%s, %s, %s, clock_timestamp() + make_interval(secs => %s))
                ON CONFLICT (credential, path) DO UPDATE SET
                    error = excluded.error, until = excluded.until
                """,
                [credential, path, json.dumps(told), _EXHAUSTED_SECONDS],
            )
        )

    def _do(self, work: Callable[[Cursor], T]) -> T:
        with self._lock:
            connection = self._connected()
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    return work(cursor)
            except psycopg.OperationalError:
                # The next one begins anew.
                connection.close()
                raise

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=10)
            sql = files("channels_assets.cluster").joinpath("leases.sql").read_bytes()
            with self._connection.transaction(), self._connection.cursor() as cursor:
                # CREATE TABLE IF NOT EXISTS is no safe thing for two at once.
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
                cursor.execute(sql)
        return self._connection

    @staticmethod
    def _row(cursor: Cursor, query: str, *values: object) -> tuple[Any, ...]:
        [row] = cursor.execute(query.encode(), values).fetchall()
        return row
