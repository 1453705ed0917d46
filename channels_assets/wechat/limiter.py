"""How fast one credential may call: no limit until 45011, then half as fast, slowly recovering."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_FLOOR = 1.0
_RECOVERY_PER_SECOND = 0.02
_RECOVERED_SECONDS = 180.0


class Limiter:
    """Shared by all threads that call with one credential.

    `acquire` waits for its turn; `slow_down` halves the rate, at most once a second, because the
    calls that were in flight together are all refused together.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate: float | None = None
        self._rate_at = 0.0
        self._next_turn = 0.0
        self._recent: deque[float] = deque(maxlen=4096)

    def acquire(self, sleep: Callable[[float], None]) -> None:
        with self._lock:
            now = self._clock()
            wait = 0.0
            if self._rate is not None and now - self._rate_at > _RECOVERED_SECONDS:
                self._rate = None
            if self._rate is not None:
                rate = self._rate * (1 + _RECOVERY_PER_SECOND) ** (now - self._rate_at)
                turn = max(now, self._next_turn)
                self._next_turn = turn + 1 / rate
                wait = turn - now
            self._recent.append(now + wait)
        if wait > 0:
            sleep(wait)

    def slow_down(self) -> None:
        with self._lock:
            now = self._clock()
            if self._rate is not None and now - self._rate_at < 1.0:
                return
            seen = sum(1 for moment in self._recent if now - 1.0 <= moment <= now)
            self._rate = max(_FLOOR, seen / 2)
            self._rate_at = now
            self._next_turn = now + 1.0
