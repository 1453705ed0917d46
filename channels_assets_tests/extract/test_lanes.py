"""How many calls are under way at once, and which go first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from channels_assets.extract.lanes import Lanes


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
        alone = [walks.submit(lanes.call, partial(job, n)) for n in range(9)]
        pages = list(lanes.side_by_side([partial(job, n) for n in range(6)]))
        assert pages == list(range(6))
        assert [one.result() for one in alone] == list(range(9))
    assert most == limit


def test_pages_side_by_side_go_before_other_walks() -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        go_on.wait(20)

    def queued(lanes: Lanes, walks: int, pages: int) -> bool:
        return len(lanes._waiting) == walks and len(lanes._ahead) == pages

    with closing(Lanes(1)) as lanes, ThreadPoolExecutor(4) as walks:
        walks.submit(lanes.call, first)
        begun.wait(20)
        walks.submit(lanes.call, lambda: order.append("walk"))
        while not queued(lanes, 1, 0):
            pass
        page = walks.submit(list, lanes.side_by_side([lambda: order.append("page")]))
        while not queued(lanes, 1, 1):
            pass
        go_on.set()
        page.result()
    assert order == ["page", "walk"]


def test_a_job_that_fails_gives_its_lane_back() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with closing(Lanes(1)) as lanes, ThreadPoolExecutor(1) as walks:
        assert isinstance(walks.submit(lanes.call, fail).exception(), ZeroDivisionError)
        assert lanes.call(lambda: 7) == 7
