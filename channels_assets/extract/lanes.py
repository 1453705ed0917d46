"""A bounded number of calls under way, over all walks, whether page after page or side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class Lanes:
    """At most `limit` calls at once. Walks that wait for pages fetched ahead hold no lane.

    Pages side by side go first: a list that has begun ends early, and is loaded while others are
    under way. Otherwise all would end together, and nothing be loaded before.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._lock = threading.Lock()
        self._ahead: deque[threading.Lock] = deque()
        self._waiting: deque[threading.Lock] = deque()
        self._pages = ThreadPoolExecutor(limit, thread_name_prefix="page")

    def close(self) -> None:
        self._pages.shutdown(cancel_futures=True)

    def call(self, job: Callable[[], T]) -> T:
        return self._in_turn(job, self._waiting)

    def side_by_side(self, jobs: Sequence[Callable[[], T]]) -> Generator[T]:
        """The jobs' results in their order; closing it cancels what has not begun and awaits the rest."""
        futures = [self._pages.submit(self._in_turn, job, self._ahead) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            wait(futures)

    def _in_turn(self, job: Callable[[], T], queue: deque[threading.Lock]) -> T:
        with self._lock:
            lane = threading.Lock()
            if self._free:
                self._free -= 1
            else:
                lane.acquire()
                queue.append(lane)
        with lane:
            try:
                return job()
            finally:
                self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            if queue := self._ahead or self._waiting:
                queue.popleft().release()
            else:
                self._free += 1
