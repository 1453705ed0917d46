"""The guard of `channels-assets dev`: a process of its own that starts Dagster and ends all of it.

The command may die by any signal, also by one that no process can handle. The guard outlives it: it
reads a pipe that the command holds. A byte asks for an end; the end of the pipe means that the command
is gone. The guard runs as a file of its own with the standard library alone, so it is small.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SECONDS_FOR_DAGSTER = 20
"""For web server and daemon, which Dagster ends in order at a SIGINT."""
SECONDS_FOR_RUNS = 15
"""For the runs under way. A call may take longer; its list then goes on at the next refresh."""
_SECONDS_FOR_THE_KERNEL = 5
_LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True)
class Process:
    """`start` tells it from a later process with the same pid."""

    pid: int
    start: str
    parent: int
    session: int


def processes(proc: Path = Path("/proc")) -> list[Process]:
    """All processes that run, without those that have ended and wait for their parent."""
    return list(_of_proc(proc) if (proc / "self" / "stat").exists() else _of_ps())


def _of_proc(proc: Path) -> Iterator[Process]:
    for folder in proc.glob("[0-9]*"):
        with suppress(OSError):
            # The name in parentheses may itself hold spaces and parentheses.
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if fields[0] not in ("Z", "X"):
                yield Process(int(folder.name), fields[19], int(fields[1]), int(fields[3]))


def _of_ps() -> Iterator[Process]:
    """macOS has no /proc, and its ps does not print the session's number."""
    command = ["ps", "-A", "-o", "pid=,ppid=,stat=,lstart="]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as ps:  # noqa: S603
        shown = ps.communicate()[0].decode()
    for line in shown.splitlines():
        pid, parent, state, *start = line.split()
        with suppress(OSError):
            if not state.startswith("Z") and int(pid) != ps.pid:
                yield Process(int(pid), " ".join(start), int(parent), os.getsid(int(pid)))


def with_descendants(found: Iterable[Process], running: Iterable[Process]) -> set[Process]:
    family, size = set(found), -1
    while size < len(family):
        size = len(family)
        pids = {one.pid for one in family}
        family.update(one for one in running if one.parent in pids)
    return family


def descendants(pid: int) -> set[int]:
    running = processes()
    own = [one for one in running if one.pid == pid]
    return {one.pid for one in with_descendants(own, running)} - {pid}


def send(number: int, pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


class Tree:
    """The processes of a session and whatever they started, which may have a session of its own."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._seen = set[tuple[int, str]]()

    def rest(self) -> set[int]:
        """The pids of those that still run, less the process that asks."""
        running = processes()
        roots = (
            one
            for one in running
            if one.session == self._session or (one.pid, one.start) in self._seen
        )
        family = with_descendants(roots, running)
        # A process whose parent has ended is no descendant any more.
        self._seen.update((one.pid, one.start) for one in family)
        return {one.pid for one in family} - {os.getpid()}

    def kill(self) -> None:
        deadline = time.monotonic() + _SECONDS_FOR_THE_KERNEL
        while (rest := self.rest()) and time.monotonic() < deadline:
            send(signal.SIGKILL, rest)
            time.sleep(0.02)


class Guard:
    def __init__(self, pipe: int, lock: int, command: list[str]) -> None:
        self._pipe, self._lock = pipe, lock
        self._woken = _woken_by_signals()
        self._asked = self._gone = False
        # Dagster holds the lock as well: if the guard dies together with the command, no second
        # `dev` starts beside what they have left.
        self._dagster = subprocess.Popen(command, pass_fds=(lock,))  # noqa: S603
        self._write(dagster=self._dagster.pid)

    def watch(self) -> int:
        """Waits until Dagster has ended, by itself or because it must; gives its exit code."""
        while not (self._has_ended() or self._asked or self._gone):
            self._listen(None)
        self._write(ending=True)
        tree = Tree(os.getsid(0))
        tree.rest()
        if not self._has_ended():
            self._dagster.send_signal(signal.SIGINT)
            self._give(SECONDS_FOR_DAGSTER, self._has_ended)
        if not self._in_haste:
            send(signal.SIGTERM, tree.rest())
            self._give(SECONDS_FOR_RUNS, lambda: not tree.rest())
        tree.kill()
        return self._dagster.wait()

    @property
    def _in_haste(self) -> bool:
        """The command was asked to end, and has gone before all was done: by a second Ctrl-C."""
        return self._asked and self._gone

    def _has_ended(self) -> bool:
        return self._dagster.poll() is not None

    def _give(self, seconds: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not (done() or self._in_haste or time.monotonic() > deadline):
            self._listen(_LOOK_AGAIN_SECONDS)

    def _listen(self, seconds: float | None) -> None:
        """Until the command says something, a signal comes, or the time is over."""
        sources = [self._woken] if self._gone else [self._woken, self._pipe]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._woken in ready:
            self._woken.recv(1024)
        if self._pipe in ready:
            if os.read(self._pipe, 1024):
                self._asked = True
            else:
                self._gone = True

    def _write(self, **more: object) -> None:
        """Into the lock file, for the next `dev`."""
        told = json.loads(os.pread(self._lock, 1024, 0))
        os.pwrite(self._lock, json.dumps({**told, **more}).encode(), 0)


def _woken_by_signals() -> socket.socket:
    """The end of a child wakes the guard. It outlives what ends others, so that it can end them."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN, which Dagster would inherit.
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    return reading


if __name__ == "__main__":
    sys.exit(Guard(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]).watch())
