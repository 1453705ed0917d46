"""A run keeps its connection to Dagster's events in PostgreSQL, also where dagster.yaml is not ours.

Dagster's Helm chart writes its own dagster.yaml, with a storage that connects anew for every query,
twice for each event. (Elsewhere deploy/ names a storage that keeps its connections by itself.)
"""

from __future__ import annotations

from typing import Any

from dagster import DagsterInstance
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import NullPool

_NO_TIMEOUT = 0
_MOST_CONNECTIONS = 40
_RECONNECT_SECONDS = 3600


def keep_connections(instance: DagsterInstance) -> None:
    storage: Any = instance.event_log_storage
    if not type(storage).__module__.startswith("dagster_postgres."):
        return
    with storage.index_connection() as connection:
        if not isinstance(connection.engine.pool, NullPool):
            return
    storage.optimize_for_webserver(
        statement_timeout=_NO_TIMEOUT,
        pool_recycle=_RECONNECT_SECONDS,
        max_overflow=_MOST_CONNECTIONS,
    )
    with storage.index_connection() as connection:
        event.listen(connection.engine, "checkout", _replace_if_closed)


def _replace_if_closed(connection: Any, *_: object) -> None:  # noqa: ANN401 (the driver's)
    """A connection that PostgreSQL has closed is replaced before its use, not after an error."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        raise DisconnectionError from error
