"""Examine and repair the two files of a FileStore: each can be restored from the other.

Only for the holder of the writers' lock, except for functions that change nothing. A file that may
hold rows is never overwritten: a damaged one is renamed, and where a person must decide,
WarehouseError says what to do.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from channels_assets.files import free_name_aside, replace_file, temporary_beside
from channels_assets.warehouse.connection import in_memory, is_in_use, quoted, scalar
from channels_assets.warehouse.errors import DamagedFile, StorageError, WarehouseError
from channels_assets.warehouse.machine_faults import (
    in_use_elsewhere,
    machine_error_of,
    open_error,
)
from channels_assets.warehouse.schema import LOADS_WRITTEN, WAREHOUSE_ID

HEADER_BYTES = 3 * 4096
"""The headers at the beginning of a DuckDB file; its blocks follow."""
_BOTH_DAMAGED = (
    "Nothing was changed. Put a backup of one of the two files in its place; or move both away to "
    "begin anew, without the history"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WarehouseFile:
    """What table `meta` of a whole file says; `warehouse_id` is empty where the file is not ours.

    `has_foreign_wal`: the file can be read only without the .wal beside it.
    """

    warehouse_id: str
    loads_written: int
    has_foreign_wal: bool = False


@dataclass(frozen=True)
class RepairPlan:
    """What a writer must do before it opens the writers' file.

    create: neither file exists · restore: the writers' file is missing or damaged · republish: the
    published file is damaged · clear_wal: the writers' file is whole without the .wal beside it ·
    none: both files are whole. `reason` is for people.
    """

    action: Literal["none", "create", "restore", "republish", "clear_wal"]
    reason: str = ""


def plan_repair(path: Path, published: Path) -> RepairPlan:
    """What the writers' file `path` and the published file need; changes nothing.

    Raises FileInUse, or WarehouseError where a person must decide.
    """
    reason, published_damage = f"{path} is missing", ""
    try:
        written = examine(path)
    except DamagedFile as error:
        written, reason = None, str(error)
    try:
        copy = examine(published, copy_if_in_use=True)
    except DamagedFile as error:
        if written is None:
            raise DamagedFile(f"{reason}, and {error}. {_BOTH_DAMAGED}", path) from None
        copy, published_damage = None, str(error)
    if written is not None:
        _require_same_warehouse(path, written, published, copy)
        if written.has_foreign_wal:
            return RepairPlan("clear_wal", f"{wal_path(path)} can't be read with {path.name}")
        if published_damage:
            return RepairPlan("republish", published_damage)
        return RepairPlan("none")
    if copy is None:
        if path.exists():
            raise DamagedFile(f"{reason}, and there is no {published.name}. {_BOTH_DAMAGED}", path)
        return RepairPlan("create")
    if not copy.warehouse_id:
        raise StorageError(
            f"{reason}, and {published} is no file of channels-assets: move it away to begin anew",
            published,
        )
    return RepairPlan("restore", reason)


def repair(path: Path, published: Path) -> RepairPlan:
    """Carry out what plan_repair() returns, except `create`, and return it. Raises WarehouseError."""
    plan = plan_repair(path, published)
    if plan.action == "restore":
        old, wal = free_name_aside(path), wal_path(path)
        with replace_file(path, old) as new:
            shutil.copyfile(published, new)
            if wal.exists():
                wal.rename(free_name_aside(wal))
        _log.warning(
            "%s: it was restored from %s, with everything that was published.%s",
            plan.reason,
            published.name,
            f" What was there is kept as {old}." if old.exists() else "",
        )
    elif plan.action == "republish":
        old = free_name_aside(published)
        with replace_file(published, old) as new:
            shutil.copyfile(path, new)
        _log.warning("%s: it is made anew from %s. It is kept as %s.", plan.reason, path.name, old)
    elif plan.action == "clear_wal":
        wal = wal_path(path)
        aside = wal.rename(free_name_aside(wal))
        _log.warning("%s: it is kept as %s.", plan.reason, aside)
        # The published file may be damaged as well.
        repair(path, published)
    return plan


def set_aside_published_wal(published: Path) -> None:
    """Rename the .wal of a program that had the published file open for writing.

    It belongs to the published file as it was; DuckDB could not open the next one beside it.
    """
    for wal in {wal_path(published), published.with_name(f"{published.name}.wal")}:
        if wal.exists():
            aside = wal.rename(free_name_aside(wal))
            _log.warning(
                "Another program had %s open for writing. What it wrote there is not in the new file; it is "
                "kept as %s, which may be deleted. Keep tables of your own in another file, and open "
                "this one read-only: duckdb -readonly.",
                published,
                aside.name,
            )


def may_contain_warehouse(folder: Path, warehouse_id: str) -> bool:
    """Whether the folder has a warehouse of this identity, or one that can't be examined now."""
    # The published file first: no process of ours keeps it open for writing.
    for name in ("channels.duckdb", "warehouse.duckdb"):
        try:
            file = examine(folder / name, copy_if_in_use=True)
        except WarehouseError:
            return True
        if file is not None:
            return file.warehouse_id in (warehouse_id, "")
    return False


def wal_path(path: Path) -> Path:
    """Where DuckDB keeps the write-ahead log of a file: beside the file behind a symlink."""
    real = path.resolve()
    return real.with_name(f"{real.name}.wal")


def examine(path: Path, *, copy_if_in_use: bool = False) -> WarehouseFile | None:
    """What is in the file, None where there is no file; changes nothing.

    Raises DamagedFile, FileInUse (unless `copy_if_in_use`: then a copy is examined), or
    WarehouseError where the file can't be read, or is of a newer DuckDB.
    """
    if path.is_symlink() and not path.resolve().parent.exists():
        raise StorageError(
            f"{path} is a link to {path.resolve()}, whose folder is not there: is its disk mounted? "
            "其所指的目录不存在：磁盘是否已挂载？",
            path,
        )
    for file in (wal_path(path), path):
        try:
            with file.open("rb"):
                exists = True
        except FileNotFoundError:
            exists = False
        except OSError as error:
            raise StorageError(str(machine_error_of(error) or error), file) from None
    if not exists:
        return None
    try:
        return _read(path)
    except duckdb.Error as error:
        in_use = is_in_use(error)
        if in_use and not copy_if_in_use:
            raise in_use_elsewhere(path, error) from None
        if not in_use and not wal_path(path).exists():
            raise open_error(path, error) from None
    # A copy has no .wal beside it.
    with temporary_beside(path.resolve()) as copy:
        shutil.copyfile(path, copy)
        try:
            facts = _read(copy)
        except duckdb.Error as error:
            raise open_error(path, error) from None
    return WarehouseFile(facts.warehouse_id, facts.loads_written, has_foreign_wal=True)


def _read(path: Path) -> WarehouseFile:
    # Without replace_file scans, DuckDB can't take a missing table's name for a Python variable.
    with closing(in_memory({"python_enable_replacements": False})) as con:
        con.execute(f"ATTACH {quoted(str(path))} AS file (TYPE duckdb, READ_ONLY)")
        con.execute("USE file")
        _require_whole(con, path.stat().st_size)
        try:
            meta = dict(con.execute("SELECT key, value FROM file.meta").fetchall())
        except duckdb.CatalogException:
            meta = {}
    return WarehouseFile(meta.get(WAREHOUSE_ID, ""), int(meta.get(LOADS_WRITTEN, 0)))


def _require_whole(con: duckdb.DuckDBPyConnection, size: int) -> None:
    """Raises duckdb.IOException when the file in use is shorter than its own number of blocks.

    DuckDB itself notices that only when it reads the rows that are missing.
    """
    [(blocks, block_size)] = con.execute(
        "SELECT total_blocks, block_size FROM pragma_database_size() WHERE database_name = 'file'"
    ).fetchall()
    if size >= HEADER_BYTES + blocks * block_size:
        return
    # Free blocks at the end may never have been written: find the last block that is in use.
    tables = con.execute(
        """
        SELECT concat('"', replace(schema_name, '"', '""'), '"."', replace(table_name, '"', '""'), '"')
        FROM duckdb_tables() WHERE database_name = 'file'
        """
    )
    blocks_in_use = ["SELECT max(block_id) AS block FROM pragma_metadata_info()"]
    of_table = (
        "SELECT max(greatest(block_id, list_max(additional_block_ids))) FROM pragma_storage_info"
    )
    blocks_in_use += [f"{of_table}({quoted(name)})" for (name,) in tables.fetchall()]
    last = f"SELECT coalesce(max(block), -1) FROM ({' UNION ALL '.join(blocks_in_use)})"  # noqa: S608
    if size < HEADER_BYTES + (scalar(con, last) + 1) * block_size:
        raise duckdb.IOException("Could not read enough bytes: the file is cut off")


def _require_same_warehouse(
    path: Path, written: WarehouseFile, published: Path, copy: WarehouseFile | None
) -> None:
    """Raises WarehouseError unless the writers' file is ours, and not older than the published one."""
    if not written.warehouse_id:
        raise StorageError(
            f"{path} is no file of channels-assets, or of a version before its first release: move it "
            f"away{f' (then it is restored from {published.name})' if copy else ''}",
            path,
        )
    if copy is None:
        return
    if written.warehouse_id != copy.warehouse_id:
        raise StorageError(
            f"{path.name} and {published.name} in {path.parent} are of two different warehouses: "
            f"move one of them away. Without {path.name}, it is restored from {published.name}; "
            f"without {published.name}, that is made anew",
            path,
        )
    if written.loads_written < copy.loads_written:
        raise StorageError(
            f"{path} is older than {published.name}: {written.loads_written:,} loads instead of "
            f"{copy.loads_written:,}. Move {path.name} away to go on from {published.name}; or "
            f"move {published.name} away to go back to the older state",
            path,
        )
