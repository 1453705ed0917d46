"""Locks, and files that are created or replaced as a whole, also where a symlink is in the way."""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from channels_assets.cli.notebook import copy_notebooks
from channels_assets.extract.page_file import PageFile
from channels_assets.files import (
    LockState,
    LockTimeout,
    ProcessLock,
    copy_whole,
    lock_state,
    locked,
    open_lock_file,
    read_private,
    replace_file,
    temporary_beside,
    write_private,
)
from channels_assets.warehouse import Lake


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """What must stay as it is: nothing is there, and nothing may come."""
    return tmp_path / "elsewhere"


def test_a_lock_file_is_no_symlink(tmp_path: Path, elsewhere: Path) -> None:
    path = tmp_path / "lock"
    path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic"):
        open_lock_file(path)
    with pytest.raises(OSError, match="symbolic"), locked(path):
        pass
    assert not elsewhere.exists()


def test_staged_pages_are_no_symlink(tmp_path: Path, elsewhere: Path) -> None:
    folder = tmp_path / "staging"
    PageFile(folder, "w", {}).keep()
    [path] = folder.iterdir()
    path.unlink()
    path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic"):
        PageFile(folder, "w", {})
    assert not elsewhere.exists()


def test_a_copy_takes_the_place_of_a_symlink(tmp_path: Path, elsewhere: Path) -> None:
    folder = tmp_path / "notebooks"
    copy_notebooks(tmp_path)
    for path in folder.iterdir():
        path.unlink()
        path.symlink_to(elsewhere)
    copy_notebooks(tmp_path)
    assert not elsewhere.exists()
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_a_lake_marker_that_is_a_symlink_is_written_where_it_leads(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("{}")
    (tmp_path / Lake.MARKER).symlink_to(real)
    Lake("CATALOGUE", "/lake").write_marker(tmp_path)
    assert (tmp_path / Lake.MARKER).is_symlink()
    assert "CATALOGUE" in real.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [Lake.MARKER, "real.json"]


def test_a_replacement_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o604)

    def fail() -> None:
        with replace_file(target) as new:
            new.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert target.read_text() == "old"
    with replace_file(target) as new:
        new.write_text("new")
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", 0o604)
    assert os.listdir(tmp_path) == ["file"]


def test_a_temporary_file_is_new_and_goes(tmp_path: Path) -> None:
    with temporary_beside(tmp_path / "file") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.read_bytes() == b""
    assert os.listdir(tmp_path) == []


def test_copy_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    copy_whole(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "x"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def hold(path: Path, started: Event) -> None:
    with locked(path):
        started.set()
        time.sleep(600)


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=hold, args=(path, started), daemon=True)
    process.start()
    assert started.wait(60)
    with pytest.raises(LockTimeout), locked(path, timeout=0):
        pass
    process.kill()
    process.join()
    with locked(path, timeout=0):
        assert path.exists()


def test_a_lock_that_stays_held_is_a_timeout(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path), pytest.raises(LockTimeout, match="after 0 s"), locked(path, timeout=0.1):
        pass
    with locked(path, timeout=0.1):
        pass


def test_a_process_lock_is_shared_and_its_last_holder_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "lock"
    assert lock_state(path) == LockState.MISSING
    first, second = ProcessLock(path), ProcessLock(path)
    first.release()
    assert lock_state(path) == LockState.HELD
    second.release()
    assert lock_state(path) == LockState.MISSING
    path.touch()
    assert lock_state(path) == LockState.FREE


def test_a_private_file_is_for_this_user_alone_and_no_leftover_stays(
    tmp_path: Path, elsewhere: Path
) -> None:
    path = tmp_path / "tokens" / "file"
    write_private(path, "first")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    path.with_name(".file.of-a-killed-writer.tmp").write_text("secret")
    write_private(path, "second")
    assert (read_private(path), path.stat().st_mode & 0o777) == ("second", 0o600)
    assert os.listdir(path.parent) == ["file"]
    path.unlink()
    path.symlink_to(elsewhere)
    write_private(path, "third")
    assert not elsewhere.exists()
    assert not path.is_symlink()
    assert read_private(path) == "third"
