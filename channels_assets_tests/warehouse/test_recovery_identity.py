"""Which file is newer, and whether both are ours: no row of the history is ever lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import FileStore, WarehouseError, get_meta, recovery
from channels_assets.warehouse.schema import LOADS_WRITTEN, WAREHOUSE_ID
from channels_assets_tests.warehouse.damage import contents, kill_writer, put
from channels_assets_tests.warehouse.opening import files_only

pytestmark = files_only


def test_an_older_writers_file_is_never_published(folder: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copyfile(folder / "warehouse.duckdb", backup)
    warehouse = FileStore(folder)
    put(warehouse, 1)
    warehouse.publish()
    shutil.copyfile(backup, folder / "warehouse.duckdb")
    before = contents(folder)
    for another in (warehouse, FileStore(folder)):
        with pytest.raises(
            WarehouseError, match=r"older than channels\.duckdb: 2 loads instead of 3"
        ):
            another.publish()
        # Not after some more loads either.
        with pytest.raises(WarehouseError, match="older than"):
            put(another, 1)
    assert contents(folder) == before


def test_the_files_of_two_warehouses_are_not_mixed(folder: Path, tmp_path: Path) -> None:
    other = FileStore(tmp_path / "other")
    for number in range(5):
        put(other, number)
    other.publish()
    shutil.copyfile(other.path, folder / "warehouse.duckdb")
    before = contents(folder)
    with pytest.raises(WarehouseError, match="two different warehouses"):
        FileStore(folder).publish()
    with pytest.raises(WarehouseError, match="two different warehouses"):
        put(FileStore(folder), 1)
    assert contents(folder) == before


def test_a_published_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "channels.duckdb")) as con:
        con.execute("CREATE TABLE mine AS SELECT 1")
    before = contents(tmp_path)
    with pytest.raises(WarehouseError, match=r"channels\.duckdb is no file of channels-assets"):
        FileStore(tmp_path).publish()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("published", [True, False])
def test_a_writers_file_that_is_not_ours_is_left_alone(folder: Path, published: bool) -> None:
    path = folder / "warehouse.duckdb"
    if not published:
        (folder / "channels.duckdb").unlink()
    path.unlink()
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE mine AS SELECT 1")
    before = contents(folder)
    with pytest.raises(WarehouseError, match="no file of channels-assets"):
        put(FileStore(folder), 1)
    with pytest.raises(WarehouseError, match="no file of channels-assets"):
        FileStore(folder).publish()
    assert contents(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_another_user_is_not_damaged(folder: Path) -> None:
    (folder / "warehouse.duckdb").chmod(0)
    with pytest.raises(WarehouseError, match="can't be read: Permission denied"):
        put(FileStore(folder), 1)


def test_files_of_a_version_before_identities_are_named(folder: Path) -> None:
    for name in ("warehouse.duckdb", "channels.duckdb"):
        with duckdb.connect(str(folder / name)) as con:
            con.execute("DELETE FROM meta WHERE key IN (?, ?)", [WAREHOUSE_ID, LOADS_WRITTEN])
    with pytest.raises(WarehouseError, match="before its first release"):
        put(FileStore(folder), 1)


def test_an_older_file_that_was_open_elsewhere_is_examined_once_it_is_free(folder: Path) -> None:
    path = folder / "warehouse.duckdb"
    backup = path.read_bytes()
    put(FileStore(folder), 1)
    FileStore(folder).publish()
    path.write_bytes(backup)
    script = (
        "import duckdb, sys, time; con = duckdb.connect(sys.argv[1]); print('open', flush=True);"
        "time.sleep(1)"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match=r"older than channels\.duckdb"):
            put(FileStore(folder), 2)


def test_the_number_of_loads_only_grows(folder: Path) -> None:
    warehouse = FileStore(folder)
    with warehouse.writing() as con:
        identity = get_meta(con, WAREHOUSE_ID)
        assert identity
        assert get_meta(con, LOADS_WRITTEN) == "2"
        con.execute("DELETE FROM loads")
    put(warehouse, 1)
    with warehouse.writing() as con:
        assert get_meta(con, LOADS_WRITTEN) == "3"
        assert get_meta(con, WAREHOUSE_ID) == identity


def test_files_as_another_process_of_ours_left_them_are_not_examined(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process of a run would spend a quarter of a second on each of its turns."""
    examined: list[Path] = []
    examine = recovery.examine

    def counted(path: Path, **more: bool) -> object:
        examined.append(path)
        return examine(path, **more)

    monkeypatch.setattr(recovery, "examine", counted)
    one, other = FileStore(folder), FileStore(folder)
    for warehouse in (one, other, one):
        put(warehouse, 1)
        warehouse.publish()
    assert not examined
    kill_writer(folder)
    put(other, 2)
    assert examined
