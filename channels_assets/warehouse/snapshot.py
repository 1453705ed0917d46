"""Publishing a file: readers see the whole old one or the whole new one."""

import os
import shutil
import uuid
from pathlib import Path

_HEADERS = 3 * 4096


def same_content(source: Path, copy: Path) -> bool:
    """Whether `copy` is a byte copy of the closed DuckDB file `source`.

    The first three blocks of 4096 bytes hold the file's identity and the counter of its
    checkpoints, so two closed files that agree in them and in size agree everywhere.
    """
    if not copy.exists() or source.stat().st_size != copy.stat().st_size:
        return False
    with source.open("rb") as one, copy.open("rb") as other:
        return one.read(_HEADERS) == other.read(_HEADERS)


def publish_copy(source: Path, target: Path) -> None:
    """Replace `target` by a copy of `source`, at once and durably.

    Only one process may do this at a time: temporary files it finds are of dead ones.
    """
    for leftover in target.parent.glob(f".{target.name}.*.tmp"):
        leftover.unlink(missing_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        shutil.copyfile(source, temporary)
        _sync(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
