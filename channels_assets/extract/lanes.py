"""A bounded number of calls under way, over all walks, whether page after page or side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


class Lanes:
    """At most `limit` calls at once. Walks that wait for pages fetched ahead hold no lane."""

    def __init__(self, limit: int) -> None:
        self._free = threading.Semaphore(limit)
        self._pages = ThreadPoolExecutor(limit, thread_name_prefix="page")

    def close(self) -> None:
        self._pages.shutdown(cancel_futures=True)

    def call(self, job: Callable[[], T]) -> T:
        with self._free:
            return job()

    def side_by_side(self, jobs: Sequence[Callable[[], T]]) -> Generator[T]:
        """The jobs' results in their order; closing it cancels what has not begun and awaits the rest."""
        futures = [self._pages.submit(self.call, job) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
