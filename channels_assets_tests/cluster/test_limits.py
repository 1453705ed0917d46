"""The limits of one credential over several workers, through a real PostgreSQL."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from channels_assets.cluster import leases as leases_module
from channels_assets.cluster.leases import Leases
from channels_assets.cluster.limits import SharedLimiter
from channels_assets.wechat.errors import QuotaExhausted
from channels_assets_tests.cluster.services import new_database

pytestmark = pytest.mark.cluster
SPAWN = multiprocessing.get_context("spawn")
TOTAL = 8


@pytest.fixture(scope="module")
def database(server: str) -> str:
    return new_database(server, "limits")


def call(limiter: SharedLimiter, until: float, seen: list[tuple[float, float]]) -> None:
    while time.monotonic() < until:
        limiter.acquire(time.sleep)
        begun = time.monotonic()
        time.sleep(0.02)
        seen.append((begun, time.monotonic()))
        limiter.release()


def work(dsn: str, file: Path) -> None:
    """A worker that would make as many calls at once as all of them may."""
    limiter = SharedLimiter(Leases(dsn), "wx", TOTAL)
    seen: list[tuple[float, float]] = []
    threads = [
        threading.Thread(target=call, args=(limiter, time.monotonic() + 6, seen))
        for _ in range(TOTAL)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.write_text("\n".join(f"{begun} {ended}" for begun, ended in seen))


def test_calls_in_flight_over_all_workers(database: str, tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(4)]
    workers = [SPAWN.Process(target=work, args=(database, file)) for file in files]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    steps: list[tuple[float, int]] = []
    for file in files:
        spans = [tuple(map(float, line.split())) for line in file.read_text().splitlines()]
        assert spans, "a worker never had its turn"
        for begun, ended in spans:
            steps += [(begun, 1), (ended, -1)]
    now = most = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    assert TOTAL // 2 <= most <= TOTAL


def test_a_run_that_is_over_keeps_no_slots(database: str) -> None:
    limiter = SharedLimiter(Leases(database), "wx-over", TOTAL)
    for _ in range(2):
        limiter.acquire(time.sleep)
        limiter.release()
        other = Leases(database)
        assert other.renew("wx-over", TOTAL, 0).slots == 0
        limiter.give_back()
        assert other.renew("wx-over", TOTAL, 0).slots == TOTAL
        other.give_back("wx-over")


def test_a_dead_workers_slots_come_back(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "LEASE_SECONDS", 1.0)
    dead, alive = Leases(database), Leases(database)
    assert dead.renew("wx-dead", TOTAL, 0).slots == TOTAL
    assert alive.renew("wx-dead", TOTAL, 0).slots == 0
    time.sleep(1.1)
    assert alive.renew("wx-dead", TOTAL, 0).slots == TOTAL


def test_a_newcomer_waits_until_the_others_have_shrunk(database: str) -> None:
    first, second = Leases(database), Leases(database)
    assert first.renew("wx-new", TOTAL, 0).slots == TOTAL
    assert second.renew("wx-new", TOTAL, 0).slots == 0
    # Six calls are still under way: so many slots stay.
    assert first.renew("wx-new", TOTAL, 6).slots == 6
    assert second.renew("wx-new", TOTAL, 0).slots == 2
    assert first.renew("wx-new", TOTAL, 1).slots == 4
    assert second.renew("wx-new", TOTAL, 2).slots == 4
    second.give_back("wx-new")
    assert first.renew("wx-new", TOTAL, 0).slots == TOTAL


def test_what_one_learns_the_others_know(database: str) -> None:
    one, other = (SharedLimiter(Leases(database), "wx-told", TOTAL) for _ in range(2))
    other.acquire(time.sleep)
    other.release()
    assert other.exhausted("/path") is None
    error = QuotaExhausted("Used up.", endpoint="e", errcode=45009, rid="r", remedy="Wait.")
    one.exhaust("/path", error)
    one.refused(one.acquire(time.sleep))
    one.release()
    deadline = time.monotonic() + 30
    while not other.exhausted("/path"):
        assert time.monotonic() < deadline
        other.acquire(time.sleep)
        other.release()
    told = other.exhausted("/path")
    assert told is not None
    assert str(told) == str(error)
    assert other.exhausted("/another") is None
    # It slows down as well: its next call waits, though it was never refused itself.
    waits: list[float] = []
    while not waits:
        assert time.monotonic() < deadline
        other.acquire(waits.append)
        other.release()
