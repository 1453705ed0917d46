"""The page file of a list: each page as the API sent it, so that a retry can continue.

    {"version": 1, "identity": ..., "first_walk": ...}\\n
    <length> <crc32> <unix time> <calls>\\n<page bytes>\\n
    <length> <crc32> <unix time> <calls>\\n<page bytes>\\n

A record without page bytes only counts calls that gave no page.
A process may die at any byte: a record that is incomplete or fails its checksum ends the file.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, cast

_VERSION = 1
_SUFFIX = ".pages"


@dataclass(frozen=True)
class Record:
    """What one write left: a page or b"", when it was written, and the calls spent on it."""

    page: bytes
    written_at: float
    calls: int
    end: int


class PageFile:
    """The pages of one list on disk, locked until `keep` or `discard`.

    `identity` is what makes the list what it is (account, endpoint, constant fields): a file of
    another identity is never resumed. While another process pulls the same list, this process writes
    a file of another name and resumes nothing.
    """

    def __init__(self, folder: Path, name: str, identity: Mapping[str, Any]) -> None:
        self._identity = json.dumps(identity, sort_keys=True, ensure_ascii=False)
        digest = blake2b(self._identity.encode(), digest_size=12).hexdigest()
        folder.mkdir(parents=True, exist_ok=True)
        self.first_walk: str | None = None
        self._path = folder / f"{name}-{digest}{_SUFFIX}"
        self._file = self._open_locked()

    def _open_locked(self) -> IO[bytes]:
        while True:
            file = open(self._path, "a+b", opener=_without_symlink)  # noqa: SIM115 (kept open)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                own = f"{self._path.stem}.{os.getpid()}.{id(self):x}{_SUFFIX}"
                self._path = self._path.with_name(own)
                continue
            if _same_file(file, self._path):
                return file
            # The process that had locked it removed it between our open and our lock.
            file.close()

    def __iter__(self) -> Iterator[bytes]:
        """The pages in order."""
        self._file.seek(0)
        self._file.readline()
        for record in _records(self._file):
            if record.page:
                yield record.page

    def resume(self, not_before: float, not_after: float) -> Iterator[Record]:
        """What an earlier pull left, if its newest record is not older than `not_before`, nor newer than
        `not_after`: then the clock was ahead, and the age of the pages is unknown.

        What can't be used is cut off first.
        """
        self._file.seek(0)
        header = self._header(self._file.readline())
        newest, end = 0.0, 0
        if header is not None:
            for record in _records(self._file):
                if record.page or not newest:
                    newest = record.written_at
                end = record.end
        if header is None or not end or not not_before <= newest <= not_after:
            self.restart()
            return
        self.first_walk = cast("str | None", header["first_walk"])
        self._file.truncate(end)
        self._file.seek(0)
        self._file.readline()
        yield from _records(self._file)

    def _header(self, line: bytes) -> dict[str, Any] | None:
        try:
            header = json.loads(line)
        except ValueError:
            return None
        known = header["version"] == _VERSION and header["identity"] == self._identity
        return header if known else None

    def restart(self, first_walk: str | None = None) -> None:
        """Empties the file. `first_walk` is the digest of an earlier walk to compare with."""
        self.first_walk = first_walk
        self._file.truncate(0)
        header = {"version": _VERSION, "identity": self._identity, "first_walk": first_walk}
        self._file.write(json.dumps(header, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def append(self, page: bytes, now: float, calls: int) -> None:
        head = f"{len(page)} {zlib.crc32(page):08x} {now:.3f} {calls}\n"
        self._file.write(head.encode() + page + b"\n")
        # The operating system has the page then: killing this process loses nothing. A machine that
        # loses power may lose pages, which the checksum shows.
        self._file.flush()

    def keep(self) -> None:
        """Unlocks the file and leaves it for a retry."""
        self._file.close()

    def discard(self) -> None:
        """Removes the file: its pages are loaded."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def remove_leftovers(folder: Path, not_before: float, not_after: float) -> None:
    """Removes page files that no process has locked and that can't be resumed: too old, or from the future."""
    for path in folder.glob(f"*{_SUFFIX}"):
        try:
            # Checked before it is locked: even a short lock would keep other processes from resuming.
            if not_before < path.stat().st_mtime <= not_after:
                continue
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except (BlockingIOError, FileNotFoundError):
            continue


def _without_symlink(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _same_file(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _records(file: IO[bytes]) -> Iterator[Record]:
    while head := file.readline():
        try:
            length, crc, written_at, calls = head.split()
            page = file.read(int(length))
            whole = len(page) == int(length) and file.read(1) == b"\n"
            if not whole or zlib.crc32(page) != int(crc, 16):
                return
            record = Record(page, float(written_at), int(calls), file.tell())
        except ValueError:
            return
        yield record
