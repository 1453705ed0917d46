"""Write-ahead logs: of killed writers, of other programs, of a file that was replaced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from channels_assets.warehouse import FileStore, WarehouseError, connect
from channels_assets_tests.warehouse.damage import (
    kill_foreign_writer,
    kill_writer,
    move_behind_symlink,
    put,
    read,
    text,
)
from channels_assets_tests.warehouse.opening import files_only

pytestmark = files_only


@pytest.mark.parametrize("link", [False, True], ids=["", "symlink"])
def test_a_wal_beside_the_published_file_is_set_aside(
    folder: Path, tmp_path: Path, link: bool, caplog: pytest.LogCaptureFixture
) -> None:
    published = folder / "channels.duckdb"
    if link:
        (tmp_path / "shared").mkdir()
        published.rename(tmp_path / "shared" / "channels.duckdb")
        published.symlink_to(tmp_path / "shared" / "channels.duckdb")
    kill_foreign_writer(published)
    assert (folder / "channels.duckdb.wal").exists() or (
        tmp_path / "shared/channels.duckdb.wal"
    ).exists()
    warehouse = FileStore(folder)
    put(warehouse, *range(1000, 4001))
    warehouse.publish()
    assert read(folder, "SELECT count(*) FROM window_products") == [(3001,)]
    assert not list(tmp_path.rglob("channels.duckdb.wal"))
    assert "read-only" in caplog.text
    assert len(list(tmp_path.rglob("channels.duckdb.wal.set-aside-*"))) == 1
    # A second one is kept beside it.
    kill_foreign_writer(published)
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
        warehouse = FileStore(folder)
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
    put(FileStore(folder), 1)
    kill_foreign_writer(path)
    assert path.with_name("warehouse.duckdb.wal").exists()
    path.write_bytes(backup)
    warehouse = FileStore(folder)
    put(warehouse, 2)
    warehouse.publish()
    assert read(folder, "SELECT product_id FROM window_products") == [("2",)]
    assert read(folder, "SELECT count(*) FROM window_products_history") != [(0,)]
    assert "warehouse.duckdb.wal" in caplog.text


def test_the_log_of_a_killed_writer_is_published_where_its_file_is_a_symlink(
    folder: Path, tmp_path: Path
) -> None:
    move_behind_symlink(folder / "warehouse.duckdb", tmp_path / "disk")
    kill_writer(folder)
    FileStore(folder).publish()
    assert read(folder, "SELECT value FROM meta WHERE key = 'origin'") == [("killed",)]


def test_a_log_that_can_not_be_read_is_not_taken_for_a_foreign_one(folder: Path) -> None:
    """It may be of another user and hold what was committed; a folder, since root may read every file."""
    (folder / "warehouse.duckdb.wal").mkdir()
    with pytest.raises(WarehouseError, match=r"duckdb\.wal is a folder"):
        put(FileStore(folder), 1)
    assert (folder / "warehouse.duckdb.wal").is_dir()


def test_both_a_foreign_wal_and_a_damaged_published_file(folder: Path) -> None:
    path = folder / "warehouse.duckdb"
    backup = path.read_bytes()
    put(FileStore(folder), 1)
    kill_foreign_writer(path)
    path.write_bytes(backup)
    text(folder / "channels.duckdb")
    put(FileStore(folder), 2)
    FileStore(folder).publish()
    assert read(folder, "SELECT product_id FROM window_products") == [("2",)]
    kept = {file.name for file in folder.glob("*.set-aside-*")}
    assert kept == {"warehouse.duckdb.wal.set-aside-1", "channels.duckdb.set-aside-1"}


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
        put(FileStore(folder), 1)
        FileStore(folder).publish()
        assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
        print(file=other.stdin, flush=True)
        assert other.stdout.readline() == "written\n"
        with pytest.raises(
            WarehouseError, match=r"duckdb\.wal is of another program.*next refresh"
        ):
            connect(folder)
        FileStore(folder).publish()
        assert read(folder, "SELECT count(*) FROM window_products") == [(1,)]
        other.kill()
