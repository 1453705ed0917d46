"""Staged files: what a killed process leaves is used as far as it is whole, and no further."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from channels_assets.extract.page_file import PageFile, remove_leftovers

IDENTITY = {"account": "wx1", "fields": {"page_size": 200}}
PAGES = st.lists(st.binary(min_size=1, max_size=60), max_size=5)


def open_staged(folder: Path, account: str = "wx1") -> PageFile:
    return PageFile(folder, "window_products", {**IDENTITY, "account": account})


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def write(folder: Path, pages: list[bytes], now: float = 1000.0) -> Path:
    staged = open_staged(folder)
    list(staged.resume(0, math.inf))
    for page in pages:
        staged.append(page, now, 1)
    staged.keep()
    return only_file(folder)


@given(pages=PAGES, more=PAGES, cut=st.integers(0, 400))
def test_a_file_cut_anywhere_gives_whole_pages_from_the_first_on(
    pages: list[bytes], more: list[bytes], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder, pages)
        size = path.stat().st_size
        os.truncate(path, min(cut, size))
        staged = open_staged(folder)
        resumed = [record.page for record in staged.resume(0, math.inf)]
        assert resumed == pages[: len(resumed)]
        assert len(resumed) == len(pages) or cut < size
        for page in more:
            staged.append(page, 1001.0, 1)
        assert list(staged) == resumed + more
        staged.keep()


@given(pages=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4), data=st.data())
def test_a_flipped_byte_in_a_page_ends_the_file_there(
    pages: list[bytes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(folder, pages)
        number = data.draw(st.integers(0, len(pages) - 1))
        raw = bytearray(path.read_bytes())
        at = raw.rindex(pages[number]) if len(set(pages)) == len(pages) else len(raw) - 2
        raw[at] ^= 0xFF
        path.write_bytes(raw)
        staged = open_staged(folder)
        resumed = [record.page for record in staged.resume(0, math.inf)]
        assert resumed == pages[: len(resumed)]
        assert len(resumed) < len(pages)
        staged.keep()


def test_pages_that_are_too_old_or_of_another_list_are_not_resumed(tmp_path: Path) -> None:
    write(tmp_path, [b"one"], now=1000.0)
    staged = open_staged(tmp_path)
    assert list(staged.resume(1000.1, math.inf)) == []
    assert list(staged) == []
    staged.keep()
    write(tmp_path, [b"one"], now=1000.0)
    other = open_staged(tmp_path, account="wx2")
    assert list(other.resume(0, math.inf)) == []
    other.keep()


def test_two_holders_of_one_list_do_not_meet(tmp_path: Path) -> None:
    first, second = open_staged(tmp_path), open_staged(tmp_path)
    for staged, page in ((first, b"first"), (second, b"second")):
        assert list(staged.resume(0, math.inf)) == []
        staged.append(page, 1.0, 1)
    assert list(first) == [b"first"]
    assert list(second) == [b"second"]
    first.discard()
    second.discard()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_go_unless_somebody_holds_them_or_may_resume_them(tmp_path: Path) -> None:
    old = write(tmp_path / "old", [b"x"])
    held = open_staged(tmp_path / "held")
    new = write(tmp_path / "new", [b"x"])
    os.utime(old, (100, 100))
    os.utime(only_file(tmp_path / "held"), (100, 100))
    for folder in ("old", "held", "new"):
        remove_leftovers(tmp_path / folder, 200, math.inf)
    assert not old.exists()
    assert only_file(tmp_path / "held").exists()
    assert new.exists()
    held.discard()


def test_pages_from_the_future_are_not_resumed_and_not_left_for_ever(tmp_path: Path) -> None:
    path = write(tmp_path, [b"one"], now=2000.0)
    staged = open_staged(tmp_path)
    assert list(staged.resume(0, not_after=1999.9)) == []
    assert list(staged) == []
    staged.keep()
    os.utime(path, (2000, 2000))
    remove_leftovers(tmp_path, 0, not_after=2000)
    assert path.exists()
    remove_leftovers(tmp_path, 0, not_after=1999)
    assert not path.exists()
