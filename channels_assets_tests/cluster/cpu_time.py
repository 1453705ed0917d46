"""CPU time of a fleet by kind of process, from Linux's /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 1.0
# By a word of the command line; the first match counts.
_KINDS = {
    "celery": "workers",
    "postgres": "PostgreSQL",
    "redis-server": "Redis",
    "dagster-daemon": "daemon",
    "dagster-webserver": "UI",
}
_THIS_PROCESS = "sandbox and test"


class CpuTime:
    """Between entering and leaving it, of this process and all its descendants; str() shows it.

    Children that were started in between count in full.
    """

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, int], float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._before = _seconds_of_processes()
        self._machine = _seconds_of_machine()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        now = _seconds_of_machine()
        used, available = (after - before for after, before in zip(now, self._machine, strict=True))
        self._busy = used / available

    def __str__(self) -> str:
        by_kind: dict[str, float] = {}
        for (kind, pid), seconds in self._seconds.items():
            before = self._before.get((kind, pid), 0.0)
            by_kind[kind] = by_kind.get(kind, 0.0) + seconds - before
        kinds = sorted(by_kind, key=lambda kind: -by_kind[kind])
        shown = ", ".join(f"{kind} {by_kind[kind]:.0f} s" for kind in kinds)
        return f"{os.cpu_count()} cores {self._busy:.0%} busy; {shown}"

    def _watch(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            # The figures of a killed process go with it: keep the last sample.
            self._seconds.update(_seconds_of_processes())


def _seconds_of_processes() -> dict[tuple[str, int], float]:
    """By kind and process, its ended children included."""
    children: dict[int, list[int]] = {}
    used: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        used[int(folder.name)] = [int(ticks) for ticks in fields[11:15]]

    def tree(pid: int) -> int:
        return sum(used.get(pid, [])) + sum(tree(child) for child in children.get(pid, []))

    mine = os.getpid()
    seconds = {(_THIS_PROCESS, mine): sum(used[mine][:2]) / _TICKS}
    for pid in children.get(mine, []):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        kind = next((kind for word, kind in _KINDS.items() if word in command), None)
        if kind is not None:
            seconds[kind, pid] = tree(pid) / _TICKS
    return seconds


def _seconds_of_machine() -> tuple[float, float]:
    """CPU time used and available on all cores since the machine was started."""
    fields = [int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / _TICKS, sum(fields) / _TICKS
