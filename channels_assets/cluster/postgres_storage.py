"""Dagster's tables in PostgreSQL, over connections that are used again.

Outside its webserver, Dagster connects anew for every query, twice for each event: that takes several
times longer than the query, here and in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

_NO_TIMEOUT = 0
_MOST_CONNECTIONS = 40
_RECONNECT_SECONDS = 3600


class KeptPostgresStorage(DagsterPostgresStorage):
    """For `storage` in dagster.yaml, in the place of `postgres`: the same tables and rows."""

    @classmethod
    def from_config_value(
        cls,
        inst_data: Any,  # noqa: ANN401 (a private type of Dagster)
        config_value: Mapping[str, Any],
    ) -> DagsterPostgresStorage:
        storage: Any = super().from_config_value(inst_data, config_value)
        events = storage.event_log_storage
        for part, connect in (
            (storage.run_storage, storage.run_storage.connect),
            (events, events.index_connection),
            (storage.schedule_storage, storage.schedule_storage.connect),
        ):
            part.optimize_for_webserver(
                statement_timeout=_NO_TIMEOUT,
                pool_recycle=_RECONNECT_SECONDS,
                max_overflow=_MOST_CONNECTIONS,
            )
            with connect() as connection:
                event.listen(connection.engine, "checkout", _replace_if_closed)
        return storage


def _replace_if_closed(connection: Any, *_: object) -> None:  # noqa: ANN401 (the driver's)
    """A connection that PostgreSQL has closed is replaced before its use, not after an error."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        raise DisconnectionError from error
