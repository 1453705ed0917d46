"""`channels-assets dev`, left alone and killed again and again: does it go on, and is nothing lost?

python -m channels_assets_tests.e2e.left_alone --minutes 30 --kills 10 [--seed N]

A project folder beside a sandbox whose lists change all the time, schedules every minute. At random
moments, most of them during a run, either every process is killed at once, as by a power cut, or the
command alone; then `dev` is started again. After each start both schedules must bring a refresh to a
good end, every run from before must have ended, and every row of history that could be read before the
kill must still be there.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster import DagsterRunStatus, RunsFilter

from channels_assets.sandbox import Call, Sandbox, World, pass_day
from channels_assets.warehouse import connect
from channels_assets_tests.e2e.test_refresh import (
    expected_article_products,
    expected_articles,
    expected_windows,
    stored_article_products,
    stored_articles,
    stored_windows,
)
from channels_assets_tests.helpers.project import DagsterDev, Project, processes_of

SECONDS_TO_GO_ON = 300
"""Two minutes for the runs that died, one for the next tick, and a slow machine."""
SETTINGS = (
    "backoff_seconds = 0.1",
    "[automation]",
    'windows_cron = "* * * * *"',
    'articles_cron = "* * * * *"',
    "discover_minutes = 1",
)
JOBS = ("refresh_windows", "refresh_articles")
BY_SCHEDULE = "dagster/schedule_name"
UNFINISHED = [
    item for item in DagsterRunStatus if item.name not in ("SUCCESS", "FAILURE", "CANCELED")
]

Rows = Counter[tuple[Any, ...]]


@dataclass(frozen=True)
class Stored:
    """What readers see of the past. `begun` leaves out when a row ended, which is still to come."""

    loads: frozenset[str]
    begun: dict[str, Rows]
    ended: dict[str, Rows]

    @property
    def rows(self) -> int:
        return sum(rows.total() for rows in self.begun.values())


def read(data: Path) -> Stored:
    with connect(data) as connection:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        tables = rows(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'channels' "
            "AND table_name LIKE '%\\_history' ESCAPE '\\'"
        )
        names = [name for (name,) in tables]
        assert names, "no table of history"
        return Stored(
            loads=frozenset(str(load) for (load,) in rows("SELECT load_id FROM loads")),
            begun={n: Counter(rows(f"SELECT * EXCLUDE (valid_to) FROM {n}")) for n in names},  # noqa: S608
            ended={
                n: Counter(rows(f"SELECT * FROM {n} WHERE valid_to IS NOT NULL"))  # noqa: S608
                for n in names
            },
        )


def demand_all_of(before: Stored, now: Stored) -> None:
    gone = before.loads - now.loads
    assert not gone, f"{len(gone)} rows of loads are lost"
    for old, new in ((before.begun, now.begun), (before.ended, now.ended)):
        for name, rows in old.items():
            lost = rows - new[name]
            assert not lost, f"{lost.total()} rows of {name} are lost, such as {next(iter(lost))}"


class LeftAlone:
    def __init__(self, folder: Path, seed: int) -> None:
        self._dice = random.Random(seed)
        self._world = World.generate(seed=seed, windows=3, products=300, shops=2, articles=10)
        self._days = 0
        self._change = False
        self._hit = 0
        # So slow that a refresh takes a good part of its minute.
        self._sandbox = Sandbox(self._world, latency=1.5, on_call=self._age)
        self._folder = folder

    def _age(self, call: Call) -> None:
        """The sandbox asks between two answers: nobody reads the world meanwhile."""
        del call
        if self._change:
            self._change = False
            pass_day(self._world, self._days)
            self._days += 1

    def run(self, minutes: float, kills: int) -> str:
        """The summary. Raises AssertionError when something was lost or does not go on."""
        # Both ways occur, and neither by turns.
        alone = [number % 3 == 1 for number in range(kills)]
        self._dice.shuffle(alone)
        began = time.monotonic()
        until = began + minutes * 60
        with self._sandbox:
            self._project = Project(self._folder, self._sandbox, self._world)
            self._project.settings = list(SETTINGS)
            self._project.write()
            with DagsterDev(self._project) as dagster:
                self._dagster = dagster
                for number, command_alone in enumerate(alone, 1):
                    took = self._goes_on()
                    each = (until - time.monotonic()) / (kills - number + 1)
                    self._wait(self._dice.uniform(0, 2 * max(20.0, each - took)))
                    if number % 3:
                        self._wait_for_a_run()
                    before = read(self._project.data)
                    self._hit += self._runs_under_way() > 0
                    self._kill(command_alone)
                    who = "the command alone" if command_alone else "every process"
                    say(f"kill {number} of {kills}, of {who}; {before.rows} rows of history so far")
                    dagster.start()
                    self._goes_on()
                    demand_all_of(before, read(self._project.data))
                return self._end(began, kills)

    def _wait(self, seconds: float) -> None:
        """The lists change meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._change = True
            time.sleep(min(20.0, left))

    def _wait_for_a_run(self) -> None:
        self._dagster.wait_for(lambda: self._runs_under_way() > 0, "a refresh", SECONDS_TO_GO_ON)
        time.sleep(self._dice.uniform(0, 3))

    def _runs_under_way(self) -> int:
        return sum(self._count([DagsterRunStatus.STARTED], job) for job in JOBS)

    def _goes_on(self) -> float:
        """Until both schedules have begun a refresh from now on, with a good end, and no run from
        before is still said to run. Gives the seconds it took."""
        began, now = time.monotonic(), datetime.now(UTC)
        for job in JOBS:
            self._dagster.wait_for(
                lambda job=job: self._count([DagsterRunStatus.SUCCESS], job, after=now) > 0,
                f"a good {job} by its schedule",
                SECONDS_TO_GO_ON,
            )
        self._dagster.wait_for(
            lambda: self._count(UNFINISHED, before=now) == 0,
            "the end of every run from before",
            SECONDS_TO_GO_ON,
        )
        return time.monotonic() - began

    def _count(
        self,
        statuses: list[DagsterRunStatus],
        job: str | None = None,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> int:
        """Runs of these statuses; with a job: those that its schedule has begun."""
        asked = RunsFilter(
            job_name=job, statuses=statuses, created_after=after, created_before=before
        )
        with self._project.instance() as instance:
            return sum(job is None or BY_SCHEDULE in run.tags for run in instance.get_runs(asked))

    def _kill(self, command_alone: bool) -> None:
        process = self._dagster.process
        if command_alone:
            process.kill()
            process.wait()
            return
        # Stopped first, so that none sees another one die.
        while found := processes_of(self._project):
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        continue
            process.poll()
            time.sleep(0.1)
        process.wait()

    def _end(self, began: float, kills: int) -> str:
        # What began before the last change may hold the state before it.
        self._change = False
        self._goes_on()
        stored = read(self._project.data)
        project, world = self._project, self._world
        assert stored_windows(project) == expected_windows(world)
        assert stored_articles(project) == expected_articles(world)
        assert stored_article_products(project) == expected_article_products(world)
        good = sum(self._count([DagsterRunStatus.SUCCESS], job) for job in JOBS)
        self._dagster.process.terminate()
        self._dagster.wait_for(lambda: not processes_of(project), "the end of all processes", 60)
        return (
            f"killed {kills} times in {(time.monotonic() - began) / 60:.0f} min, {self._hit} times "
            f"during a run; {good} refreshes by schedules, the lists changed {self._days} times; "
            f"{stored.rows} history rows, none lost"
        )


def say(text: str) -> None:
    sys.stdout.write(f"{datetime.now():%H:%M:%S} {text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m channels_assets_tests.e2e.left_alone")
    parser.add_argument("--minutes", type=float, default=30, help="about how long")
    parser.add_argument("--kills", type=int, default=10, help="how many times dev is killed")
    parser.add_argument("--seed", type=int, help="the lists, their changes, the moments")
    asked = parser.parse_args()
    seed = random.randrange(10_000) if asked.seed is None else asked.seed
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="left-alone-") as folder:
        say(LeftAlone(Path(folder), seed).run(asked.minutes, asked.kills))
    return 0


if __name__ == "__main__":
    sys.exit(main())
