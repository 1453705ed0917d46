"""The two files of the warehouse: one for writers who take turns, one for everybody to read."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import duckdb

from channels_assets.files import LockTimeout, locked, remove_temporary, replace_file
from channels_assets.warehouse.connection import Config, in_memory
from channels_assets.warehouse.errors import FileInUse, WarehouseBusy, WarehouseError
from channels_assets.warehouse.lake.extensions import quoted
from channels_assets.warehouse.recovery import (
    bring_into_order,
    clear_published_wal,
    explained,
    in_use_elsewhere,
    is_in_use,
    wal_of,
)
from channels_assets.warehouse.schema import migrate

STORAGE_VERSION = "v1.5.0"
"""Oldest DuckDB that can read the files."""
TIME_ZONE = "Asia/Shanghai"
"""How connections show times. What is stored is the moment itself."""
_OPEN_SECONDS = 10.0
_CONFIG: Config = {
    # A million rows load in this memory as fast as in more: what doesn't fit goes to disk. Not set
    # anew for each turn: DuckDB would give all memory back to the system.
    "memory_limit": "144MiB",
    # More only wait for each other, and each wants memory of its own.
    "threads": 1,
    # Every commit goes straight into the file, not into a log first and then, at the end, once more.
    "checkpoint_threshold": "1KB",
}


_HEADERS = 3 * 4096
P = ParamSpec("P")
T = TypeVar("T")
_MERGE_EVERY = 8
_MERGING, _NOT_MERGING = "SET max_vacuum_tasks = 100", "SET max_vacuum_tasks = 0"
"""Whether a commit also takes rows that were replaced out of the file, and puts what is left together:
a fifth of a load's time. Not at each commit, therefore: at the first after publish(), and now and then."""


def lift_memory_limit(con: duckdb.DuckDBPyConnection) -> None:
    """For the rare list that doesn't load within the usual limit: DuckDB's own, most of the RAM."""
    con.execute("RESET memory_limit")


def _memory_limit(con: duckdb.DuckDBPyConnection) -> str:
    [(limit,)] = con.execute("SELECT current_setting('memory_limit')").fetchall()
    return str(limit)


class Warehouse:
    """The warehouse in one folder.

    `path` is the writers' file, `published` the consistent copy that people read. Any number of
    threads and processes may use the same folder, each through its own or a shared Warehouse.
    """

    def __init__(self, data_dir: Path, publish_every: float = 3.0) -> None:
        """`publish_every`: least number of seconds between two copies by publish_if_due()."""
        self.data_dir = data_dir
        self.path = data_dir / "warehouse.duckdb"
        self.published = data_dir / "channels.duckdb"
        self._lock_path = data_dir / "warehouse.lock"
        self._publish_every = publish_every
        self._next_publish = 0.0
        self._unmerged = 0
        self._holder: int | None = None
        self._lock = -1
        # An engine that stays: a new one for each turn would ask the system for all memory anew.
        self._engine: duckdb.DuckDBPyConnection | None = None

    @property
    def shown(self) -> str:
        return str(self.published)

    def is_readable(self) -> bool:
        return self.published.exists()

    @contextmanager
    def writing(
        self, patience: float | None = None
    ) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """Wait for one's turn, open the writers' file, and close it at the end.

        The connection is in auto-commit; the loaders make their own transactions. Keep it short,
        and never wait for the network within. Raises WarehouseError when another program holds
        the file, when it is of a newer version, and on a call within itself; WarehouseBusy after
        `patience` seconds without a turn (None: waits as long as it takes).
        """
        with self._turn(patience):
            self._examine()
            with self._opened() as con:
                yield con
            self._leave()

    def publish(self) -> None:
        """Make `published` equal to the writers' file; without a copy if it already is."""
        with self._turn():
            self._examine()
            if wal_of(self.path).exists():
                # Opening takes in the log of a writer that was killed.
                with self._opened():
                    pass
            clear_published_wal(self.published)
            if not _same_content(self.path, self.published):
                with replace_file(self.published) as copy:
                    shutil.copyfile(self.path, copy)
            self._leave()
            self._next_publish = time.monotonic() + self._publish_every
            self._unmerged = 0

    def publish_if_due(self) -> bool:
        """Publish unless this object did so less than `publish_every` seconds ago.

        Returns whether it published.
        """
        if time.monotonic() < self._next_publish:
            return False
        self.publish()
        return True

    @contextmanager
    def _turn(self, patience: float | None = None) -> Generator[None, None, None]:
        if self._holder == threading.get_ident():
            raise WarehouseError("this thread already has the warehouse open: close it first")
        with ExitStack() as stack:
            try:
                # A file of its own: closing any descriptor of the DuckDB file would drop DuckDB's lock.
                descriptor = stack.enter_context(locked(self._lock_path, patience))
            except LockTimeout:
                raise WarehouseBusy(
                    f"another channels-assets process has been writing for {patience:.0f} s"
                ) from None
            self._holder, self._lock = threading.get_ident(), descriptor
            try:
                yield
            finally:
                self._holder = None

    def _examine(self) -> None:
        """Before the files are used: whether they are whole, unless they are as a process of ours left
        them."""
        as_left = os.pread(self._lock, 1000, 0) == self._signatures()
        # Should this process be killed in its turn, the next one examines them.
        os.ftruncate(self._lock, 0)
        if as_left:
            return
        for path in (self.path, self.published):
            remove_temporary(path)
        found = _when_free(bring_into_order, self.path, self.published)
        if found.action == "create":
            with replace_file(self.path) as new, closing(self._new_engine()) as engine:
                new.unlink()
                self._attach(engine, new)
                engine.execute("USE warehouse")
                migrate(engine)
                engine.execute("USE memory")
                engine.execute("DETACH warehouse")

    def _leave(self) -> None:
        """Notes in the lock file how the files are, for the next turn."""
        # Without room on the disk, the next turn examines them.
        with suppress(OSError):
            os.pwrite(self._lock, self._signatures(), 0)

    def _signatures(self) -> bytes:
        """What tells whether somebody else has changed the files."""
        found: list[object] = []
        for path in (self.path, wal_of(self.path), self.published):
            try:
                facts = path.stat()
            except FileNotFoundError:
                found.append(None)
            else:
                found.append((facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns))
        return repr(found).encode()

    @contextmanager
    def _opened(self) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """The file, open in a session of its own: what is temporary, or unfinished, ends with it."""
        engine, self._engine = self._engine or self._new_engine(), None
        before = self._changed_at()
        try:
            with closing(engine.cursor()) as con:
                con.execute(f"SET TimeZone = '{TIME_ZONE}'")
                self._attach(con, self.path)
                con.execute("USE warehouse")
                con.execute(_NOT_MERGING if self._unmerged else _MERGING)
                migrate(con)
                usual = _memory_limit(con)
                yield con
            engine.execute("DETACH warehouse")
        except BaseException:
            # Perhaps a full disk has broken it: the next turn begins anew.
            engine.close()
            raise
        if self._changed_at() != before:
            self._unmerged = (self._unmerged + 1) % _MERGE_EVERY
        if _memory_limit(engine) == usual:
            self._engine = engine
        else:
            # Setting it anew may fail where the disk is full, after all is written.
            engine.close()

    def _changed_at(self) -> int:
        return self.path.stat().st_mtime_ns if self.path.exists() else 0

    def _new_engine(self) -> duckdb.DuckDBPyConnection:
        return in_memory({**_CONFIG, "temp_directory": f"{self.path}.tmp"})

    def _attach(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        attach = (
            f"ATTACH {quoted(str(path))} AS warehouse "
            f"(TYPE duckdb, STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        try:
            _when_free(con.execute, attach)
        except duckdb.Error as error:
            if not is_in_use(error):
                raise explained(path, error) from error
            raise in_use_elsewhere(path) from error


def _when_free(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does it, again and again for some seconds while another program has the file open."""
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            return work(*args, **kwargs)
        except (FileInUse, duckdb.IOException) as error:
            in_use = isinstance(error, FileInUse) or is_in_use(error)
            if not in_use or time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _same_content(source: Path, copy: Path) -> bool:
    """Whether `copy` is a byte copy of the closed DuckDB file `source`.

    The first three blocks of 4096 bytes hold the file's identity and the counter of its
    checkpoints, so two closed files that agree in them and in size agree everywhere.
    """
    if not copy.exists() or source.stat().st_size != copy.stat().st_size:
        return False
    with source.open("rb") as one, copy.open("rb") as other:
        return one.read(_HEADERS) == other.read(_HEADERS)
