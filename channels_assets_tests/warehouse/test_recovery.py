"""The writers' file is missing or damaged, or the published one is not what it was: no row of history
is lost, and one line says what happened or what to do."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import Warehouse, WarehouseError, connect, get_meta, load_window
from channels_assets.warehouse.schema import LOADS_WRITTEN, WAREHOUSE_ID
from channels_assets_tests.warehouse.making import ids, load
from channels_assets_tests.warehouse.opening import files_only

pytestmark = files_only
HISTORY = "SELECT product_id, valid_from, valid_to FROM window_products_history ORDER BY ALL"


def put(warehouse: Warehouse, *product_ids: object) -> None:
    with warehouse.writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids(*product_ids), load=load())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published warehouse with a history, as another process left it."""
    warehouse = Warehouse(tmp_path / "data")
    put(warehouse, *range(3000))
    put(warehouse, *range(1000, 4000))
    warehouse.publish()
    return warehouse.data_dir


def read(folder: Path, query: str) -> list[tuple[object, ...]]:
    with connect(folder) as con:
        return con.execute(query).fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def missing(path: Path) -> None:
    path.unlink()


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("see the other disk\n")


def noise(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE a (b)")


def cut_off_after(share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        os.truncate(path, int(path.stat().st_size * share))

    cut.__name__ = f"cut_off_after_{share}"
    return cut


def last_bytes_gone(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def header_overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\0" * 8192)


def newer_duckdb(path: Path) -> None:
    """A later version number, with the checksum that belongs to it."""
    with path.open("r+b") as file:
        file.seek(12)
        file.write((999).to_bytes(8, "little"))
    with duckdb.connect() as con, suppress(duckdb.Error):
        try:
            con.execute(f"ATTACH '{path}' AS x (READ_ONLY)")
        except duckdb.Error as error:
            if found := re.search(r"computed checksum (\d+)", str(error)):
                with path.open("r+b") as file:
                    file.write(int(found[1]).to_bytes(8, "little"))


DAMAGES = [
    zero_bytes,
    text,
    noise,
    another_database,
    *map(cut_off_after, (0.001, 0.3, 0.7)),
    last_bytes_gone,
    header_overwritten,
]


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
    warehouse = Warehouse(folder)
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
    warehouse = Warehouse(folder)
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
            put(Warehouse(folder), 1)
        with pytest.raises(WarehouseError, match="damaged"):
            Warehouse(folder).publish()
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_a_file_of_a_newer_duckdb_is_left_alone(folder: Path, name: str) -> None:
    newer_duckdb(folder / name)
    before = contents(folder)
    with pytest.raises(
        WarehouseError, match=rf"{name} was written by another version of DuckDB.*upgrade"
    ):
        put(Warehouse(folder), 1)
    with pytest.raises(WarehouseError, match="another version of DuckDB"):
        Warehouse(folder).publish()
    assert contents(folder) == before


@pytest.mark.parametrize("harm", DAMAGES, ids=lambda harm: harm.__name__)
def test_a_damaged_published_file_is_made_anew_and_kept(
    folder: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = read(folder, HISTORY)
    harm(folder / "channels.duckdb")
    harmed = (folder / "channels.duckdb").read_bytes()
    Warehouse(folder).publish()
    assert read(folder, HISTORY) == before
    assert (folder / "channels.duckdb.set-aside-1").read_bytes() == harmed
    assert "made anew from warehouse.duckdb" in caplog.text


def test_an_older_writers_file_is_never_published(folder: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copyfile(folder / "warehouse.duckdb", backup)
    warehouse = Warehouse(folder)
    put(warehouse, 1)
    warehouse.publish()
    shutil.copyfile(backup, folder / "warehouse.duckdb")
    before = contents(folder)
    for another in (warehouse, Warehouse(folder)):
        with pytest.raises(
            WarehouseError, match=r"older than channels\.duckdb: 2 loads instead of 3"
        ):
            another.publish()
        # Not after some more loads either.
        with pytest.raises(WarehouseError, match="older than"):
            put(another, 1)
    assert contents(folder) == before


def test_the_files_of_two_warehouses_are_not_mixed(folder: Path, tmp_path: Path) -> None:
    other = Warehouse(tmp_path / "other")
    for number in range(5):
        put(other, number)
    other.publish()
    shutil.copyfile(other.path, folder / "warehouse.duckdb")
    before = contents(folder)
    with pytest.raises(WarehouseError, match="two different warehouses"):
        Warehouse(folder).publish()
    with pytest.raises(WarehouseError, match="two different warehouses"):
        put(Warehouse(folder), 1)
    assert contents(folder) == before


def test_a_published_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "channels.duckdb")) as con:
        con.execute("CREATE TABLE mine AS SELECT 1")
    before = contents(tmp_path)
    with pytest.raises(WarehouseError, match=r"channels\.duckdb is no file of channels-assets"):
        Warehouse(tmp_path).publish()
    assert contents(tmp_path) == before | {"warehouse.lock": b""}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_another_user_is_not_damaged(folder: Path) -> None:
    (folder / "warehouse.duckdb").chmod(0)
    with pytest.raises(WarehouseError, match="can't be read: Permission denied"):
        put(Warehouse(folder), 1)


def test_a_new_warehouse_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """Killed while it makes its tables, a process leaves no file that the next one would refuse."""
    script = (
        "import os, sys, pathlib\n"
        "from channels_assets.warehouse import Warehouse, store\n"
        "store.migrate = lambda con: os.kill(os.getpid(), 9)\n"
        "Warehouse(pathlib.Path(sys.argv[1])).publish()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert not (tmp_path / "warehouse.duckdb").exists()
    Warehouse(tmp_path).publish()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"warehouse.duckdb", "warehouse.lock", "channels.duckdb"}


def write_in_it(path: Path) -> None:
    """A program opens the file for writing, makes a table, and is killed."""
    script = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1])\n"
        "con.execute('CREATE TABLE mine AS SELECT 1'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)


@pytest.mark.parametrize("link", [False, True], ids=["", "symlink"])
def test_a_wal_beside_the_published_file_is_set_aside(
    folder: Path, tmp_path: Path, link: bool, caplog: pytest.LogCaptureFixture
) -> None:
    published = folder / "channels.duckdb"
    if link:
        (tmp_path / "shared").mkdir()
        published.rename(tmp_path / "shared" / "channels.duckdb")
        published.symlink_to(tmp_path / "shared" / "channels.duckdb")
    write_in_it(published)
    assert (folder / "channels.duckdb.wal").exists() or (
        tmp_path / "shared/channels.duckdb.wal"
    ).exists()
    warehouse = Warehouse(folder)
    put(warehouse, *range(1000, 4001))
    warehouse.publish()
    assert read(folder, "SELECT count(*) FROM window_products") == [(3001,)]
    assert not list(tmp_path.rglob("channels.duckdb.wal"))
    assert "read-only" in caplog.text
    assert len(list(tmp_path.rglob("channels.duckdb.wal.set-aside"))) == 1
    # A second one takes its place.
    write_in_it(published)
    put(warehouse, 1)
    warehouse.publish()
    assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
    assert len(list(tmp_path.rglob("*set-aside*"))) == 1


def test_while_another_program_has_the_published_file_open_for_writing(folder: Path) -> None:
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]);"
        "con.execute('CREATE TABLE mine AS SELECT 1'); print('open', flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(folder / "channels.duckdb")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        warehouse = Warehouse(folder)
        put(warehouse, 1)
        warehouse.publish()
        assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
        other.kill()
    assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]


def test_a_foreign_wal_beside_the_writers_file(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup was put in the place of the file, and the .wal of the old one is still there."""
    path = folder / "warehouse.duckdb"
    backup = path.read_bytes()
    put(Warehouse(folder), 1)
    write_in_it(path)
    assert path.with_name("warehouse.duckdb.wal").exists()
    path.write_bytes(backup)
    warehouse = Warehouse(folder)
    put(warehouse, 2)
    warehouse.publish()
    assert read(folder, "SELECT product_id FROM window_products") == [("2",)]
    assert read(folder, "SELECT count(*) FROM window_products_history") != [(0,)]
    assert "warehouse.duckdb.wal" in caplog.text


def test_the_published_file_keeps_its_mode_and_its_symlink(folder: Path, tmp_path: Path) -> None:
    published, shared = folder / "channels.duckdb", tmp_path / "elsewhere" / "data.duckdb"
    shared.parent.mkdir()
    published.rename(shared)
    published.symlink_to(shared)
    shared.chmod(0o640)
    group = next((one for one in os.getgroups() if one != os.getegid()), os.getegid())
    if os.geteuid() == 0:
        group = 12345
    os.chown(shared, -1, group)
    warehouse = Warehouse(folder)
    put(warehouse, 1)
    warehouse.publish()
    assert published.is_symlink()
    assert shared.exists()
    assert stat.S_IMODE(shared.stat().st_mode) == 0o640
    assert shared.stat().st_gid == group
    assert read(folder, "SELECT product_id FROM window_products") == [("1",)]
    assert not list(tmp_path.rglob("*.tmp"))


def test_lock_files_and_copies_follow_no_symlink(tmp_path: Path) -> None:
    folder, target = tmp_path / "data", tmp_path / "target"
    folder.mkdir()
    (folder / "warehouse.lock").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        Warehouse(folder).publish()
    assert not target.exists()


def test_the_number_of_loads_only_grows(folder: Path) -> None:
    warehouse = Warehouse(folder)
    with warehouse.writing() as con:
        identity = get_meta(con, WAREHOUSE_ID)
        assert identity
        assert get_meta(con, LOADS_WRITTEN) == "2"
        con.execute("DELETE FROM loads")
    put(warehouse, 1)
    with warehouse.writing() as con:
        assert get_meta(con, LOADS_WRITTEN) == "3"
        assert get_meta(con, WAREHOUSE_ID) == identity
