"""A store of two DuckDB files: one that writers change in turn, and a published copy to read."""

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
from channels_assets.warehouse.connection import TIME_ZONE, Config, in_memory, is_in_use, quoted
from channels_assets.warehouse.errors import FileInUse, WarehouseBusy, WarehouseError
from channels_assets.warehouse.machine_faults import in_use_elsewhere, open_error
from channels_assets.warehouse.recovery import (
    HEADER_BYTES,
    repair,
    set_aside_published_wal,
    wal_path,
)
from channels_assets.warehouse.schema import migrate

STORAGE_VERSION = "v1.5.0"
"""The oldest DuckDB that can read the files."""
_OPEN_SECONDS = 5.0
"""For how long opening is tried again while another program has the file open."""
_CONFIG: Config = {
    # A million rows load in this memory as fast as in more: the rest goes to temporary files. It is
    # set once per engine: setting it again makes DuckDB give all its memory back to the system.
    "memory_limit": "144MiB",
    # More threads only wait for each other, and each needs memory.
    "threads": 1,
    # Each commit goes straight into the file, not into the .wal first and into the file at the end.
    "checkpoint_threshold": "1KB",
}
_VACUUM, _NO_VACUUM = "SET max_vacuum_tasks = 100", "SET max_vacuum_tasks = 0"
_VACUUM_EVERY = 8
"""Vacuuming deleted rows at a commit takes a fifth of a load's time. Therefore only the first session
after publish(), and then each of so many that changed the file, does it."""
P = ParamSpec("P")
T = TypeVar("T")


def lift_memory_limit(con: duckdb.DuckDBPyConnection) -> None:
    """Let this session use DuckDB's default, most of the RAM, for the rare list that needs it."""
    con.execute("RESET memory_limit")


def _memory_limit(con: duckdb.DuckDBPyConnection) -> str:
    [(limit,)] = con.execute("SELECT current_setting('memory_limit')").fetchall()
    return str(limit)


class FileStore:
    """The warehouse as files in one folder.

    `path` is the writers' file, `published` the consistent copy that people read. Any number of
    threads and processes may use the same folder, each through its own or a shared FileStore.
    """

    def __init__(self, data_dir: Path, publish_every: float = 3.0) -> None:
        """`publish_every`: least number of seconds between two copies by publish_if_due()."""
        self.data_dir = data_dir
        self.path = data_dir / "warehouse.duckdb"
        self.published = data_dir / "channels.duckdb"
        self._lock_path = data_dir / "warehouse.lock"
        self._publish_every = publish_every
        self._next_publish = 0.0
        self._sessions_since_vacuum = 0
        self._lock_holder: int | None = None
        self._lock = -1
        # Kept from session to session: a new engine asks the system for all its memory again.
        self._engine: duckdb.DuckDBPyConnection | None = None

    @property
    def location(self) -> str:
        return str(self.published)

    def is_readable(self) -> bool:
        return self.published.exists()

    @contextmanager
    def writing(
        self, timeout: float | None = None
    ) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """Take the writers' lock, open the writers' file, and close it at the end.

        The connection is in auto-commit; the loaders make their own transactions. Keep it short, and
        make no network call within. Raises WarehouseError when another program holds the file, when
        it is of a newer version, and on a call within itself; WarehouseBusy when the lock was not
        free within `timeout` seconds (None: wait without limit).
        """
        with self._locked(timeout):
            self._check_files()
            with self._session() as con:
                yield con
            self._save_signatures()

    def publish(self) -> None:
        """Make `published` equal to the writers' file; without a copy if it already is."""
        with self._locked():
            self._check_files()
            if wal_path(self.path).exists():
                # Opening the file writes the .wal of a killed writer into it.
                with self._session():
                    pass
            set_aside_published_wal(self.published)
            if not _has_same_content(self.path, self.published):
                with replace_file(self.published) as copy:
                    shutil.copyfile(self.path, copy)
            self._save_signatures()
            self._next_publish = time.monotonic() + self._publish_every
            self._sessions_since_vacuum = 0

    def publish_if_due(self) -> bool:
        """Publish unless this object did so less than `publish_every` seconds ago.

        Returns whether it published.
        """
        if time.monotonic() < self._next_publish:
            return False
        self.publish()
        return True

    @contextmanager
    def _locked(self, timeout: float | None = None) -> Generator[None, None, None]:
        """Hold the writers' lock."""
        if self._lock_holder == threading.get_ident():
            raise WarehouseError("this thread already has the warehouse open: close it first")
        with ExitStack() as stack:
            try:
                # A separate lock file: closing any descriptor of the DuckDB file would drop DuckDB's
                # lock on it.
                descriptor = stack.enter_context(locked(self._lock_path, timeout))
            except LockTimeout:
                raise WarehouseBusy(
                    f"another channels-assets process has been writing for {timeout:.0f} s"
                ) from None
            self._lock_holder, self._lock = threading.get_ident(), descriptor
            try:
                yield
            finally:
                self._lock_holder = None

    def _check_files(self) -> None:
        """Examine and repair the files, unless they are as the last holder of the lock left them."""
        unchanged = os.pread(self._lock, 1000, 0) == self._signatures()
        # If this process is killed while it holds the lock, the next one examines the files.
        os.ftruncate(self._lock, 0)
        if unchanged:
            return
        for path in (self.path, self.published):
            remove_temporary(path)
        plan = _retry_while_in_use(repair, self.path, self.published)
        if plan.action == "create":
            with replace_file(self.path) as new, closing(self._new_engine()) as engine:
                new.unlink()
                self._attach(engine, new)
                engine.execute("USE warehouse")
                migrate(engine)
                engine.execute("USE memory")
                engine.execute("DETACH warehouse")

    def _save_signatures(self) -> None:
        """Note in the lock file how the files are now, for the next holder of the lock."""
        # Where the disk is full, the next holder examines the files.
        with suppress(OSError):
            os.pwrite(self._lock, self._signatures(), 0)

    def _signatures(self) -> bytes:
        """Identity, size and time of each file: they differ when another program changed one."""
        signatures: list[object] = []
        for path in (self.path, wal_path(self.path), self.published):
            try:
                status = path.stat()
            except FileNotFoundError:
                signatures.append(None)
            else:
                signatures.append(
                    (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                )
        return repr(signatures).encode()

    @contextmanager
    def _session(self) -> Generator[duckdb.DuckDBPyConnection, None, None]:
        """The open file, on a cursor of its own: temporary tables and open transactions end with it."""
        engine, self._engine = self._engine or self._new_engine(), None
        modified_at = self._modified_at()
        try:
            with closing(engine.cursor()) as con:
                con.execute(f"SET TimeZone = '{TIME_ZONE}'")
                self._attach(con, self.path)
                con.execute("USE warehouse")
                con.execute(_NO_VACUUM if self._sessions_since_vacuum else _VACUUM)
                migrate(con)
                usual_limit = _memory_limit(con)
                yield con
            engine.execute("DETACH warehouse")
        except BaseException:
            # A full disk, for example, may leave the engine unusable: the next session makes a new one.
            engine.close()
            raise
        if self._modified_at() != modified_at:
            self._sessions_since_vacuum = (self._sessions_since_vacuum + 1) % _VACUUM_EVERY
        if _memory_limit(engine) == usual_limit:
            self._engine = engine
        else:
            # Setting the limit again may fail on a full disk, although everything was written.
            engine.close()

    def _modified_at(self) -> int:
        return self.path.stat().st_mtime_ns if self.path.exists() else 0

    def _new_engine(self) -> duckdb.DuckDBPyConnection:
        return in_memory({**_CONFIG, "temp_directory": f"{self.path}.tmp"})

    def _attach(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        attach = (
            f"ATTACH {quoted(str(path))} AS warehouse "
            f"(TYPE duckdb, STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        try:
            _retry_while_in_use(con.execute, attach)
        except duckdb.Error as error:
            if not is_in_use(error):
                raise open_error(path, error) from error
            raise in_use_elsewhere(path, error) from error


def _retry_while_in_use(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Retry for some seconds while another program has the file open."""
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            return work(*args, **kwargs)
        except (FileInUse, duckdb.IOException) as error:
            in_use = isinstance(error, FileInUse) or is_in_use(error)
            if not in_use or time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _has_same_content(source: Path, copy: Path) -> bool:
    """Whether `copy` is a byte copy of the closed DuckDB file `source`.

    The headers hold the file's identity and its number of checkpoints, so two closed files with the
    same headers and the same size are equal everywhere.
    """
    if not copy.exists() or source.stat().st_size != copy.stat().st_size:
        return False
    with source.open("rb") as source_file, copy.open("rb") as copy_file:
        return source_file.read(HEADER_BYTES) == copy_file.read(HEADER_BYTES)
