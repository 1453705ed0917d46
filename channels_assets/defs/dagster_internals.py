"""Dagster's SQLite event log, with one transaction for many events instead of two for each."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import ClassVar, Self, cast

from dagster import DagsterInstance, EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, create_engine

_FOLDER = "history/runs"
_MOST_EVENTS = 500
"""In one transaction: other processes can't write meanwhile, and give up after 30 seconds."""


class TogetherEventLog(SqliteEventLogStorage):
    """The same files, tables and rows as Dagster's own: either opens what the other wrote.

    `base_dir` is DAGSTER_HOME. Dagster opens a database, writes, waits for the disk and closes it
    twice for each event of an asset; within `together` it does so once for all of them.
    """

    _empty: ClassVar[str | None] = None
    """A new database as SQL, the same for each run."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._held: _Held | None = None
        super().__init__(f"{base_dir}/{_FOLDER}", inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig
    ) -> Self:
        return cls(config_value["base_dir"], inst_data)

    @contextmanager
    def together(self) -> Generator[None]:
        """What this thread logs within is written at the end, also when an error ends it; of many
        events, some hundred at a time. Other threads' events wait meanwhile.
        """
        if self._mine is not None:
            yield
            return
        with self._db_lock, closing(_Held()) as held:
            self._held = held
            try:
                yield
            finally:
                self._held = None
                held.commit()

    @property
    def _mine(self) -> _Held | None:
        """What this thread holds, if it is the one that does."""
        held = self._held
        return held if held is not None and held.thread == threading.get_ident() else None

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        held = self._mine
        if held is None:
            with super()._connect(shard) as connection:
                yield connection
            return
        if shard not in held.connections:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=NullPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            held.add(shard, engine.connect())
        yield held.connections[shard]

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """Dagster reads through all of its migrations to see whether a database is made, and again to
        make one for each run. All are made alike: here the first new one is copied."""
        with engine.connect() as connection:
            raw = cast("sqlite3.Connection", connection.connection.driver_connection)
            tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
            if (
                "alembic_version" in tables
                and raw.execute("SELECT version_num FROM alembic_version").fetchone()
            ):
                return
            if not tables and self._empty is not None and _made(raw, self._empty):
                return
            super()._initdb(engine, for_index_shard)
            if not tables:
                TogetherEventLog._empty = _script(raw)

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        # Dagster looks at the table's columns before each event.
        return True

    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(event)
        if held := self._mine:
            held.count_event()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        with self.together():
            super().store_event_batch(events)


def _script(raw: sqlite3.Connection) -> str:
    """What makes the same tables, and says of what revision they are; without rows."""
    made = raw.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    [(revision,)] = raw.execute("SELECT quote(version_num) FROM alembic_version")
    stamp = f"INSERT INTO alembic_version VALUES ({revision})"  # noqa: S608
    return ";\n".join(["BEGIN", *(sql for (sql,) in made), stamp, "COMMIT;"])


def _made(raw: sqlite3.Connection, script: str) -> bool:
    """False when another process makes the same database at this moment: Dagster knows how to wait."""
    try:
        # First, while nobody reads: SQLite says no to it without an error.
        if raw.execute("PRAGMA journal_mode=WAL").fetchone() != ("wal",):
            return False
        raw.executescript(script)
    except sqlite3.Error:
        raw.rollback()
        return False
    return True


class _Held:
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
        # What a run's own log holds, the index holds too: a retry asks the log what is done.
        for shard in sorted(self.connections, key=lambda one: one != INDEX_SHARD_NAME):
            self.connections[shard].commit()


@contextmanager
def together(instance: DagsterInstance) -> Generator[None]:
    """Events of this thread in one transaction, where the instance keeps them in SQLite."""
    storage = instance.event_log_storage
    if isinstance(storage, TogetherEventLog):
        with storage.together():
            yield
    else:
        yield
