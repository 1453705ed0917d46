"""A file that a process holds locked as long as it lives, so that others see when it has died.

The operating system drops the lock with the process, however that ends and whatever its host name
and process id were.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from channels_assets.files import open_lock_file

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_GATE = ".gate"


class LockState(Enum):
    MISSING = "there is no such file"
    HELD = "a process holds it"
    FREE = "its process died"


class HeldFile:
    """A lock file, made and held. Several holders may share it; the last one removes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _gate(path.parent):
            self._descriptor: int | None = open_lock_file(path, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """May be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            with _gate(self.path.parent):
                if _try_alone(descriptor):
                    self.path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def state_of(path: Path) -> LockState:
    """Whether a process holds the file. Who may not open it can't say that its process died."""
    return _look_at(path, remove=False)


def remove_free(path: Path) -> None:
    """Removes the file unless a process holds it."""
    _look_at(path, remove=True)


def _look_at(path: Path, *, remove: bool) -> LockState:
    try:
        if not path.parent.is_dir():
            return LockState.MISSING
        with _gate(path.parent):
            descriptor = os.open(path, _FLAGS)
            try:
                if not _try_alone(descriptor):
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
def _gate(folder: Path) -> Generator[None]:
    """One process at a time: a file is never seen between being made and being locked."""
    descriptor = open_lock_file(folder / _GATE, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _try_alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
