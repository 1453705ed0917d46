"""A process that may die at any step, the disk it leaves behind, and a clock that only work moves."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Any, cast

import duckdb

from channels_assets.extract.page_file import PageFile


class Killed(BaseException):
    """The process is gone: no handler of it may do anything that outlives it."""


@dataclass
class Clock:
    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Life:
    """One process. It dies at its `at`-th step of this kind; afterwards every step raises."""

    kind: str = ""
    at: int = 0
    dead: bool = False

    def step(self, kind: str) -> None:
        if kind == self.kind and not self.dead:
            self.at -= 1
            self.dead = self.at == 0
        if self.dead:
            raise Killed


class Stop(threading.Event):
    """What `pull` waits on: waiting moves the clock."""

    def __init__(self, clock: Clock, life: Life) -> None:
        super().__init__()
        self._clock, self._life = clock, life

    def wait(self, timeout: float | None = None) -> bool:
        self._life.step("sleep")
        self._clock.now += timeout or 0.0
        return False


@dataclass
class Disk:
    """The folder of staged pages."""

    folder: Path
    clock: Clock
    rng: Random
    life: Life = field(default_factory=Life)
    last_path: Path = Path()
    opened: list[IO[bytes]] = field(default_factory=list)

    def process_died(self) -> None:
        for file in self.opened:
            file.close()
        self.opened.clear()

    def machine_went_off(self) -> None:
        """What was not synced may be cut off, empty, or not what was written."""
        for path in sorted(self.folder.glob("*.pages")):
            data = bytearray(path.read_bytes())
            if not data:
                continue
            start = self.rng.randrange(len(data))
            kind = self.rng.choice(["cut", "zeros", "stale", "stale"])
            if kind == "cut":
                del data[start:]
            elif kind == "zeros":
                data[start:] = bytes(len(data) - start)
            else:
                for place in self.rng.sample(digits := _digits_in_pages(data), min(3, len(digits))):
                    data[place] = self.rng.choice(b"123456789")
            path.write_bytes(data)
            os.utime(path, (self.clock.now, self.clock.now))


def _digits_in_pages(data: bytearray) -> list[int]:
    """Where pages, not the lines before them, have digits: changed, they are still JSON."""
    found: list[int] = []
    at = data.find(b"\n") + 1
    while (end := data.find(b"\n", at)) > 0:
        length = int(data[at:end].split()[0])
        page = range(end + 1, min(end + 1 + length, len(data)))
        found += [place for place in page if chr(data[place]).isdecimal()]
        at = end + 1 + length + 1
    return found


class CrashFile:
    """A file whose writes reach the disk in whole, in part or not at all when the process dies."""

    def __init__(self, raw: IO[bytes], disk: Disk) -> None:
        self._raw, self._disk = raw, disk
        self._path = Path(raw.name)
        self._buffer = b""
        disk.opened.append(raw)
        disk.last_path = self._path

    def write(self, data: bytes) -> int:
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        data, self._buffer = self._buffer, b""
        if not data:
            return
        disk = self._disk
        try:
            disk.life.step("write")
        except Killed:
            self._put(data[: disk.rng.randrange(len(data))])
            raise
        self._put(data)
        disk.life.step("written")

    def _put(self, data: bytes) -> None:
        if self._raw.closed:
            return
        self._raw.write(data)
        self._raw.flush()
        os.utime(self._path, (self._disk.clock.now, self._disk.clock.now))

    def truncate(self, size: int) -> int:
        self.flush()
        self._disk.life.step("truncate")
        self._raw.truncate(size)
        self._disk.life.step("truncated")
        return size

    def seek(self, offset: int) -> int:
        self.flush()
        return self._raw.seek(offset)

    def read(self, size: int) -> bytes:
        return self._raw.read(size)

    def readline(self) -> bytes:
        return self._raw.readline()

    def tell(self) -> int:
        return self._raw.tell()

    def close(self) -> None:
        try:
            if not self._disk.life.dead:
                self.flush()
        finally:
            self._raw.close()


def crashing_pages(disk: Disk) -> type[PageFile]:
    class CrashingPages(PageFile):
        def _open_locked(self) -> IO[bytes]:
            return cast("IO[bytes]", CrashFile(super()._open_locked(), disk))

        def __iter__(self) -> Iterator[bytes]:
            for page in super().__iter__():
                disk.life.step("page")
                yield page

        def discard(self) -> None:
            disk.life.step("discard")
            super().discard()
            disk.life.step("discarded")

    return CrashingPages


class Database:
    """The warehouse, in memory. A process is a connection: when it dies, the connection is closed.

    DuckDB then rolls back what was not committed and forgets temporary tables, as after a crash.
    """

    def __init__(self, base: duckdb.DuckDBPyConnection) -> None:
        self._base = base
        self._session = base.cursor()
        self._macros: set[str] = set()
        self.life = Life()

    def execute(
        self,
        query: duckdb.Statement | str,
        values: Mapping[str, object] | Iterable[object] | None = None,
    ) -> duckdb.DuckDBPyConnection:
        text = query if isinstance(query, str) else query.query
        if "TEMP MACRO" in text:
            # A fifth of a load's time, for what this connection has already.
            if text in self._macros:
                return self._session
            self._macros.add(text)
        self.life.step("sql")
        result = self._session.execute(query, values)
        self.life.step("sql_done")
        return result

    def extract_statements(self, query: str) -> list[duckdb.Statement]:
        return self._session.extract_statements(query)

    def look(self, query: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Reads from outside, as nobody that can die."""
        return self._session.execute(query, list(values)).fetchall()

    def process_died(self) -> None:
        self._session.close()
        self._session = self._base.cursor()
        self._macros.clear()

    def as_connection(self) -> duckdb.DuckDBPyConnection:
        return cast("duckdb.DuckDBPyConnection", self)
