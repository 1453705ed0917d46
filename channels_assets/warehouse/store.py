"""What every warehouse can do, whatever holds its tables."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Protocol

import duckdb

from channels_assets.warehouse.duckdb_files import Warehouse
from channels_assets.warehouse.lake.lake import Lake, LakeWarehouse


class Store(Protocol):
    """The tables of tables.py in one place. Any number of threads and processes may use it.

    `data_dir` is what read.connect() takes, `shown` tells people where they read.
    """

    @property
    def data_dir(self) -> Path: ...

    @property
    def shown(self) -> str: ...

    def writing(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Wait for one's turn, then a connection in auto-commit to load with. Keep it short."""
        ...

    def publish(self) -> None:
        """At the end of a run: let readers see all of it, and keep the warehouse in shape."""
        ...

    def publish_if_due(self) -> bool:
        """In the middle of a run, as publish(); returns whether there was something to do."""
        ...

    def is_readable(self) -> bool:
        """Whether connect() finds tables."""
        ...


def open_warehouse(data_dir: Path, publish_every: float, lake: Lake | None) -> Store:
    """The lake if there is one, else the DuckDB files in `data_dir`, which share one engine a process."""
    if lake is not None:
        return LakeWarehouse(data_dir, lake)
    (data_dir / Lake.MARKER).unlink(missing_ok=True)
    return _files(data_dir.absolute(), publish_every)


_files = cache(Warehouse)
