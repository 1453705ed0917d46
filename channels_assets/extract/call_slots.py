"""The limit on calls that are on the wire at once, and the threads that walk lists and fetch pages."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_WALKS_PER_SLOT = 2
_MIN_WALKS = 64
"""Lists walked at once, even with few slots: of many accounts, some dozens may wait for their rate limits."""
_PAGE_THREADS_PER_SLOT = 4


class CallSlots:
    """At most `limit` calls are on the wire: each is made within `with slots:`.

    The thread that waited longest gets the next free slot. `threading.Semaphore` would give it to the
    next thread that asks, nearly always the thread that has just had it: others would starve.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            handed_over = threading.Lock()
            handed_over.acquire()
            self._waiting.append(handed_over)
        handed_over.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class WalkThreads:
    """Threads that walk lists, shared among the accounts, and for each walk some that fetch pages.

    An account that must call slowly delays its own lists alone: a thread stays with its account until
    no list of it is left, and no account has a second thread before each account has one. There are
    at most `max_walks` threads that walk; accounts beyond that begin as others end.
    """

    def __init__(self, max_in_flight: int, lists: int, max_walks: int) -> None:
        walks = max(_MIN_WALKS, _WALKS_PER_SLOT * max_in_flight)
        walks = max(1, min(lists, max_walks, walks))
        self.slots = CallSlots(max_in_flight)
        self._max_in_flight = max_in_flight
        self._page_threads = _PAGE_THREADS_PER_SLOT * max_in_flight
        self._min_page_threads = max(1, min(max_in_flight, self._page_threads // walks))
        self._lock = threading.Lock()
        self._waiting: list[deque[Callable[[], object]]] = []
        self._walks = ThreadPoolExecutor(walks, thread_name_prefix="walk")

    def start(self, walks: Mapping[str, Sequence[Callable[[], object]]]) -> None:
        """Begins the walks of each account. To be called once."""
        self._waiting = [deque(of_account) for of_account in walks.values()]
        wanted = [min(len(of_account), self._max_in_flight) for of_account in walks.values()]
        for number in range(max(wanted, default=0)):
            for of_account, threads in zip(self._waiting, wanted, strict=True):
                if number < threads:
                    self._walks.submit(_walk_all, of_account)

    def side_by_side(self, fetch: Callable[[int], T], pages: Iterable[int]) -> Generator[T]:
        """The pages in their order; closing it cancels those that have not begun and waits for the rest."""
        # Threads of this walk alone: if walks shared them, a slow account would soon have them all.
        with (
            self._take_page_threads() as count,
            ThreadPoolExecutor(count, thread_name_prefix="page") as threads,
        ):
            yield from threads.map(fetch, pages)

    @contextmanager
    def _take_page_threads(self) -> Generator[int]:
        """Gives the number of page threads of a walk: few while many lists have pages side by side,
        and enough for all slots where most lists have none."""
        with self._lock:
            count = min(self._max_in_flight, self._page_threads // 2)
            count = max(count, self._min_page_threads)
            self._page_threads -= count
        try:
            yield count
        finally:
            with self._lock:
                self._page_threads += count

    def close(self) -> None:
        """Waits for the walks that run; those that have not begun are dropped."""
        for of_account in self._waiting:
            of_account.clear()
        self._walks.shutdown(cancel_futures=True)


def _walk_all(waiting: deque[Callable[[], object]]) -> None:
    while True:
        try:
            walk = waiting.popleft()
        except IndexError:
            return
        walk()
