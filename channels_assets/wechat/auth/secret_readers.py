"""Secrets from other programs, in a file or printed by a command. Messages never show their output."""

from __future__ import annotations

import errno
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from channels_assets.files import MAX_BYTES, read_regular
from channels_assets.wechat.errors import PermissionDenied, Transient

Reader = Callable[[], str]

COMMAND_SECONDS = 30.0
_SECRET = re.compile(r"[\x21-\x7e]{8,4096}")
_READS, _PAUSE_SECONDS = 3, 0.1
_WRONG_FILE_ERRNOS = (errno.EINVAL, errno.EFBIG, errno.EISDIR, errno.ENXIO)
_WRONG_FILE = (
    f"It must be a regular file of at most {MAX_BYTES // 1024} kB, with the token or ticket alone.",
    f"必须是不超过 {MAX_BYTES // 1024} kB 的普通文件，只含 token 或 ticket 本身。",
)
_UNREADABLE = (
    "Does the program that writes it run, on this machine and for this user?",
    "请确认写入该文件的程序在运行，且本用户有读取权限。",
)


def file_reader(setting: str, path: Path) -> Reader:
    """Reads `path` each time. `setting` is its name in channels.toml."""

    def read() -> str:
        return _checked(_text_of(setting, path), setting, f"{path} holds")

    return read


def command_reader(setting: str, command: Sequence[str], hidden: Collection[str] = ()) -> Reader:
    """Runs `command` each time, without a shell. Messages never show its arguments or output.

    `hidden`: the environment variables that are removed for it, the secrets of other accounts.
    """

    def read() -> str:
        return _checked(_output_of(setting, command, hidden), setting, f"{command[0]} printed")

    return read


def _text_of(setting: str, path: Path) -> str:
    for reads_left in reversed(range(_READS)):
        try:
            text = read_regular(path).strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            is_wrong_file = isinstance(error, OSError) and error.errno in _WRONG_FILE_ERRNOS
            todo, todo_zh = _WRONG_FILE if is_wrong_file else _UNREADABLE
            raise PermissionDenied(
                f"`{setting}` {path} can't be read: {why}.",
                endpoint=setting,
                remedy=f"{todo} 无法读取 {setting}：{todo_zh}",
            ) from None
        if text or not reads_left:
            return text
        # Its writer may have emptied it a moment ago.
        time.sleep(_PAUSE_SECONDS)
    return ""


def _output_of(setting: str, command: Sequence[str], hidden: Collection[str]) -> str:
    remedy = (
        "Run it by hand as this user; what it says is not shown here, since that may hold a secret. "
        f"请以本用户手动运行 {setting}；其输出可能含有密钥，此处不显示。"
    )
    deadline = time.monotonic() + COMMAND_SECONDS
    try:
        process = subprocess.Popen(  # noqa: S603 (the user's own command, no shell)
            list(command),
            env={name: value for name, value in os.environ.items() if name not in hidden},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise PermissionDenied(
            f"`{setting}` {command[0]} can't be started: {error.strerror}.",
            endpoint=setting,
            remedy=remedy,
        ) from None
    try:
        with cast("IO[bytes]", process.stdout) as pipe:
            output = _all_of(pipe, deadline)
        if len(output) > MAX_BYTES:
            raise PermissionDenied(
                f"`{setting}` {command[0]} printed more than {MAX_BYTES // 1024} kB, and was ended.",
                endpoint=setting,
                remedy=remedy,
            )
        process.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        raise Transient(
            f"`{setting}` {command[0]} did not end within {COMMAND_SECONDS:.0f} s.",
            endpoint=setting,
            remedy=remedy,
        ) from None
    finally:
        # The whole process group: what the command started as well.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0:
        raise PermissionDenied(
            f"`{setting}` {command[0]} failed with exit code {process.returncode}.",
            endpoint=setting,
            remedy=remedy,
        )
    return output.decode("utf-8", "replace").strip()


def _all_of(pipe: IO[bytes], deadline: float) -> bytes:
    """The output up to its end, or a little more than MAX_BYTES of it."""
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= MAX_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            chunk = os.read(pipe.fileno(), MAX_BYTES)
            if not chunk:
                break
            output += chunk
    return output


def _checked(text: str, setting: str, what: str) -> str:
    if _SECRET.fullmatch(text):
        return text
    lines = len(text.splitlines())
    found = f"{lines} lines" if lines > 1 else "something with spaces or other signs in it"
    raise PermissionDenied(
        f"`{setting}` {what} {found if text else 'nothing'} where one word is expected.",
        endpoint=setting,
        remedy="It must be the token or ticket alone, no JSON and no quotes. "
        f"{setting} 应只含 token 或 ticket 本身，不带 JSON 或引号。",
    )
