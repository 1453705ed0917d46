"""Dagster's event log in PostgreSQL, with connections that are used again."""

from __future__ import annotations

from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage

_SECONDS = 3600
_AT_ONCE = 20


def keep_connections(instance: DagsterInstance) -> None:
    """Let this process's event log keep its connections open, where it is in PostgreSQL.

    Outside its webserver, Dagster connects anew twice for each event, which takes many times longer
    than the event itself, here and in PostgreSQL.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, PostgresEventLogStorage) or _keeps(storage):
        return
    storage.optimize_for_webserver(
        statement_timeout=0, pool_recycle=_SECONDS, max_overflow=_AT_ONCE
    )
    # One that PostgreSQL has closed meanwhile is asked first, and replaced.
    storage._engine.pool._pre_ping = True


def _keeps(storage: PostgresEventLogStorage) -> bool:
    return bool(storage._engine.pool._pre_ping)
