"""What this machine lacks: disk, rights, locks, memory, files that are whole. One line says what to do.

Such an error is never retried. The command prints its line and ends with exit code 3; a run of Dagster
fails with the same line. What DuckDB says of the machine: warehouse/machine_faults.py.
"""

from __future__ import annotations

import errno
import os
import pwd
import re
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote


class MachineError(Exception):
    """This machine lacks something. `str(error)` is one line for users, in English and Chinese.

    `path` is the file or folder that it is about, where there is one.
    """

    def __init__(self, message: str, path: Path | str | None = None) -> None:
        super().__init__(message)
        self.path = None if path is None else str(path)


Mapping = Callable[[BaseException], MachineError | None]


def machine_error_of(error: BaseException, more: Mapping | None = None) -> MachineError | None:
    """The machine error that `error` is, or that caused it; None where the machine is not the cause.

    `more` knows the errors of a further library.
    """
    for cause in _causes(error):
        found = _of_single(cause) or (more(cause) if more else None)
        if found is not None:
            return found
    return None


def os_error(number: int, path: Path | str | None, text: str = "") -> MachineError:
    """The machine error for an errno; `text` is what the system says of it."""
    if number in (errno.EACCES, errno.EPERM) and path is not None:
        return _no_rights(Path(path))
    template, template_zh = _OS_ERRORS.get(number, _OTHER)
    values = {"path": path or "the disk", "text": text or os.strerror(number)}
    values_zh = {**values, "path": path or "磁盘"}
    return MachineError(f"{template.format(**values)} {template_zh.format(**values_zh)}", path)


def is_about_the_machine(number: int) -> bool:
    """Whether this errno is about the machine whatever was done; others only where a file is named."""
    return number in _OS_ERRORS or number in (errno.EACCES, errno.EPERM)


def owner_of(path: Path) -> str:
    """The name of the file's owner, or its number, or "?"."""
    try:
        number = path.stat().st_uid
    except OSError:
        return "?"
    return _user_name(number)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = set[int]()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden


def _of_single(error: BaseException) -> MachineError | None:
    found = None
    if isinstance(error, MachineError):
        found = error
    elif isinstance(error, sqlite3.Error):
        found = _of_sqlite(error)
    elif isinstance(error, MemoryError):
        found = os_error(errno.ENOMEM, None)
    elif isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        found = os_error(errno.EAGAIN, None)
    elif isinstance(error, OSError) and error.errno is not None and not _is_of_network(error):
        # Of two names, the second is that of the file to write.
        named: object = error.filename2 or error.filename
        path = os.fsdecode(named) if isinstance(named, str | bytes) else None
        if path is not None and _TEMPORARY.fullmatch(os.path.basename(path)):
            # It is gone by now.
            path = os.path.dirname(path)
        if path is not None or is_about_the_machine(error.errno):
            found = os_error(error.errno, path, error.strerror or "")
    return found


def _is_of_network(error: OSError) -> bool:
    return isinstance(error, ConnectionError | TimeoutError | BlockingIOError)


def _no_rights(path: Path) -> MachineError:
    """The file itself, or the folder that keeps this user from it or from making it."""
    blamed = path
    while not os.path.lexists(blamed) and blamed != blamed.parent:
        blamed = blamed.parent
    if os.access(blamed, os.R_OK | os.W_OK) and os.access(blamed.parent, os.R_OK | os.X_OK):
        # It can be written itself: then its folder can't be.
        blamed = blamed.parent
    owner, user = owner_of(blamed), _user_name(os.geteuid())
    if owner not in (user, "?"):
        return MachineError(
            f"{path} can't be used: {blamed} belongs to another user ({owner}). Let this user ({user}) read "
            "and write there, or set CHANNELS_DATA and DAGSTER_HOME to other folders. The data is whole: "
            f"move nothing away. 无法使用 {path}：{blamed} 属于其他用户（{owner}），请授予 {user} 读写权限，"
            "或更换 CHANNELS_DATA 与 DAGSTER_HOME。数据完好，请勿移走文件。",
            path,
        )
    return MachineError(
        f"{path} can't be used by this user ({user}): permission denied. Give it the right to read and "
        f"write there (chmod u+rwX {blamed}), or set CHANNELS_DATA to another folder. "
        f"本用户无权读写 {path}：请修改权限，或用 CHANNELS_DATA 指定其他目录。",
        path,
    )


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _of_sqlite(error: sqlite3.Error) -> MachineError | None:
    """Dagster's own databases are the only SQLite files here; SQLite does not name the file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    home = os.environ.get("DAGSTER_HOME")
    number = _SQLITE_ERRNOS.get(code)
    if number is None and code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        number = _exhausted(code, home)
    if number is not None:
        return os_error(number, home)
    if code not in _SQLITE_FILE_CODES:
        return None
    file = (_unusable_database(Path(home)) if home else None) or home
    if file is not None and code not in _SQLITE_DAMAGE:
        if Path(file).is_dir() and str(file).endswith(".db"):
            return os_error(errno.EISDIR, file)
        if not os.access(file, os.R_OK | os.W_OK):
            return os_error(errno.EACCES, file)
    if code in _SQLITE_DAMAGE:
        return MachineError(
            f"Dagster's database {file} is damaged ({error}): move it away, with the -wal and -shm files "
            "beside it, and the next command makes it anew. It holds Dagster's history alone; the data in "
            f"DuckDB is not in it. Dagster 的数据库 {file} 已损坏：请将其移走，下次运行会重新创建；"
            "DuckDB 中的数据不受影响。",
            file,
        )
    return MachineError(
        f"Dagster's database in {file} can't be opened or written ({error}): is the disk full, read-only, or "
        "are too many files open? Look at df and ulimit -a, then start the command again. "
        f"无法读写 Dagster 的数据库 {file}：请检查磁盘空间、权限和 ulimit 后重试。",
        file,
    )


def _exhausted(code: int, home: str | None) -> int | None:
    """SQLite keeps the system's error to itself: what this process has too little of."""
    if code == sqlite3.SQLITE_CANTOPEN:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return errno.EMFILE if 0 <= soft < _FEW_FILES else None
    with suppress(OSError):
        if home and shutil.disk_usage(home).free < _LITTLE_SPACE:
            return errno.ENOSPC
    largest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if largest == resource.RLIM_INFINITY else errno.EFBIG


def _unusable_database(home: Path) -> Path | None:
    """The first of Dagster's SQLite files that can't be read whole."""
    for path in sorted(home.rglob("*.db")):
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as con:
                [(answer,)] = con.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.Error:
            return path
        with suppress(OSError):
            if answer != "ok" or not os.access(path, os.W_OK):
                return path
    return None


_FEW_FILES = 64
_LITTLE_SPACE = 1024 * 1024
_TEMPORARY = re.compile(r"\..*\.tmp")
_SQLITE_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SQLITE_FILE_CODES = (
    *_SQLITE_DAMAGE,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)
_SQLITE_ERRNOS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_NOLFS: errno.EFBIG,
    sqlite3.SQLITE_PROTOCOL: errno.ENOLCK,
}
_FULL = (
    "No space left on the disk of {path}: free some (`df -h` shows it), or set CHANNELS_DATA to a larger "
    "disk. Nothing was lost, and the next refresh goes on from here.",
    "{path} 所在磁盘空间不足：请清理磁盘，或用 CHANNELS_DATA 指定更大的磁盘。已写入的数据完好，"
    "下次刷新会继续。",
)
_NO_LOCKS = (
    "The file system of {path} has no locks ({text}), as NFS without its lock service and some network disks: "
    "set CHANNELS_DATA and DAGSTER_HOME to folders on a local disk.",
    "{path} 所在文件系统不支持文件锁：请用 CHANNELS_DATA 和 DAGSTER_HOME 指定本地磁盘上的目录。",
)
_MANY_FILES = (
    "Too many files are open ({text}): raise the limit of this shell or service, as with ulimit -n 4096.",
    "打开的文件过多：请提高上限，例如 ulimit -n 4096。",
)
_OS_ERRORS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: (
        "{path} is on a read-only file system: mount it for writing, or set CHANNELS_DATA and DAGSTER_HOME "
        "to other folders.",
        "{path} 所在文件系统为只读：请以可写方式挂载，或更换 CHANNELS_DATA 与 DAGSTER_HOME。",
    ),
    errno.ENOLCK: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
    errno.ENOSYS: _NO_LOCKS,
    errno.EMFILE: _MANY_FILES,
    errno.ENFILE: _MANY_FILES,
    errno.EFBIG: (
        "{path} would be larger than this process may write: raise the limit (ulimit -f unlimited), or use "
        "a file system that takes larger files.",
        "{path} 超过允许的文件大小：请提高上限（ulimit -f unlimited），或更换文件系统。",
    ),
    errno.ENOMEM: (
        "Not enough memory: end other programs, raise the limit (ulimit -v, or that of the container), or "
        "set a lower `max_in_flight` in [api].",
        "内存不足：请关闭其他程序，提高内存上限，或调低 [api] 的 max_in_flight。",
    ),
    errno.EAGAIN: (
        "No further thread or process can be started: raise the limit (ulimit -u, or that of the "
        "container), or set a lower `max_in_flight` in [api].",
        "无法启动更多线程或进程：请提高上限（ulimit -u），或调低 [api] 的 max_in_flight。",
    ),
    errno.EIO: (
        "The disk of {path} can't be read or written ({text}): look at the system's log (dmesg), and check "
        "the disk.",
        "{path} 所在磁盘读写出错：请查看系统日志并检查磁盘。",
    ),
    errno.EISDIR: (
        "{path} is a folder where a file should be: move it away.",
        "{path} 应是文件，却是目录：请将其移走。",
    ),
    errno.ENOTDIR: (
        "{path} can't be used, because a file is where a folder should be: move the file away.",
        "{path} 的路径中应是目录之处是文件：请将该文件移走。",
    ),
    errno.EEXIST: (
        "{path} is in the way of a folder that is needed: move it away.",
        "{path} 占用了所需目录的位置：请将其移走。",
    ),
    errno.ELOOP: (
        "{path} is a symbolic link where none is followed: remove it.",
        "{path} 是符号链接，此处不允许：请删除。",
    ),
}
_OTHER = (
    "{path} can't be used: {text}. `channels-assets doctor` says more.",
    "无法使用 {path}，可运行 channels-assets doctor 查看详情。",
)
