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
from click.testing import CliRunner

from channels_assets.cli.main import main
from channels_assets.warehouse import Warehouse, WarehouseError, connect, get_meta, recovery
from channels_assets.warehouse.schema import LOADS_WRITTEN, WAREHOUSE_ID
from channels_assets_tests.helpers.loading import load_window
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
    """Of all files but the lock file."""
    files = [path for path in folder.iterdir() if path.is_file() and path.suffix != ".lock"]
    return {path.name: path.read_bytes() for path in files}


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
    assert contents(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_another_user_is_not_damaged(folder: Path) -> None:
    (folder / "warehouse.duckdb").chmod(0)
    with pytest.raises(WarehouseError, match="can't be read: Permission denied"):
        put(Warehouse(folder), 1)


def test_a_new_warehouse_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """Killed while it makes its tables, a process leaves no file that the next one would refuse."""
    script = (
        "import os, sys, pathlib\n"
        "from channels_assets.warehouse import Warehouse, duckdb_files\n"
        "duckdb_files.migrate = lambda con: os.kill(os.getpid(), 9)\n"
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
    assert len(list(tmp_path.rglob("channels.duckdb.wal.set-aside-*"))) == 1
    # A second one is kept beside it.
    write_in_it(published)
    put(warehouse, 1)
    warehouse.publish()
    assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
    assert len(list(tmp_path.rglob("channels.duckdb.wal.set-aside-*"))) == 2


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


def killed_in_a_turn(folder: Path) -> None:
    """A writer commits and is killed: what it wrote is in the .wal alone."""
    script = (
        "import os, sys, pathlib\n"
        "from channels_assets.warehouse import Warehouse, set_meta\n"
        "with Warehouse(pathlib.Path(sys.argv[1])).writing() as con:\n"
        "    set_meta(con, 'origin', 'killed')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False)


def linked(path: Path, to: Path) -> Path:
    """Moves the file to another disk, with a symlink in its place."""
    to.mkdir(exist_ok=True)
    real = to / f"real-{path.name}"
    path.rename(real)
    path.symlink_to(real)
    return real


def test_the_log_of_a_killed_writer_is_published_where_its_file_is_a_symlink(
    folder: Path, tmp_path: Path
) -> None:
    linked(folder / "warehouse.duckdb", tmp_path / "disk")
    killed_in_a_turn(folder)
    Warehouse(folder).publish()
    assert read(folder, "SELECT value FROM meta WHERE key = 'origin'") == [("killed",)]


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_a_damaged_file_behind_a_symlink_is_mended_where_it_is(
    folder: Path, tmp_path: Path, name: str
) -> None:
    before = read(folder, HISTORY)
    real = linked(folder / name, tmp_path / "disk")
    real.chmod(0o640)
    last_bytes_gone(real)
    harmed = real.read_bytes()
    Warehouse(folder).publish()
    assert (folder / name).resolve() == real
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert read(folder, HISTORY) == before
    assert (real.parent / f"{real.name}.set-aside-1").read_bytes() == harmed


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_a_link_to_a_disk_that_is_not_there(folder: Path, tmp_path: Path, name: str) -> None:
    real = linked(folder / name, tmp_path / "disk")
    real.parent.rename(tmp_path / "unmounted")
    (
        folder / "channels.duckdb" if name == "warehouse.duckdb" else folder / "warehouse.duckdb"
    ).unlink()
    with pytest.raises(WarehouseError, match="disk mounted"):
        put(Warehouse(folder), 1)
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
            put(Warehouse(folder), 1)
    assert contents(folder) == before
    put(Warehouse(folder), 1)
    assert "kept as" in caplog.text


def test_a_log_that_can_not_be_read_is_not_taken_for_a_foreign_one(folder: Path) -> None:
    """It may be of another user and hold what was committed; a folder, since root may read every file."""
    (folder / "warehouse.duckdb.wal").mkdir()
    with pytest.raises(WarehouseError, match=r"duckdb\.wal can't be read"):
        put(Warehouse(folder), 1)
    assert (folder / "warehouse.duckdb.wal").is_dir()


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
        put(Warehouse(folder), 1)
    with pytest.raises(WarehouseError, match="no file of channels-assets"):
        Warehouse(folder).publish()
    assert contents(folder) == before


def test_files_of_a_version_before_identities_are_named(folder: Path) -> None:
    for name in ("warehouse.duckdb", "channels.duckdb"):
        with duckdb.connect(str(folder / name)) as con:
            con.execute("DELETE FROM meta WHERE key IN (?, ?)", [WAREHOUSE_ID, LOADS_WRITTEN])
    with pytest.raises(WarehouseError, match="before its first release"):
        put(Warehouse(folder), 1)


def test_both_a_foreign_wal_and_a_damaged_published_file(folder: Path) -> None:
    path = folder / "warehouse.duckdb"
    backup = path.read_bytes()
    put(Warehouse(folder), 1)
    write_in_it(path)
    path.write_bytes(backup)
    text(folder / "channels.duckdb")
    put(Warehouse(folder), 2)
    Warehouse(folder).publish()
    assert read(folder, "SELECT product_id FROM window_products") == [("2",)]
    kept = {file.name for file in folder.glob("*.set-aside-*")}
    assert kept == {"warehouse.duckdb.wal.set-aside-1", "channels.duckdb.set-aside-1"}


def test_an_older_file_that_was_open_elsewhere_is_examined_once_it_is_free(folder: Path) -> None:
    path = folder / "warehouse.duckdb"
    backup = path.read_bytes()
    put(Warehouse(folder), 1)
    Warehouse(folder).publish()
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
            put(Warehouse(folder), 2)


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
    one, other = Warehouse(folder), Warehouse(folder)
    for warehouse in (one, other, one):
        put(warehouse, 1)
        warehouse.publish()
    assert not examined
    killed_in_a_turn(folder)
    put(other, 2)
    assert examined


def test_readers_are_told_of_another_program_that_writes(folder: Path) -> None:
    """It opened the published file before the last publish(), or after it."""
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); input();"
        "con.execute('CREATE TABLE mine AS SELECT 1'); print('written', flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(folder / "channels.duckdb")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(WarehouseError, match="open for writing in another program"):
            connect(folder)
        put(Warehouse(folder), 1)
        Warehouse(folder).publish()
        assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
        print(file=other.stdin, flush=True)
        assert other.stdout.readline() == "written\n"
        with pytest.raises(
            WarehouseError, match=r"duckdb\.wal is of another program.*next refresh"
        ):
            connect(folder)
        Warehouse(folder).publish()
        assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
        other.kill()


def test_a_lock_file_that_can_not_be_used_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where it is of another user; a folder, since root may open every file."""
    monkeypatch.setenv("CHANNELS_DATA", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    monkeypatch.chdir(folder)
    (folder / "warehouse.lock").unlink()
    (folder / "warehouse.lock").mkdir()
    result = CliRunner().invoke(main, ["partitions"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("channels-assets: ")
    assert "warehouse.lock: Is a directory" in result.stderr


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_what_killed_processes_left_beside_a_file_behind_a_symlink_is_removed(
    folder: Path, tmp_path: Path, name: str
) -> None:
    real = linked(folder / name, tmp_path / "disk")
    named_oddly = real.rename(real.with_name("data[1].duckdb"))
    (folder / name).unlink()
    (folder / name).symlink_to(named_oddly)
    killed_in_a_turn(folder)
    (real.parent / ".data[1].duckdb.0123.tmp").write_bytes(b"half")
    Warehouse(folder).publish()
    assert [path.name for path in real.parent.iterdir()] == ["data[1].duckdb"]


def test_what_a_killed_publisher_left_is_removed_by_another_process(folder: Path) -> None:
    put(Warehouse(folder), 1)
    script = (
        "import os, sys, pathlib, shutil\n"
        "from channels_assets.warehouse import Warehouse\n"
        "shutil.copyfile = lambda *_: os.kill(os.getpid(), 9)\n"
        "Warehouse(pathlib.Path(sys.argv[1])).publish()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert list(folder.glob(".*.tmp"))
    put(Warehouse(folder), 2)
    assert not list(folder.glob(".*.tmp"))
