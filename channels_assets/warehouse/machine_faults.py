"""What DuckDB says of the machine: DuckDB has no error numbers, but quotes the system's words."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import duckdb

from channels_assets import machine_errors
from channels_assets.machine_errors import MachineError, os_error
from channels_assets.warehouse.connection import first_line, is_damage, is_other_version
from channels_assets.warehouse.errors import DamagedFile, FileInUse, StorageError, WarehouseError

_ERRNOS = (
    *(
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EFBIG,
        errno.EMFILE,
    ),
    *(errno.ENFILE, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO, errno.EISDIR, errno.ENOTDIR),
)
_PID = re.compile(r"PID \d+")
_PATH = re.compile(r'"(/[^"]+)"')
_TOO_LITTLE_DISK = ("Could not write all bytes", "max_temp_directory_size")


def machine_error_of(error: BaseException) -> MachineError | None:
    """The machine error that `error` is, or that caused it; None where the machine is not the cause."""
    return machine_errors.machine_error_of(error, _of_duckdb)


def raise_machine_error(error: BaseException) -> None:
    """Raises the machine error that caused `error`, if one did."""
    if (found := machine_error_of(error)) is not None:
        raise found from error


def in_use_elsewhere(path: Path, error: duckdb.Error) -> FileInUse:
    """The error to raise when another program has the writers' file open."""
    return FileInUse(
        f"{path} is open in another program{holder_of(error)}: close it there, and read channels.duckdb "
        f"beside it instead. {path.name} 正被其他程序打开：请在那里关闭，读数据请用 channels.duckdb。",
        path,
    )


def holder_of(error: duckdb.Error) -> str:
    """ " (PID 123)" of the program that has the file open, where DuckDB knows it."""
    found = _PID.search(str(error))
    return f" ({found[0]})" if found else ""


def open_error(path: Path, error: duckdb.Error) -> WarehouseError:
    """The error to raise when DuckDB can't open a file."""
    cause = first_line(error).rstrip(".")
    if is_damage(error):
        return DamagedFile(f"{path} is damaged ({cause})", path)
    if (fault := machine_error_of(error)) is not None:
        return StorageError(str(fault), fault.path or path)
    if is_other_version(error):
        return WarehouseError(
            f"{path} was written by another version of DuckDB than the one here, {duckdb.__version__}: "
            f"install a newer one (pip install --upgrade duckdb). Nothing was changed ({cause})"
        )
    return StorageError(f"{path} can't be opened ({cause}). Nothing was changed", path)


def _of_duckdb(error: BaseException) -> MachineError | None:
    if not isinstance(error, duckdb.Error):
        return None
    text = str(error)
    found = _PATH.search(text)
    path = Path(found[1]) if found else None
    for number in _ERRNOS:
        if os.strerror(number) in text:
            return os_error(number, path)
    if any(words in text for words in _TOO_LITTLE_DISK):
        return os_error(errno.ENOSPC, path)
    if isinstance(error, duckdb.OutOfMemoryException):
        return os_error(errno.ENOMEM, None)
    if isinstance(error, duckdb.IOException | duckdb.FatalException) and is_damage(error):
        return MachineError(
            f"A file of the warehouse is damaged ({first_line(error)}): `channels-assets doctor` "
            "says which, and what to do. 数据库文件已损坏，请运行 channels-assets doctor 查看处理办法。",
            path,
        )
    return None
