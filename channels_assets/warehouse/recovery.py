"""Whether the two files of a warehouse are whole; the writers' file is restored from the published one.

For the process that holds the warehouse's lock. No file that may hold rows is ever overwritten: a
damaged one is renamed, and where a person must decide, WarehouseError says what to do.
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
from channels_assets.warehouse.connection import count, in_memory
from channels_assets.warehouse.errors import DamagedFile, FileInUse, WarehouseError
from channels_assets.warehouse.lake.extensions import quoted
from channels_assets.warehouse.schema import LOADS_WRITTEN, WAREHOUSE_ID

_HEADERS_BYTES = 3 * 4096
_SIGNS_OF_DAMAGE = (
    "not a valid DuckDB database file",
    "Could not read enough bytes",
    "Corrupt",
    "checksum",
    "Serialization Error",
    "INTERNAL Error",
)
_NO_WAY_BACK = (
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
class Condition:
    """What a writer finds, and what it must do before it opens the writers' file.

    create: neither file is there · restore: the writers' file is missing or damaged · republish: the
    published file is damaged · clear_wal: the writers' file is whole without the .wal beside it ·
    none: all is well. `why` says it in words.
    """

    action: Literal["none", "create", "restore", "republish", "clear_wal"]
    why: str = ""


def condition(path: Path, published: Path) -> Condition:
    """The condition of the writers' file `path` and of the published one; changes nothing.

    Raises FileInUse, or WarehouseError where a person must decide.
    """
    why, unreadable = f"{path} is missing", ""
    try:
        written = examine(path)
    except DamagedFile as error:
        written, why = None, str(error)
    try:
        copy = examine(published, in_use=True)
    except DamagedFile as error:
        if written is None:
            raise WarehouseError(f"{why}, and {error}. {_NO_WAY_BACK}") from None
        copy, unreadable = None, str(error)
    if written is not None:
        _refuse_other(path, written, published, copy)
        if written.has_foreign_wal:
            return Condition("clear_wal", f"{wal_of(path)} can't be read with {path.name}")
        return Condition("republish", unreadable) if unreadable else Condition("none")
    if copy is None:
        if path.exists():
            raise WarehouseError(f"{why}, and there is no {published.name}. {_NO_WAY_BACK}")
        return Condition("create")
    if not copy.warehouse_id:
        raise WarehouseError(
            f"{why}, and {published} is no file of channels-assets: move it away to begin anew"
        )
    return Condition("restore", why)


def bring_into_order(path: Path, published: Path) -> Condition:
    """Does what `condition` says, but for `create`; gives what it found. Raises WarehouseError."""
    found = condition(path, published)
    if found.action == "restore":
        old, wal = free_name_aside(path), wal_of(path)
        with replace_file(path, old) as new:
            shutil.copyfile(published, new)
            if wal.exists():
                wal.rename(free_name_aside(wal))
        _log.warning(
            "%s: it was restored from %s, with everything that was published.%s",
            found.why,
            published.name,
            f" What was there is kept as {old}." if old.exists() else "",
        )
    elif found.action == "republish":
        old = free_name_aside(published)
        with replace_file(published, old) as new:
            shutil.copyfile(path, new)
        _log.warning("%s: it is made anew from %s. It is kept as %s.", found.why, path.name, old)
    elif found.action == "clear_wal":
        wal = wal_of(path)
        aside = wal.rename(free_name_aside(wal))
        _log.warning("%s: it is kept as %s.", found.why, aside)
        # The published file may be damaged as well.
        bring_into_order(path, published)
    return found


def clear_published_wal(published: Path) -> None:
    """Sets aside the .wal of a program that had the published file open for writing.

    It belongs to the file as it was; beside the next one, DuckDB could open neither.
    """
    for wal in {wal_of(published), published.with_name(f"{published.name}.wal")}:
        if wal.exists():
            aside = wal.rename(free_name_aside(wal))
            _log.warning(
                "Another program had %s open for writing. What it wrote there is not in the new file; it is "
                "kept as %s, which may be deleted. Keep tables of your own in another file, and open "
                "this one read-only: duckdb -readonly.",
                published,
                aside.name,
            )


def is_in_use(error: duckdb.Error) -> bool:
    """Whether a file can't be opened since another program has it open for writing."""
    return "Could not set lock" in str(error)


def in_use_elsewhere(path: Path) -> FileInUse:
    """What to raise when another program has the writers' file open."""
    return FileInUse(
        f"{path} is open in another program: close it there, and read channels.duckdb beside it instead"
    )


def wal_of(path: Path) -> Path:
    """Where DuckDB keeps what is not yet in the file itself: beside the file behind a symlink."""
    real = path.resolve()
    return real.with_name(f"{real.name}.wal")


def examine(path: Path, *, in_use: bool = False) -> WarehouseFile | None:
    """What is in the file, None where there is no file; changes nothing.

    Raises DamagedFile, FileInUse (unless `in_use`: then a copy is examined), or WarehouseError where
    the file can't be read, or is of a newer DuckDB.
    """
    if path.is_symlink() and not path.resolve().parent.exists():
        raise WarehouseError(
            f"{path} is a link to {path.resolve()}, whose folder is not there: is its disk mounted?"
        )
    for needed in (wal_of(path), path):
        try:
            with needed.open("rb"):
                there = True
        except FileNotFoundError:
            there = False
        except OSError as error:
            raise WarehouseError(f"{needed} can't be read: {error.strerror}") from None
    if not there:
        return None
    try:
        return _examine(path)
    except duckdb.Error as error:
        held = is_in_use(error)
        if held and not in_use:
            raise in_use_elsewhere(path) from None
        if not held and not wal_of(path).exists():
            raise explained(path, error) from None
    with temporary_beside(path.resolve()) as copy:
        shutil.copyfile(path, copy)
        try:
            found = _examine(copy)
        except duckdb.Error as error:
            raise explained(path, error) from None
    return WarehouseFile(found.warehouse_id, found.loads_written, has_foreign_wal=True)


def _examine(path: Path) -> WarehouseFile:
    # A table that is not there must not be taken for a variable of this function.
    with closing(in_memory({"python_enable_replacements": False})) as con:
        con.execute(f"ATTACH {quoted(str(path))} AS file (TYPE duckdb, READ_ONLY)")
        con.execute("USE file")
        _require_whole(con, path.stat().st_size)
        try:
            facts = dict(con.execute("SELECT key, value FROM file.meta").fetchall())
        except duckdb.CatalogException:
            facts = {}
    return WarehouseFile(facts.get(WAREHOUSE_ID, ""), int(facts.get(LOADS_WRITTEN, 0)))


def _require_whole(con: duckdb.DuckDBPyConnection, size: int) -> None:
    """Raises duckdb.IOException when the file in use is shorter than what it says it holds: DuckDB itself
    notices only when it comes to the rows that are missing."""
    [(blocks, block_size)] = con.execute(
        "SELECT total_blocks, block_size FROM pragma_database_size() WHERE database_name = 'file'"
    ).fetchall()
    if size >= _HEADERS_BYTES + blocks * block_size:
        return
    # Blocks at the end that are not in use may never have been written.
    tables = con.execute(
        """
        SELECT concat('"', replace(schema_name, '"', '""'), '"."', replace(table_name, '"', '""'), '"')
        FROM duckdb_tables() WHERE database_name = 'file'
        """
    )
    used = ["SELECT max(block_id) AS block FROM pragma_metadata_info()"]
    of_table = (
        "SELECT max(greatest(block_id, list_max(additional_block_ids))) FROM pragma_storage_info"
    )
    used += [f"{of_table}({quoted(name)})" for (name,) in tables.fetchall()]
    last = f"SELECT coalesce(max(block), -1) FROM ({' UNION ALL '.join(used)})"  # noqa: S608
    if size < _HEADERS_BYTES + (count(con, last) + 1) * block_size:
        raise duckdb.IOException("Could not read enough bytes: the file is cut off")


def explained(path: Path, error: duckdb.Error) -> WarehouseError:
    first = str(error).partition("\n")[0].rstrip(".")
    if any(sign in first for sign in _SIGNS_OF_DAMAGE):
        return DamagedFile(f"{path} is damaged ({first})")
    if "version number" in first or "Unsupported Storage Version" in first:
        return WarehouseError(
            f"{path} was written by another version of DuckDB than the one here, {duckdb.__version__}: "
            f"install a newer one (pip install --upgrade duckdb). Nothing was changed ({first})"
        )
    return WarehouseError(f"{path} can't be opened ({first}). Nothing was changed")


def _refuse_other(
    path: Path, written: WarehouseFile, published: Path, copy: WarehouseFile | None
) -> None:
    if not written.warehouse_id:
        raise WarehouseError(
            f"{path} is no file of channels-assets, or of a version before its first release: move it "
            f"away{f' (then it is restored from {published.name})' if copy else ''}"
        )
    if copy is None:
        return
    if written.warehouse_id != copy.warehouse_id:
        raise WarehouseError(
            f"{path.name} and {published.name} in {path.parent} are of two different warehouses: "
            f"move one of them away. Without {path.name}, it is restored from {published.name}; "
            f"without {published.name}, that is made anew"
        )
    if written.loads_written < copy.loads_written:
        raise WarehouseError(
            f"{path} is older than {published.name}: {written.loads_written:,} loads instead of "
            f"{copy.loads_written:,}. Move {path.name} away to go on from {published.name}; or "
            f"move {published.name} away to go back to the older state"
        )
