"""A bounded number of jobs that run, in turns of the accounts, and more while some only wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_THREADS = 8

Job = tuple["Future[Any]", Callable[[], Any]]


@dataclass
class _Account:
    waiting: deque[Job] = field(default_factory=deque[Job])
    running: int = 0


class FairThreads:
    """About `limit` jobs run at once, and as many more as are `aside`, up to eight times as many.

    A job is aside while it waits for its account's rate limit. An account always gets its share of
    the `limit`, and never more than its share of the threads: otherwise a slow one would have them
    all in the end. `active` tells among how many accounts to share; without it, among those that
    have jobs.
    """

    def __init__(self, limit: int, name: str, active: Callable[[], int] | None = None) -> None:
        self._limit = limit
        self._threads = _THREADS * limit
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._running = 0
        self._busy = 0
        self._accounts: dict[str, _Account] = {}
        self._active = active or self.active
        self._turns: deque[str] = deque()
        """The accounts with waiting jobs, each once, the next one first."""

    def active(self) -> int:
        """How many accounts have jobs."""
        return len(self._accounts)

    def submit(self, account: str, job: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            one = self._accounts.setdefault(account, _Account())
            if not one.waiting:
                self._turns.append(account)
            one.waiting.append((future, job))
            self._start_more()
        return future

    @contextmanager
    def aside(self) -> Generator[None]:
        """Within it, a job lets another run in its place."""
        with self._lock:
            self._busy -= 1
            self._start_more()
        try:
            yield
        finally:
            with self._lock:
                self._busy += 1

    def close(self) -> None:
        """Waits for the jobs that run; those that wait never will."""
        with self._lock:
            self._turns.clear()
        self._executor.shutdown(cancel_futures=True)

    def _start_more(self) -> None:
        while self._running < self._threads:
            account = self._choose()
            if account is None:
                return
            one = self._accounts[account]
            future, job = one.waiting.popleft()
            if one.waiting:
                self._turns.append(account)
            one.running += 1
            self._running += 1
            self._busy += 1
            self._executor.submit(partial(self._run, account, future, job))

    def _choose(self) -> str | None:
        """Takes an account off the turns: one with less than its share of `limit`, whatever the
        others do, or else, while fewer than `limit` are busy, one that may have a further thread."""
        active = max(1, self._active())
        share, most = self._limit // active, max(1, self._threads // active)
        if share and (account := self._first(share)):
            return account
        return self._first(most) if self._busy < self._limit else None

    def _first(self, most: int) -> str | None:
        for _ in range(len(self._turns)):
            account = self._turns.popleft()
            if self._accounts[account].running < most:
                return account
            self._turns.append(account)
        return None

    def _run(self, account: str, future: Future[Any], job: Callable[[], Any]) -> None:
        try:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(job())
                except BaseException as error:
                    future.set_exception(error)
        finally:
            with self._lock:
                one = self._accounts[account]
                one.running -= 1
                self._running -= 1
                self._busy -= 1
                if not one.running and not one.waiting:
                    del self._accounts[account]
                self._start_more()
