"""`channels-assets dev`: Dagster's web server and daemon, once per instance, ended with this command."""

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
_WAIT_FOR_THE_LAST_SECONDS = SECONDS_FOR_DAGSTER + SECONDS_FOR_RUNS + 10


def run_dev(port: int) -> int:
    """Until Dagster has ended; gives the exit code.

    Raises ConfigError when `dev` runs on this instance already, or the port is taken.
    """
    with _only_one(Path(os.environ["DAGSTER_HOME"]), port) as lock:
        _require_free(port)
        click.echo(f"Dagster UI: http://{HOST}:{port} (Ctrl-C ends it)", err=True)
        command = [sys.executable, "-m", "dagster", "dev", "-h", HOST, "-p", str(port)]
        if not Path("workspace.yaml").exists():
            command += ["-m", "channels_assets.definitions"]
        return _run_guarded(command, lock)


def _run_guarded(command: list[str], lock: int) -> int:
    told, tell = os.pipe()
    asked: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        with suppress(OSError):
            os.write(tell, b"!")

    numbers = [signal.SIGINT, signal.SIGTERM]
    # Ignored under nohup: who says so wants it to go on without the terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    # A child inherits signals that are ignored, as in a shell's background, but no handlers: set
    # before it starts, these let Dagster end when it is told to.
    for number in numbers:
        signal.signal(number, end)
    # Dagster plans each partition of a run with an event of its own: many in one transaction.
    together = {"DAGSTER_EVENT_BATCH_SIZE": "500", **os.environ}
    # A session of its own: Ctrl-C and the end of the terminal come from here alone.
    guard = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", str(_GUARD), str(told), str(lock), *command],
        start_new_session=True,
        env=together,
        pass_fds=(told, lock),
    )
    os.close(told)
    code = guard.wait()
    if code < 0:
        # Somebody has killed the guard.
        Tree(guard.pid).kill()
    if asked:
        return 0
    # The terminal may be gone.
    with suppress(OSError):
        click.echo("channels-assets: Dagster has ended by itself; its log says why.", err=True)
    return code if code > 0 else 1


@contextmanager
def _only_one(home: Path, port: int) -> Generator[int]:
    """The lock of this instance's `dev`; gives its descriptor. A `dev` that ends just now is awaited."""
    path = home / "channels_assets" / "dev.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open_lock_file(path, 0o600)
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise ConfigError(
            f"The lock file {path} can't be opened: {why}. Remove it, or give it to this user."
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
            holder = _told(lock)
            if not _ends(holder) or (deadline is not None and time.monotonic() > deadline):
                raise ConfigError(_already(holder)) from None
        else:
            return
        if deadline is None:
            click.echo("The last `channels-assets dev` is still ending: waiting for it.", err=True)
            deadline = time.monotonic() + _WAIT_FOR_THE_LAST_SECONDS
        time.sleep(0.1)


def _told(lock: int) -> dict[str, Any]:
    """What the holder has written; nothing where it has just begun to."""
    try:
        return json.loads(os.pread(lock, 1024, 0))
    except ValueError:
        return {}


def _ends(holder: dict[str, Any]) -> bool:
    return "ending" in holder or ("pid" in holder and not _runs(holder["pid"]))


def _runs(pid: int) -> bool:
    return any(one.pid == pid for one in processes())


def _already(holder: dict[str, Any]) -> str:
    if not holder:
        return "`channels-assets dev` is starting on this Dagster instance already."
    pid, url = holder["pid"], f"http://{HOST}:{holder['port']}"
    if _runs(pid):
        how = f"End it with Ctrl-C in its terminal, or with `kill {pid}`."
    else:
        # Killed together with its guard.
        pid = holder.get("dagster", pid)
        how = f"It was killed, and its Dagster was left: end that with `kill -INT {pid}`."
    return (
        f"`channels-assets dev` runs on this Dagster instance already: process {pid}, {url}. {how}"
    )


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the web server does: what an earlier one has left in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = "is in use by another program" if error.errno == errno.EADDRINUSE else None
            raise ConfigError(
                f"Port {port} of {HOST} {why or f'can not be used: {error.strerror}'}. Choose "
                f"another one: `channels-assets dev --port {port + 1 if port < 65535 else 3000}`."
            ) from None
