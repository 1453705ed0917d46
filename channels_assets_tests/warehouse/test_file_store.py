import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import duckdb
import pytest

from channels_assets.warehouse import (
    FileStore,
    WarehouseError,
    file_store,
    lift_memory_limit,
    set_meta,
)
from channels_assets_tests.helpers.loading import load_window
from channels_assets_tests.warehouse.making import ids, load
from channels_assets_tests.warehouse.opening import files_only

pytestmark = files_only


def stored(path: Path, query: str) -> list[tuple[object, ...]]:
    con = duckdb.connect()
    con.execute(f"ATTACH '{path}' AS file (READ_ONLY)")
    con.execute("USE file")
    rows = con.execute(query).fetchall()
    con.close()
    return rows


def test_both_files_open_in_duckdb_1_5(warehouse: FileStore) -> None:
    warehouse.publish()
    for path in (warehouse.path, warehouse.published):
        tags = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'file'"
        assert stored(path, tags) == [("v1.5.0+",)]


def test_publish_copies_what_was_committed(warehouse: FileStore) -> None:
    with warehouse.writing() as con:
        load_window(con, window="w", account_appid="a", pages=ids("1"), load=load())
    assert not warehouse.published.exists()
    warehouse.publish()
    assert stored(warehouse.published, "SELECT product_id FROM window_products") == [("1",)]


def test_publish_copies_only_after_a_write(warehouse: FileStore) -> None:
    warehouse.publish()
    inode = warehouse.published.stat().st_ino
    with warehouse.writing() as con:
        con.execute("SELECT count(*) FROM loads").fetchall()
    FileStore(warehouse.data_dir).publish()
    assert warehouse.published.stat().st_ino == inode
    with warehouse.writing() as con:
        set_meta(con, "origin", "x")
    FileStore(warehouse.data_dir).publish()
    assert stored(warehouse.published, "SELECT value FROM meta WHERE key = 'origin'") == [("x",)]


def test_publish_takes_in_the_log_of_a_killed_writer(warehouse: FileStore) -> None:
    script = (
        "import os, sys, pathlib\n"
        "from channels_assets.warehouse import FileStore, set_meta\n"
        "with FileStore(pathlib.Path(sys.argv[1])).writing() as con:\n"
        "    set_meta(con, 'origin', 'killed')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(warehouse.data_dir)], check=False)
    assert warehouse.path.with_name("warehouse.duckdb.wal").exists()
    warehouse.publish()
    found = stored(warehouse.published, "SELECT value FROM meta WHERE key = 'origin'")
    assert found == [("killed",)]


def test_publish_removes_what_dead_publishers_left(warehouse: FileStore) -> None:
    warehouse.data_dir.mkdir()
    leftover = warehouse.data_dir / ".channels.duckdb.0123.tmp"
    leftover.write_bytes(b"half")
    warehouse.publish()
    names = {path.name for path in warehouse.data_dir.iterdir()}
    assert names == {"warehouse.duckdb", "warehouse.lock", "channels.duckdb"}


def test_failed_copy_leaves_the_old_snapshot(
    warehouse: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.publish()
    before = warehouse.published.read_bytes()
    with warehouse.writing() as con:
        set_meta(con, "origin", "x")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        warehouse.publish()
    assert warehouse.published.read_bytes() == before
    assert not list(warehouse.data_dir.glob("*.tmp")) + list(warehouse.data_dir.glob(".*.tmp"))


def test_publish_if_due_waits(tmp_path: Path) -> None:
    warehouse = FileStore(tmp_path, publish_every=0.3)
    assert warehouse.publish_if_due()
    assert not warehouse.publish_if_due()
    time.sleep(0.35)
    assert warehouse.publish_if_due()


def test_a_newer_file_is_refused(warehouse: FileStore) -> None:
    with warehouse.writing() as con:
        set_meta(con, "schema_version", "99")
    with pytest.raises(WarehouseError, match=r"version 99.*upgrade channels-assets"):
        warehouse.writing().__enter__()


def test_another_program_holding_the_file(
    warehouse: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_store, "_OPEN_SECONDS", 0.3)
    warehouse.publish()
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(warehouse.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        with (
            pytest.raises(WarehouseError, match=r"open in another program.*channels\.duckdb"),
            warehouse.writing(),
        ):
            pass
        threading.Timer(0.2, other.stdin.close).start()
        monkeypatch.setattr(file_store, "_OPEN_SECONDS", 10)
        with warehouse.writing() as con:
            set_meta(con, "waited", "yes")


def test_writing_within_writing_is_an_error_and_not_a_standstill(warehouse: FileStore) -> None:
    with warehouse.writing(), pytest.raises(WarehouseError, match="already"):
        warehouse.publish()
    warehouse.publish()


def test_threads_take_turns(warehouse: FileStore) -> None:
    def add(number: int) -> None:
        for window in ("a", "b"):
            with warehouse.writing() as con:
                load_window(
                    con, window=f"{window}{number}", account_appid="", pages=ids(1), load=load()
                )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    warehouse.publish()
    assert stored(warehouse.published, "SELECT count(*) FROM window_products") == [(16,)]


def test_nothing_stays_of_a_turn_but_what_was_written(tmp_path: Path) -> None:
    warehouse = FileStore(tmp_path)
    limit = "SELECT current_setting('memory_limit')"
    with warehouse.writing() as connection:
        usual = connection.execute(limit).fetchall()
        lift_memory_limit(connection)
        assert connection.execute(limit).fetchall() != usual
        connection.execute("CREATE TEMP TABLE mine AS SELECT 1")
        connection.execute("BEGIN TRANSACTION")
        connection.execute("DELETE FROM meta")
    with warehouse.writing() as connection:
        assert connection.execute(limit).fetchall() == usual
        assert connection.execute("SELECT count(*) FROM meta").fetchall() != [(0,)]
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM mine")


def test_after_an_error_the_file_is_free_and_the_next_turn_begins_anew(tmp_path: Path) -> None:
    warehouse = FileStore(tmp_path)

    def fail() -> None:
        with warehouse.writing() as connection:
            connection.execute("BEGIN TRANSACTION")
            connection.execute("DELETE FROM meta")
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
        with duckdb.connect(str(warehouse.path)) as other:
            assert other.execute("SELECT count(*) FROM meta").fetchall() != [(0,)]
        with warehouse.writing() as connection:
            assert connection.execute("SELECT count(*) FROM meta").fetchall() != [(0,)]


@pytest.mark.parametrize("published", [True, False])
def test_replaced_rows_leave_no_room_behind_in_the_file(tmp_path: Path, published: bool) -> None:
    warehouse = FileStore(tmp_path)
    sizes: list[int] = []
    for _ in range(60):
        pages = ids(*(f"{number}-{uuid.uuid4()}" for number in range(500)))
        with warehouse.writing() as con:
            con.execute("DELETE FROM window_products_history")
            load_window(con, window="w", account_appid="a", pages=pages, load=load())
        if published:
            warehouse.publish()
        sizes.append(warehouse.path.stat().st_size)
    assert max(sizes[40:]) <= 1.1 * max(sizes[:20])
    if published:
        assert max(sizes[20:]) <= 2 * sizes[1]
