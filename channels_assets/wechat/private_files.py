"""Files that are for one user's eyes: read and written by him alone, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from channels_assets.files import open_lock_file, sync

MAX_BYTES = 64 * 1024


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Holds the lock file `path`: one holder at a time, among threads and processes alike.

    It is let go when its holder dies. Raises OSError.
    """
    _folder(path)
    descriptor = open_lock_file(path, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Replaces the file at once, and returns when it is safe on the disk. Raises OSError.

    For one writer at a time: what one that was killed left behind is removed.
    """
    _folder(path)
    for leftover in path.parent.glob(f".{path.name}.*"):
        leftover.unlink(missing_ok=True)
    # mkstemp makes it 0600.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


def read_private(path: Path) -> str | None:
    """What the file holds, or None when there is none. Raises OSError and UnicodeError."""
    try:
        return read_regular(path)
    except FileNotFoundError:
        return None


def read_regular(path: Path) -> str:
    """What a small file holds. Raises OSError, for all else than a regular file too, and UnicodeError.

    A symbolic link to a regular file is fine: so Kubernetes mounts secrets.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MAX_BYTES // 1024} kB")
    return content.decode("utf-8")


def _without_waiting(path: str, flags: int) -> int:
    # To open a named pipe takes until somebody writes to it, which may be never.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _folder(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
