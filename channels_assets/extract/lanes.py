"""A bounded number of calls under way, over all walks, whether page after page or side by side."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from channels_assets.extract.fair import FairThreads
from channels_assets.extract.in_flight import InFlight

T = TypeVar("T")


class Lanes:
    """At most `limit` calls at once in this process, each within a lane, and fewer while more are
    not worth it (`in_flight.py`). Walks that wait for pages fetched ahead hold no lane, nor do calls
    that wait for their account's rate limit.

    Pages side by side go first: a list that has begun ends early, and is loaded while others are
    under way. Otherwise all would end together, and nothing be loaded before. Lanes `behind` take
    what other ones leave.
    """

    def __init__(self, limit: int, *, behind: bool = False) -> None:
        self._free = _free(limit)
        self._of_walks = self._free.behind if behind else self._free.waiting
        self._of_pages = self._free.behind if behind else self._free.ahead
        self._walks = FairThreads(limit, "pull")
        self._pages = FairThreads(limit, "page", active=self._walks.active)

    def close(self) -> None:
        # Walks end once their cancelled pages have gone through the other threads.
        try:
            self._walks.close()
        finally:
            self._pages.close()

    def of_walk(self, endpoint: str) -> Lane:
        return Lane(endpoint, self._free, self._of_walks, self._walks)

    def of_page(self, endpoint: str) -> Lane:
        return Lane(endpoint, self._free, self._of_pages, self._pages)

    def walk(self, account: str, job: Callable[[], T]) -> Future[T]:
        return self._walks.submit(account, job)

    def side_by_side(self, account: str, jobs: Sequence[Callable[[], T]]) -> Generator[T]:
        """The jobs' results in their order; closing it cancels what has not begun and awaits the rest."""
        futures = [self._pages.submit(account, job) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            wait(futures)


class Lane:
    """Within it a call may be under way, within `left` none. For one call at a time."""

    def __init__(
        self, endpoint: str, free: _Free, queue: deque[threading.Lock], threads: FairThreads
    ) -> None:
        self._endpoint = endpoint
        self._free = free
        self._queue = queue
        self._threads = threads
        self._held = False
        self._taken = self._processor = 0.0

    def __enter__(self) -> None:
        self._free.take(self._queue)
        self._held = True
        self._taken, self._processor = time.monotonic(), time.thread_time()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._held:
            if kind is None:
                processor = time.thread_time() - self._processor
                self._free.answered(self._endpoint, self._taken, processor)
            else:
                self._free.failed()
            self._give_back()

    @contextmanager
    def left(self) -> Generator[None]:
        self._give_back()
        with self._threads.aside():
            yield
        # Not where an error ends the wait: whoever stops need not wait for a lane.
        self.__enter__()

    def _give_back(self) -> None:
        self._held = False
        self._free.pass_on()


class _Free:
    """How many lanes are taken, and who waits for one: those `ahead` get it before those `waiting`,
    and these before those `behind`."""

    def __init__(self, limit: int) -> None:
        self._in_flight = InFlight(limit)
        self._taken = 0
        self._lock = threading.Lock()
        self.ahead: deque[threading.Lock] = deque()
        self.waiting: deque[threading.Lock] = deque()
        self.behind: deque[threading.Lock] = deque()

    def take(self, queue: deque[threading.Lock]) -> None:
        with self._lock:
            if self._taken < self._in_flight.worth:
                self._taken += 1
                return
            turn = threading.Lock()
            turn.acquire()
            queue.append(turn)
        turn.acquire()

    def answered(self, endpoint: str, since: float, processor: float) -> None:
        with self._lock:
            now = time.monotonic()
            self._in_flight.answered(endpoint, now, now - since, processor)

    def failed(self) -> None:
        with self._lock:
            self._in_flight.failed()

    def pass_on(self) -> None:
        with self._lock:
            self._taken -= 1
            while self._taken < self._in_flight.worth and (
                queue := self.ahead or self.waiting or self.behind
            ):
                self._taken += 1
                queue.popleft().release()


_free = cache(_Free)
