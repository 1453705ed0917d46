"""Lock files, and files that are made or replaced at once. No symlink is followed to make one."""

from __future__ import annotations

import glob
import os
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path


def open_lock_file(path: Path, mode: int = 0o666) -> int:
    """A descriptor to lock with flock; the file is made if there is none. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)


@contextmanager
def temporary_beside(path: Path) -> Generator[Path]:
    """Gives a new empty file in the folder of `path`; it is removed at the end. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666))
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(path: Path) -> None:
    """Removes the temporary files beside it, or beside the file behind a symlink, of killed processes.

    For the only process that may make such files now: it holds a lock.
    """
    real = path.resolve()
    for leftover in real.parent.glob(f".{glob.escape(real.name)}.*.tmp*"):
        leftover.unlink(missing_ok=True)


@contextmanager
def replacement(target: Path, aside: Path | None = None) -> Generator[Path]:
    """Gives a new file to fill, which takes the place of `target` at the end, at once and durably.

    A target that is there keeps its mode, owner, group and extended attributes; where it is a
    symlink, the file behind it is replaced. The old file is kept as `aside` if that is given. When the
    body raises, nothing has changed. Raises OSError.
    """
    real = target.resolve()
    with temporary_beside(real) as temporary:
        yield temporary
        if real.exists():
            _keep_attributes(real, temporary)
        sync(temporary)
        if aside and real.exists():
            real.rename(aside)
        temporary.replace(real)
    sync(real.parent)


def copy_whole(source: Path, target: Path) -> None:
    """Copies a file as a whole or not at all; a symlink in its place is replaced. Raises OSError."""
    with temporary_beside(target) as temporary:
        shutil.copyfile(source, temporary)
        temporary.replace(target)


def free_name_aside(path: Path) -> Path:
    """A name that no file has, beside the file (where that is a symlink, beside the file behind it)."""
    real, number = path.resolve(), 1
    while (aside := real.with_name(f"{real.name}.set-aside-{number}")).exists():
        number += 1
    return aside


def sync(path: Path) -> None:
    """Returns when the file, or the folder's list of names, is safe on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_attributes(old: Path, new: Path) -> None:
    facts, made = old.stat(), new.stat()
    shutil.copystat(old, new)
    os.utime(new, ns=(made.st_atime_ns, made.st_mtime_ns))
    for owner, group in ((facts.st_uid, -1), (-1, facts.st_gid)):
        # Only root may give a file away, and others only to a group they are in; some disks know no
        # owners, and a container not those of its host (EINVAL).
        with suppress(OSError):
            os.chown(new, owner, group)
