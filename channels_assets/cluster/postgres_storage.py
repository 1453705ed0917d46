"""Dagster's tables in PostgreSQL, over connections that are used again.

Outside its webserver, Dagster connects anew for every query, twice for each event: that takes several
times longer than the query, here and in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from dagster import DagsterInstance
from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

_KEPT = 4
_AT_ONCE = 40
_SECONDS = 3600


class KeptPostgresStorage(DagsterPostgresStorage):
    """For `storage` in dagster.yaml, in the place of `postgres`: the same tables and rows."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            _keep(storage)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
        )


def keep_connections(instance: DagsterInstance) -> None:
    """The same for the events of one run, where dagster.yaml is not ours (Dagster's Helm chart)."""
    storage = instance.event_log_storage
    if isinstance(storage, PostgresEventLogStorage) and not _is_kept(storage):
        _keep(storage)


def _keep(
    storage: PostgresRunStorage | PostgresEventLogStorage | PostgresScheduleStorage,
) -> None:
    # As their optimize_for_webserver() does. A connection that PostgreSQL has closed meanwhile is
    # noticed before its use.
    storage._engine = create_pg_engine(
        storage.postgres_url,
        storage._token_provider,
        isolation_level="AUTOCOMMIT",
        pool_size=_KEPT,
        max_overflow=_AT_ONCE,
        pool_recycle=_SECONDS,
        pool_pre_ping=True,
    )


def _is_kept(storage: PostgresEventLogStorage) -> bool:
    return bool(storage._engine.pool._pre_ping)
