"""Where a fleet's processor time goes, by kind of process: from Linux's /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_EVERY_SECONDS = 1.0
# By a word of its command line, the first that is found.
_KINDS = {
    "celery": "workers",
    "postgres": "PostgreSQL",
    "redis-server": "Redis",
    "dagster-daemon": "daemon",
    "dagster-webserver": "UI",
}
_MYSELF = "sandbox and test"


class Spent:
    """From its beginning to its end; str() tells. Looks at the children of this process and all below.

    Children that were not there at the beginning count in full.
    """

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, int], float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._before = _look()
        self._machine = _machine()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        busy, there = (now - then for now, then in zip(_machine(), self._machine, strict=True))
        self._busy = busy / there

    def __str__(self) -> str:
        told: dict[str, float] = {}
        for key, seconds in self._seconds.items():
            told[key[0]] = told.get(key[0], 0.0) + seconds - self._before.get(key, 0.0)
        most = sorted(told.items(), key=lambda one: -one[1])
        shown = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in most)
        return f"{os.cpu_count()} cores {self._busy:.0%} busy; {shown}"

    def _watch(self) -> None:
        while not self._end.wait(_EVERY_SECONDS):
            # One that is killed takes its figures with it: keep the last that were seen.
            self._seconds.update(_look())


def _look() -> dict[tuple[str, int], float]:
    """Seconds by kind and process, its ended children included."""
    children: dict[int, list[int]] = {}
    used: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        used[int(folder.name)] = [int(one) for one in fields[11:15]]

    def tree(pid: int) -> int:
        return sum(used.get(pid, [])) + sum(tree(one) for one in children.get(pid, []))

    mine = os.getpid()
    seconds = {(_MYSELF, mine): sum(used[mine][:2]) / _TICKS}
    for pid in children.get(mine, []):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        kind = next((kind for word, kind in _KINDS.items() if word in command), None)
        if kind is not None:
            seconds[kind, pid] = tree(pid) / _TICKS
    return seconds


def _machine() -> tuple[float, float]:
    """Processor time that was used, and that was there, on all cores since the machine began."""
    fields = [int(one) for one in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / _TICKS, sum(fields) / _TICKS
