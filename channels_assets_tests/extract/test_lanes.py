"""How many calls are under way at once, and which go first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from typing import TypeVar

from channels_assets.extract.lanes import Lane, Lanes

T = TypeVar("T")


def within(lane: Lane, job: Callable[[], T]) -> T:
    with lane:
        return job()


def fail() -> None:
    raise ZeroDivisionError


def answer(lanes: Lanes, processor: float) -> None:
    """Some rounds of calls that were answered within a millisecond."""
    for _ in range(3 * 32):
        lanes._free.answered("list", time.monotonic() - 0.001, processor)


def test_never_more_calls_than_lanes_and_every_lane_used() -> None:
    limit, under_way, most = 3, 0, 0
    lock = threading.Lock()
    full = threading.Barrier(limit)

    def job(number: int) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        full.wait(20)
        with lock:
            under_way -= 1
        return number

    with closing(Lanes(limit)) as lanes, ThreadPoolExecutor(12) as walks:
        alone = [walks.submit(within, lanes.of_walk("list"), partial(job, n)) for n in range(9)]
        jobs = [partial(within, lanes.of_page("list"), partial(job, n)) for n in range(6)]
        pages = list(lanes.side_by_side("a", jobs))
        assert pages == list(range(6))
        assert [one.result() for one in alone] == list(range(9))
    assert most == limit


def test_pages_side_by_side_go_before_other_walks_and_lanes_behind_last() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        go_on.wait(20)

    def queued(lanes: Lanes, *expected: int) -> bool:
        free = lanes._free
        return (len(free.behind), len(free.waiting), len(free.ahead)) == expected

    # Lanes of one process and one limit are the same lanes.
    with (
        closing(Lanes(1)) as lanes,
        closing(Lanes(1, behind=True)) as others,
        ThreadPoolExecutor(4) as walks,
    ):
        walks.submit(within, lanes.of_walk("list"), first)
        begun.wait(20)
        ended: list[Future[object]] = []
        for lane, told, expected in (
            (others.of_page("list"), "page behind", (1, 0, 0)),
            (lanes.of_walk("list"), "walk", (1, 1, 0)),
        ):
            ended.append(walks.submit(within, lane, partial(order.append, told)))
            while not queued(lanes, *expected):
                pass
        ahead = partial(within, lanes.of_page("list"), partial(order.append, "page"))
        ended.append(walks.submit(list, lanes.side_by_side("a", [ahead])))
        while not queued(lanes, 1, 1, 1):
            pass
        go_on.set()
        for one in ended:
            one.result(20)
    assert order == ["page", "walk", "page behind"]


def test_a_job_that_fails_gives_its_lane_back() -> None:
    with closing(Lanes(1)) as lanes, ThreadPoolExecutor(1) as walks:
        failed = walks.submit(within, lanes.of_walk("list"), fail)
        assert isinstance(failed.exception(), ZeroDivisionError)
        assert within(lanes.of_walk("list"), lambda: 7) == 7


def test_who_waits_for_a_turn_lets_another_call_and_another_walk_go_on() -> None:
    apart, gone_on = threading.Event(), threading.Event()

    def slow(lanes: Lanes) -> None:
        lane = lanes.of_walk("list")
        with lane, lane.left():
            apart.set()
            assert gone_on.wait(20)

    with closing(Lanes(1)) as lanes:
        waits = lanes.walk("slow", partial(slow, lanes))
        assert apart.wait(20)
        lanes.walk("fast", partial(within, lanes.of_walk("list"), gone_on.set)).result(20)
        waits.result(20)


def test_fewer_lanes_while_answers_come_at_once_and_all_again_once_they_do_not() -> None:
    entered = threading.Semaphore(0)
    first, others = threading.Event(), threading.Event()

    def job(until: threading.Event) -> None:
        entered.release()
        until.wait(60)

    with closing(Lanes(3)) as lanes, ThreadPoolExecutor(4) as walks:
        answer(lanes, processor=0.0009)
        walks.submit(within, lanes.of_walk("list"), partial(job, first))
        assert entered.acquire(timeout=20)
        for _ in range(3):
            walks.submit(within, lanes.of_walk("list"), partial(job, others))
        assert entered.acquire(timeout=20)
        while len(lanes._free.waiting) < 2:
            pass
        assert not entered.acquire(blocking=False)
        answer(lanes, processor=0.0)
        first.set()
        assert entered.acquire(timeout=20)
        assert entered.acquire(timeout=20)
        others.set()


def test_who_is_stopped_while_it_waits_for_a_turn_needs_no_lane_to_end() -> None:
    apart, stop = threading.Event(), threading.Event()

    def stopped(lanes: Lanes) -> None:
        lane = lanes.of_walk("list")
        with lane, lane.left():
            apart.set()
            stop.wait(60)
            raise ZeroDivisionError

    with closing(Lanes(1)) as lanes:
        ended = lanes.walk("slow", partial(stopped, lanes))
        assert apart.wait(20)
        with lanes.of_walk("list"):
            stop.set()
            assert isinstance(ended.exception(20), ZeroDivisionError)
        # And has not given back what it did not hold.
        assert lanes._free._taken == 0


def test_all_lanes_again_once_a_call_fails() -> None:
    with closing(Lanes(4)) as lanes:
        answer(lanes, processor=0.0009)
        assert lanes._free._in_flight.worth == 2
        with suppress(ZeroDivisionError):
            within(lanes.of_walk("list"), fail)
        assert lanes._free._in_flight.worth == 4
