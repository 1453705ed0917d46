"""Files that are made or replaced at once, where somebody has put a symlink in their way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from channels_assets.cli.notebook import copy_notebooks
from channels_assets.extract.page_file import PageFile
from channels_assets.files import copy_whole, open_lock_file, replacement, temporary_beside
from channels_assets.warehouse import Lake
from channels_assets.wechat.private_files import locked


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
    Lake("CATALOGUE", "/lake").mark(tmp_path)
    assert (tmp_path / Lake.MARKER).is_symlink()
    assert "CATALOGUE" in real.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [Lake.MARKER, "real.json"]


def test_a_replacement_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o604)

    def fail() -> None:
        with replacement(target) as new:
            new.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert target.read_text() == "old"
    with replacement(target) as new:
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
