"""What every store of the tables can do: the files in one folder, or a lake for many machines."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Protocol

import duckdb

from channels_assets.warehouse.file_store import FileStore
from channels_assets.warehouse.lake import Lake, LakeStore


class Store(Protocol):
    """The tables of tables.py in one place. Any number of threads and processes may use it.

    `data_dir` is what read.connect() takes; `location` tells people where they can read.
    """

    @property
    def data_dir(self) -> Path: ...

    @property
    def location(self) -> str: ...

    def writing(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Take the writers' lock; gives a connection in auto-commit to load with. Keep it short."""
        ...

    def publish(self) -> None:
        """At the end of a run: make all that was loaded readable, and do the maintenance that is due."""
        ...

    def publish_if_due(self) -> bool:
        """In the middle of a run: publish() unless the last time is recent. Returns whether it did."""
        ...

    def is_readable(self) -> bool:
        """Whether connect() finds tables."""
        ...


def open_store(data_dir: Path, publish_every: float, lake: Lake | None) -> Store:
    """The lake if there is one, else the files in `data_dir`, which share one engine in a process."""
    if lake is not None:
        return LakeStore(data_dir, lake)
    (data_dir / Lake.MARKER).unlink(missing_ok=True)
    return _file_store(data_dir.absolute(), publish_every)


_file_store = cache(FileStore)
