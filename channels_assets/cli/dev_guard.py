"""The guard of `channels-assets dev`: a process that starts Dagster and ends all of its processes.

The command may be killed by SIGKILL, which it can't handle; the guard goes on. It reads a pipe that the
command holds open: a byte is a request to end, and the end of the pipe means that the command has ended.
The guard runs this file with the standard library alone, so that it takes little memory.
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
"""For web server and daemon, which Dagster ends in order after SIGINT."""
SECONDS_FOR_RUNS = 15
"""For the runs under way. A call may take longer; its list then goes on at the next refresh."""
_KILL_SECONDS = 5
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Process:
    """`start` differs from that of a later process with the same pid."""

    pid: int
    start: str
    parent: int
    session: int


def processes(proc: Path = Path("/proc")) -> list[Process]:
    """All running processes, without zombies."""
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


def with_descendants(roots: Iterable[Process], running: Iterable[Process]) -> set[Process]:
    family, size = set(roots), -1
    while size < len(family):
        size = len(family)
        pids = {process.pid for process in family}
        family.update(process for process in running if process.parent in pids)
    return family


def descendants(pid: int) -> set[int]:
    running = processes()
    roots = [process for process in running if process.pid == pid]
    return {process.pid for process in with_descendants(roots, running)} - {pid}


def send(number: int, pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


class Tree:
    """The processes of a session and their descendants, which may be in other sessions."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._seen = set[tuple[int, str]]()

    def pids(self) -> set[int]:
        """Of the processes that still run, without the calling process."""
        running = processes()
        roots = (
            process
            for process in running
            if process.session == self._session or (process.pid, process.start) in self._seen
        )
        family = with_descendants(roots, running)
        # A process whose parent has ended is no descendant any more.
        self._seen.update((process.pid, process.start) for process in family)
        return {process.pid for process in family} - {os.getpid()}

    def kill(self) -> None:
        deadline = time.monotonic() + _KILL_SECONDS
        while (pids := self.pids()) and time.monotonic() < deadline:
            send(signal.SIGKILL, pids)
            time.sleep(0.02)


class Guard:
    def __init__(self, pipe: int, lock: int, command: list[str]) -> None:
        self._pipe, self._lock = pipe, lock
        self._wakeup = _signal_wakeup()
        self._end_requested = self._command_ended = False
        # Dagster holds the lock as well: if guard and command are both killed, no second `dev` starts
        # while that Dagster runs.
        self._dagster = subprocess.Popen(command, pass_fds=(lock,))  # noqa: S603
        self._write(dagster=self._dagster.pid)

    def watch(self) -> int:
        """Waits until Dagster has ended, by itself or by request; returns its exit code."""
        while not (self._dagster_ended() or self._end_requested or self._command_ended):
            self._listen(None)
        self._write(ending=True)
        tree = Tree(os.getsid(0))
        tree.pids()
        if not self._dagster_ended():
            self._dagster.send_signal(signal.SIGINT)
            self._wait(SECONDS_FOR_DAGSTER, self._dagster_ended)
        if not self._must_kill:
            send(signal.SIGTERM, tree.pids())
            self._wait(SECONDS_FOR_RUNS, lambda: not tree.pids())
        tree.kill()
        return self._dagster.wait()

    @property
    def _must_kill(self) -> bool:
        """The command was asked to end, and then ended early: after a second Ctrl-C."""
        return self._end_requested and self._command_ended

    def _dagster_ended(self) -> bool:
        return self._dagster.poll() is not None

    def _wait(self, seconds: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not (done() or self._must_kill or time.monotonic() > deadline):
            self._listen(_POLL_SECONDS)

    def _listen(self, seconds: float | None) -> None:
        """Waits for the command, a signal or the timeout."""
        sources = [self._wakeup] if self._command_ended else [self._wakeup, self._pipe]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._wakeup in ready:
            self._wakeup.recv(1024)
        if self._pipe in ready:
            if os.read(self._pipe, 1024):
                self._end_requested = True
            else:
                self._command_ended = True

    def _write(self, **more: object) -> None:
        """Into the lock file, for the next `dev`."""
        written = json.loads(os.pread(self._lock, 1024, 0))
        os.pwrite(self._lock, json.dumps({**written, **more}).encode(), 0)


def _signal_wakeup() -> socket.socket:
    """A socket that becomes readable at each signal, also at the end of a child (SIGCHLD)."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The guard itself must not end. Not SIG_IGN, which Dagster would inherit.
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    return reading


if __name__ == "__main__":
    sys.exit(Guard(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]).watch())
