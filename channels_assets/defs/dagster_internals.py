"""The only uses of Dagster's private API outside cluster/, each with a public fallback.

When a private name is missing or has changed since the tested versions (pyproject.toml), events are
written one by one, and a run of the command can't be re-executed in the UI; nothing else changes.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, Self

from dagster import AssetKey, DagsterInstance, EventLogEntry, JobDefinition
from sqlalchemy import Connection, NullPool, create_engine

PARTITION_RANGE_START = "dagster/asset_partition_range_start"
PARTITION_RANGE_END = "dagster/asset_partition_range_end"
IS_RESUME_RETRY = "dagster/is_resume_retry"

_FOLDER = "history/runs"
_INDEX = "index"
_BUSY_SECONDS = 30
_MOST_EVENTS = 500
"""The most in one transaction: other processes wait for its end, and fail after 30 seconds."""

if TYPE_CHECKING:
    from dagster._core.storage.event_log import SqliteEventLogStorage
else:
    try:
        from dagster._core.storage.event_log import SqliteEventLogStorage
    except ImportError:
        import tempfile

        # Dagster's own default event log is the same class.
        with tempfile.TemporaryDirectory() as _home, DagsterInstance.local_temp(_home) as _instance:
            SqliteEventLogStorage = type(_instance.event_log_storage)


class BatchedSqliteEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log with one transaction for many events, instead of two for each.

    The files, tables and rows are Dagster's own: either class opens what the other wrote. `base_dir`
    is DAGSTER_HOME. See https://github.com/dagster-io/dagster/issues/19829.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:  # noqa: ANN401
        self._transactions: _Transactions | None = None
        super().__init__(f"{base_dir}/{_FOLDER}", inst_data)
        needed = ("_connect", "_initdb", "_initialized_dbs", "_db_lock", "conn_string_for_shard")
        self._can_batch = all(hasattr(self, name) for name in needed)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:  # noqa: ANN401
        return cls(config_value["base_dir"], inst_data)

    @contextmanager
    def batched(self) -> Generator[None]:
        """Writes the events of this thread together, at the end of the context, also after an error.

        Many events take several transactions. Other threads wait until the end to write theirs.
        """
        if self._own is not None or not self._can_batch:
            yield
            return
        with self._db_lock, closing(_Transactions()) as transactions:
            self._transactions = transactions
            try:
                yield
            finally:
                self._transactions = None
                transactions.commit()

    @property
    def _own(self) -> _Transactions | None:
        """The open transactions of the current thread."""
        transactions = self._transactions
        if transactions is None or transactions.thread != threading.get_ident():
            return None
        return transactions

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        transactions = self._own
        if transactions is None:
            with super()._connect(shard) as connection:
                yield connection
            return
        if shard not in transactions.connections:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=NullPool,
                connect_args={"timeout": _BUSY_SECONDS},
            )
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            transactions.add(shard, engine.connect())
        yield transactions.connections[shard]

    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(event)
        if transactions := self._own:
            transactions.count_event()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        with self.batched():
            super().store_event_batch(events)


class _Transactions:
    """Open transactions of one thread, by shard."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.connections: dict[str, Connection] = {}
        self._events = 0
        self._stack = ExitStack()

    def close(self) -> None:
        self._stack.close()

    def add(self, shard: str, connection: Connection) -> None:
        self._stack.callback(connection.close)
        connection.begin()
        self.connections[shard] = connection

    def count_event(self) -> None:
        self._events += 1
        if self._events % _MOST_EVENTS == 0:
            self.commit()
            for connection in self.connections.values():
                connection.begin()

    def commit(self) -> None:
        # The index first, so that it holds all events of a run's log, which a retry relies on.
        for shard in sorted(self.connections, key=lambda shard: shard != _INDEX):
            self.connections[shard].commit()


@contextmanager
def batched(instance: DagsterInstance) -> Generator[None]:
    """Events of this thread in one transaction, where the instance keeps them in our SQLite event log."""
    storage = instance.event_log_storage
    if isinstance(storage, BatchedSqliteEventLog):
        with storage.batched():
            yield
    else:
        yield


def new_run_id() -> str:
    return str(uuid.uuid4())


def execute_job(
    job: JobDefinition,
    instance: DagsterInstance,
    *,
    run_id: str,
    asset_selection: Collection[AssetKey],
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
    module: str,
) -> bool:
    """Runs the assets of the job in this process; returns whether the run succeeded.

    `module` is the code location in which the UI finds the job again, to re-execute the run.
    """
    prepare = _with_origin()
    if prepare is None:
        return job.execute_in_process(
            instance=instance,
            run_id=run_id,
            asset_selection=list(asset_selection),
            tags=dict(tags),
            run_config=dict(run_config),
            raise_on_error=False,
        ).success
    with batched(instance):
        execute = prepare(
            job,
            instance,
            module,
            run_id=run_id,
            asset_selection=frozenset(asset_selection),
            tags=dict(tags),
            run_config=run_config,
        )
    return execute()


def origin_of(job: str, module: str) -> Any:  # noqa: ANN401
    """Where the UI finds the job of a run. Raises ImportError, AttributeError or TypeError when Dagster
    has changed.
    """
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=module, working_directory=os.getcwd()
    )
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name=module)
    return RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job)


def _with_origin() -> Callable[..., Callable[[], bool]] | None:
    """A function that creates a run with an origin and returns what executes it.

    None when Dagster has changed. There is no public way to set a run's origin.
    """
    try:
        from dagster._core.definitions.job_base import InMemoryJob
        from dagster._core.execution.api import execute_run

        origin_of("any", "any")
    except (ImportError, AttributeError, TypeError):
        return None
    if not hasattr(DagsterInstance, "create_run_for_job"):
        return None

    def prepare(
        job: JobDefinition,
        instance: DagsterInstance,
        module: str,
        **run_arguments: Any,  # noqa: ANN401
    ) -> Callable[[], bool]:
        origin = origin_of(job.name, module)
        run = instance.create_run_for_job(job, remote_job_origin=origin, **run_arguments)
        return lambda: execute_run(InMemoryJob(job), run, instance).success

    return prepare
