"""`channels-assets dev`: Dagster's web server and daemon, once per instance, until this command ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from channels_assets.cli.dev_guard import SECONDS_FOR_DAGSTER, SECONDS_FOR_RUNS, Tree, processes
from channels_assets.config import ConfigError
from channels_assets.files import open_lock_file

HOST = "127.0.0.1"
_GUARD = Path(__file__).with_name("dev_guard.py")
_PREVIOUS_SECONDS = SECONDS_FOR_DAGSTER + SECONDS_FOR_RUNS + 10


def run_dev(port: int) -> int:
    """Runs until Dagster has ended; returns the exit code.

    Raises ConfigError when `dev` runs on this instance already, or the port is taken.
    """
    with _dev_lock(Path(os.environ["DAGSTER_HOME"]), port) as lock:
        _require_free(port)
        click.echo(f"Dagster UI: http://{HOST}:{port} (Ctrl-C ends it)", err=True)
        command = [sys.executable, "-m", "dagster", "dev", "-h", HOST, "-p", str(port)]
        if not Path("workspace.yaml").exists():
            command += ["-m", "channels_assets.definitions"]
        return _run_guarded(command, lock)


def _run_guarded(command: list[str], lock: int) -> int:
    reading, writing = os.pipe()
    signals: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        with suppress(OSError):
            os.write(writing, b"!")

    numbers = [signal.SIGINT, signal.SIGTERM]
    # Ignored under nohup, which means: go on without the terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    # A child inherits ignored signals, as in a shell's background job, but no handlers: these handlers,
    # set before it starts, let Dagster end at a signal.
    for number in numbers:
        signal.signal(number, handle)
    # Dagster plans each partition of a run with an event: many in one transaction.
    environment = {"DAGSTER_EVENT_BATCH_SIZE": "500", **os.environ}
    # A session of its own: only this command passes on Ctrl-C and the end of the terminal.
    guard = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", str(_GUARD), str(reading), str(lock), *command],
        start_new_session=True,
        env=environment,
        pass_fds=(reading, lock),
    )
    os.close(reading)
    code = guard.wait()
    if code < 0:
        # The guard was killed.
        Tree(guard.pid).kill()
    if signals:
        return 0
    # The terminal may be gone.
    with suppress(OSError):
        click.echo("channels-assets: Dagster has ended by itself; its log says why.", err=True)
    return code if code > 0 else 1


@contextmanager
def _dev_lock(home: Path, port: int) -> Generator[int]:
    """The lock of this instance's `dev`; yields its descriptor. Waits for a `dev` that is ending."""
    path = home / "channels_assets" / "dev.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open_lock_file(path, 0o600)
    except OSError as error:
        reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        reason_zh = "它是符号链接" if error.errno == errno.ELOOP else error.strerror
        raise ConfigError(
            f"The lock file {path} can't be opened: {reason}. Remove it, or give it to this user.",
            f"无法打开锁文件 {path}：{reason_zh}。请删除它，或授予本用户权限。",
        ) from None
    try:
        _lock(lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"pid": os.getpid(), "port": port}).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _lock(lock: int) -> None:
    deadline = None
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(lock)
            if not _is_ending(holder) or (deadline is not None and time.monotonic() > deadline):
                raise _refusal(holder) from None
        else:
            return
        if deadline is None:
            click.echo("The last `channels-assets dev` is still ending: waiting for it.", err=True)
            deadline = time.monotonic() + _PREVIOUS_SECONDS
        time.sleep(0.1)


def _read_holder(lock: int) -> dict[str, Any]:
    """What the holder has written; nothing when it has just taken the lock."""
    try:
        return json.loads(os.pread(lock, 1024, 0))
    except ValueError:
        return {}


def _is_ending(holder: dict[str, Any]) -> bool:
    return "ending" in holder or ("pid" in holder and not _is_running(holder["pid"]))


def _is_running(pid: int) -> bool:
    return any(process.pid == pid for process in processes())


def _refusal(holder: dict[str, Any]) -> ConfigError:
    if not holder:
        return ConfigError(
            "`channels-assets dev` is starting on this Dagster instance already.",
            "该 Dagster 实例上已有一个 `channels-assets dev` 正在启动。",
        )
    pid, url = holder["pid"], f"http://{HOST}:{holder['port']}"
    if _is_running(pid):
        remedy = f"End it with Ctrl-C in its terminal, or with `kill {pid}`."
        remedy_zh = f"请在其终端按 Ctrl-C，或运行 `kill {pid}`。"
    else:
        # Killed together with its guard.
        pid = holder.get("dagster", pid)
        remedy = f"It was killed, and its Dagster was left: end that with `kill -INT {pid}`."
        remedy_zh = f"它已被杀死，但其 Dagster 仍在：请运行 `kill -INT {pid}`。"
    return ConfigError(
        f"`channels-assets dev` runs on this Dagster instance already: process {pid}, {url}. {remedy}",
        f"该 Dagster 实例上已有 `channels-assets dev` 在运行：进程 {pid}，{url}。{remedy_zh}",
    )


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the web server does: a connection of an earlier one in TIME_WAIT does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            reason = (
                "is in use by another program" if in_use else f"can't be used: {error.strerror}"
            )
            reason_zh = "已被其他程序占用" if in_use else f"无法使用：{error.strerror}"
            command = f"`channels-assets dev --port {port + 1 if port < 65535 else 3000}`"
            raise ConfigError(
                f"Port {port} of {HOST} {reason}. Choose another one: {command}.",
                f"{HOST} 的端口 {port} {reason_zh}。请换一个：{command}。",
            ) from None
