"""Whether a folder can hold what a refresh writes: this user may write there, there is room, and it has locks."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

_PROBE_BYTES = 64 * 1024
"""More than a file system keeps in its table of files."""


def existing_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def folder_error(folder: Path) -> OSError | None:
    """Why the folder can't be used, or can't be made; makes nothing."""
    try:
        _try_to_write(existing_folder(folder))
    except OSError as error:
        return error
    return None


def require_usable_folder(folder: Path) -> None:
    """Makes the folder if there is none. Raises OSError, which names it, where it can't be used."""
    folder.mkdir(parents=True, exist_ok=True)
    _try_to_write(folder)


def _try_to_write(folder: Path) -> None:
    """Tries what a refresh needs; nothing stays there. Raises OSError."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # The file had no name, or one that says nothing to anybody.
        error.filename = str(folder)
        raise
