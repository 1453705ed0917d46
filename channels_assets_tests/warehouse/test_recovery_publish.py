"""Publishing: whole files only, through symlinks, beside what killed processes left."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from channels_assets.cli.main import main
from channels_assets.warehouse import FileStore
from channels_assets_tests.warehouse.damage import kill_writer, move_behind_symlink, put, read
from channels_assets_tests.warehouse.opening import files_only

pytestmark = files_only


def test_a_new_warehouse_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """Killed while it makes its tables, a process leaves no file that the next one would refuse."""
    script = (
        "import os, sys, pathlib\n"
        "from channels_assets.warehouse import FileStore, file_store\n"
        "file_store.migrate = lambda con: os.kill(os.getpid(), 9)\n"
        "FileStore(pathlib.Path(sys.argv[1])).publish()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert not (tmp_path / "warehouse.duckdb").exists()
    FileStore(tmp_path).publish()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"warehouse.duckdb", "warehouse.lock", "channels.duckdb"}


def test_the_published_file_keeps_its_mode_and_its_symlink(folder: Path, tmp_path: Path) -> None:
    published, shared = folder / "channels.duckdb", tmp_path / "elsewhere" / "data.duckdb"
    shared.parent.mkdir()
    published.rename(shared)
    published.symlink_to(shared)
    shared.chmod(0o640)
    group = next((group for group in os.getgroups() if group != os.getegid()), os.getegid())
    if os.geteuid() == 0:
        group = 12345
    os.chown(shared, -1, group)
    warehouse = FileStore(folder)
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
        FileStore(folder).publish()
    assert not target.exists()


def test_a_lock_file_that_can_not_be_used_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where it is of another user; a folder, since root may open every file."""
    monkeypatch.setenv("CHANNELS_DATA", str(folder))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    monkeypatch.chdir(folder)
    (folder / "warehouse.lock").unlink()
    (folder / "warehouse.lock").mkdir()
    result = CliRunner().invoke(main, ["partitions", "--prune"])
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1].startswith("channels-assets: ")
    assert "warehouse.lock is a folder" in result.stderr


@pytest.mark.parametrize("name", ["warehouse.duckdb", "channels.duckdb"])
def test_what_killed_processes_left_beside_a_file_behind_a_symlink_is_removed(
    folder: Path, tmp_path: Path, name: str
) -> None:
    real = move_behind_symlink(folder / name, tmp_path / "disk")
    named_oddly = real.rename(real.with_name("data[1].duckdb"))
    (folder / name).unlink()
    (folder / name).symlink_to(named_oddly)
    kill_writer(folder)
    (real.parent / ".data[1].duckdb.0123.tmp").write_bytes(b"half")
    FileStore(folder).publish()
    assert [path.name for path in real.parent.iterdir()] == ["data[1].duckdb"]


def test_what_a_killed_publisher_left_is_removed_by_another_process(folder: Path) -> None:
    put(FileStore(folder), 1)
    script = (
        "import os, sys, pathlib, shutil\n"
        "from channels_assets.warehouse import FileStore\n"
        "shutil.copyfile = lambda *_: os.kill(os.getpid(), 9)\n"
        "FileStore(pathlib.Path(sys.argv[1])).publish()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert list(folder.glob(".*.tmp"))
    put(FileStore(folder), 2)
    assert not list(folder.glob(".*.tmp"))
