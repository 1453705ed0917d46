"""Lock files, and files that are replaced as a whole. No symlink is followed to create one.

The locks are flock(2), not the `filelock` package. Its FileLock polls, so that one busy process keeps
the others waiting (four processes, 40 turns of 20 ms each: the longest wait was 2.6 s, with flock
0.1 s). It has no shared lock, and no public descriptor: the warehouse writes to it, `dev` passes it to
its children. On a disk without flock it creates a file that stays when its process dies.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
import stat
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path

MAX_BYTES = 64 * 1024
"""Of a file that holds a secret."""
_PRIVATE, _SHARED = 0o600, 0o666
_POLL_SECONDS = 0.05
_GATE = ".gate"


class LockTimeout(TimeoutError):
    """The lock was not free in time."""


class LockState(Enum):
    MISSING = "there is no such file"
    HELD = "a process holds it"
    FREE = "its process died"


def open_lock_file(path: Path, mode: int = _SHARED) -> int:
    """A descriptor to lock with flock; the file is created if there is none. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)


@contextmanager
def locked(
    path: Path, timeout: float | None = None, *, private: bool = False
) -> Generator[int, None, None]:
    """Holds the lock file exclusively, among threads and processes alike; gives its descriptor.

    The operating system releases the lock when the process dies. A `private` file and its new folders
    are for this user alone. Raises LockTimeout after `timeout` seconds (None: waits as long as it
    takes), and OSError.
    """
    _make_folder(path.parent, private)
    # Each open() has its own flock, so the threads of one process exclude each other as well.
    descriptor = open_lock_file(path, _PRIVATE if private else _SHARED)
    try:
        with _named(path):
            _wait_for(descriptor, timeout)
        yield descriptor
    finally:
        os.close(descriptor)


class ProcessLock:
    """A lock file that its process holds until `release` or its death, so that others see it is alive.

    It needs no host name or process id. Several holders may share it; the last holder removes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _gate(path.parent):
            self._descriptor: int | None = open_lock_file(path, _PRIVATE)
            with _named(path):
                fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """May be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            with _gate(self.path.parent):
                if _try_exclusive(descriptor):
                    self.path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def lock_state(path: Path) -> LockState:
    """Whether a process holds the ProcessLock; HELD also where this user may not open the file."""
    return _examine(path, remove=False)


def remove_if_free(path: Path) -> None:
    """Removes the file of a ProcessLock unless a process holds it."""
    _examine(path, remove=True)


def _examine(path: Path, *, remove: bool) -> LockState:
    try:
        if not path.parent.is_dir():
            return LockState.MISSING
        with _gate(path.parent):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if not _try_exclusive(descriptor):
                    return LockState.HELD
                if remove:
                    path.unlink(missing_ok=True)
                return LockState.FREE
            finally:
                os.close(descriptor)
    except FileNotFoundError:
        return LockState.MISSING
    except OSError:
        return LockState.HELD


@contextmanager
def _gate(folder: Path) -> Generator[None, None, None]:
    """Keeps others from seeing a ProcessLock between its creation and its lock."""
    with locked(folder / _GATE, private=True):
        yield


def _wait_for(descriptor: int, timeout: float | None) -> None:
    if timeout is None:
        # The kernel wakes a waiting process at the release; polling would mostly miss that moment.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + timeout
    while not _try_exclusive(descriptor):
        if time.monotonic() >= deadline:
            raise LockTimeout(errno.ETIMEDOUT, f"still locked after {timeout:.0f} s")
        time.sleep(_POLL_SECONDS)


@contextmanager
def _named(path: Path) -> Generator[None, None, None]:
    """An OSError of the body names the file: flock knows the descriptor alone."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _try_exclusive(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def replace_file(
    target: Path, aside: Path | None = None, *, private: bool = False
) -> Generator[Path, None, None]:
    """Gives a new file to fill, which atomically and durably replaces `target` at the end.

    An existing target keeps its mode, owner, group and extended attributes, and where it is a symlink,
    the file that it leads to is replaced. A `private` file is for this user alone (0600) and replaces
    the symlink itself. The old file is kept as `aside` if that is given. When the body raises, nothing
    has changed. Raises OSError.
    """
    real = target if private else target.resolve()
    with temporary_beside(real, _PRIVATE if private else _SHARED) as temporary:
        yield temporary
        if real.exists() and not private:
            _keep_attributes(real, temporary)
        sync(temporary)
        if aside and real.exists():
            real.rename(aside)
        temporary.replace(real)
    sync(real.parent)


@contextmanager
def temporary_beside(path: Path, mode: int = _SHARED) -> Generator[Path, None, None]:
    """Gives a new empty file in the folder of `path`; it is removed at the end. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode))
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(path: Path) -> None:
    """Removes temporary files that killed processes left beside `path`, or beside the file that a
    symlink leads to.

    Only for the process that may create such files now: it holds a lock.
    """
    for real in {path, path.resolve()}:
        for leftover in real.parent.glob(f".{glob.escape(real.name)}.*.tmp*"):
            leftover.unlink(missing_ok=True)


def copy_whole(source: Path, target: Path) -> None:
    """Copies a file as a whole or not at all; a symlink in its place is replaced. Raises OSError."""
    with temporary_beside(target) as temporary:
        shutil.copyfile(source, temporary)
        temporary.replace(target)


def free_name_aside(path: Path) -> Path:
    """An unused name beside the file, or beside the file that a symlink leads to."""
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


def write_private(path: Path, text: str) -> None:
    """Replaces a private file, and returns when it is safe on the disk. Raises OSError.

    For one writer at a time: it removes what a killed writer left.
    """
    _make_folder(path.parent, private=True)
    remove_temporary(path)
    with replace_file(path, private=True) as new:
        new.write_text(text, encoding="utf-8")


def read_private(path: Path) -> str | None:
    """The content of the file, or None when there is none. Raises OSError and UnicodeError."""
    try:
        return read_regular(path)
    except FileNotFoundError:
        return None


def read_regular(path: Path) -> str:
    """The content of a small regular file; any other file is an OSError. Also raises UnicodeError.

    A symlink to a regular file is fine: this is how Kubernetes mounts secrets.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MAX_BYTES // 1024} kB")
    return content.decode("utf-8")


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a named pipe waits until another process writes to it, which may be never.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _make_folder(folder: Path, private: bool) -> None:
    folder.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)


def _keep_attributes(old: Path, new: Path) -> None:
    old_stat, new_stat = old.stat(), new.stat()
    shutil.copystat(old, new)
    os.utime(new, ns=(new_stat.st_atime_ns, new_stat.st_mtime_ns))
    for owner, group in ((old_stat.st_uid, -1), (-1, old_stat.st_gid)):
        # Only root may give a file away, and others only to their own groups; some disks have no
        # owners, and a container does not know those of its host (EINVAL).
        with suppress(OSError):
            os.chown(new, owner, group)
