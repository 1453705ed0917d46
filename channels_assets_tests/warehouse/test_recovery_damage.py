"""A damaged or missing file: it is restored from the other one, or nothing is changed."""

from __future__ import annotations

import logging
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import FileStore, WarehouseError, recovery
from channels_assets_tests.warehouse.damage import (
    DAMAGES,
    HISTORY,
    contents,
    cut_off_after,
    last_bytes_gone,
    missing,
    move_behind_symlink,
    newer_duckdb,
    put,
    read,
    text,
)
from channels_assets_tests.warehouse.opening import files_only

pytestmark = files_only


@pytest.mark.parametrize("harm", [missing, *DAMAGES], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("with_wal", [False, True], ids=["", "wal"])
def test_the_writers_file_is_restored_from_the_published_one(
    folder: Path, harm: Callable[[Path], None], with_wal: bool, caplog: pytest.LogCaptureFixture
) -> None:
    before, path = read(folder, HISTORY), folder / "warehouse.duckdb"
    assert len(before) == 4000
    harm(path)
    harmed = path.read_bytes() if path.exists() else None
    if with_wal:
        (folder / "warehouse.duckdb.wal").write_bytes(b"of a process that was killed")
    warehouse = FileStore(folder)
    put(warehouse, *range(1000, 4001))
    warehouse.publish()
    after = read(folder, HISTORY)
    assert set(before) <= set(after)
    assert len(after) == 4001
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "restored from channels.duckdb" in record.getMessage()
    assert "\n" not in record.getMessage()
    kept = folder / "warehouse.duckdb.set-aside-1"
    assert (kept.read_bytes() if kept.exists() else None) == harmed
    if kept.exists():
        assert kept.name in record.getMessage()


def test_a_running_process_notices_it_as_well(folder: Path) -> None:
    warehouse = FileStore(folder)
    put(warehouse, *range(1000, 4000))
    before = read(folder, HISTORY)
    warehouse.path.unlink()
    put(warehouse, *range(1000, 4000))
    warehouse.publish()
    assert read(folder, HISTORY) == before


@pytest.mark.parametrize("harm", DAMAGES, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("other", [missing, text], ids=["no_copy", "damaged_copy"])
def test_nothing_is_overwritten_where_there_is_no_way_back(
    folder: Path, harm: Callable[[Path], None], other: Callable[[Path], None]
) -> None:
    harm(folder / "warehouse.duckdb")
    other(folder / "channels.duckdb")
    before = contents(folder)
    for _ in range(2):
        with pytest.raises(WarehouseError, match=r"damaged.*Nothing was changed.*backup"):
            put(FileStore(folder), 1)
        with pytest.raises(WarehouseError, match="damaged"):
            FileStore(folder).publish()
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_a_file_of_a_newer_duckdb_is_left_alone(folder: Path, name: str) -> None:
    newer_duckdb(folder / name)
    before = contents(folder)
    with pytest.raises(
        WarehouseError, match=rf"{name} was written by another version of DuckDB.*upgrade"
    ):
        put(FileStore(folder), 1)
    with pytest.raises(WarehouseError, match="another version of DuckDB"):
        FileStore(folder).publish()
    assert contents(folder) == before


@pytest.mark.parametrize("harm", DAMAGES, ids=lambda harm: harm.__name__)
def test_a_damaged_published_file_is_made_anew_and_kept(
    folder: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = read(folder, HISTORY)
    harm(folder / "channels.duckdb")
    harmed = (folder / "channels.duckdb").read_bytes()
    FileStore(folder).publish()
    assert read(folder, HISTORY) == before
    assert (folder / "channels.duckdb.set-aside-1").read_bytes() == harmed
    assert "made anew from warehouse.duckdb" in caplog.text


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_a_damaged_file_behind_a_symlink_is_mended_where_it_is(
    folder: Path, tmp_path: Path, name: str
) -> None:
    before = read(folder, HISTORY)
    real = move_behind_symlink(folder / name, tmp_path / "disk")
    real.chmod(0o640)
    last_bytes_gone(real)
    harmed = real.read_bytes()
    FileStore(folder).publish()
    assert (folder / name).resolve() == real
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert read(folder, HISTORY) == before
    assert (real.parent / f"{real.name}.set-aside-1").read_bytes() == harmed


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_a_link_to_a_disk_that_is_not_there(folder: Path, tmp_path: Path, name: str) -> None:
    real = move_behind_symlink(folder / name, tmp_path / "disk")
    real.parent.rename(tmp_path / "unmounted")
    (
        folder / "channels.duckdb" if name == "warehouse.duckdb" else folder / "warehouse.duckdb"
    ).unlink()
    with pytest.raises(WarehouseError, match="disk mounted"):
        put(FileStore(folder), 1)
    assert {path.name for path in folder.iterdir()} == {name, "warehouse.lock"}


def test_without_room_for_the_restored_file_the_damaged_one_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cut_off_after(0.3)(folder / "warehouse.duckdb")
    before = contents(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space"):
            put(FileStore(folder), 1)
    assert contents(folder) == before
    put(FileStore(folder), 1)
    assert "kept as" in caplog.text


def test_tables_of_others_in_a_published_file_with_room_at_its_end(folder: Path) -> None:
    """Free blocks at the end may be missing in a whole file: then its tables' blocks are looked at."""
    with duckdb.connect(str(folder / "channels.duckdb")) as con:
        con.execute('CREATE SCHEMA "x.y"')
        con.execute('CREATE TABLE "x.y"."a.""b" AS SELECT 1')
        con.execute('CREATE TABLE "it\'s" AS SELECT 1')
    with duckdb.connect(config={"python_enable_replacements": False}) as con:
        con.execute(f"ATTACH '{folder}/channels.duckdb' AS file (READ_ONLY)")
        con.execute("USE file")
        last_block_gone = (folder / "channels.duckdb").stat().st_size - 1
        with pytest.raises(duckdb.IOException, match="cut off"):
            recovery._require_whole(con, 5 * 4096)
        with suppress(duckdb.IOException):
            recovery._require_whole(con, last_block_gone)
