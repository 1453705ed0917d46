"""The pace of one credential, shared by all threads that call with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from channels_assets.wechat.errors import QuotaExhausted
from channels_assets.wechat.pace import Pace, Turn

_LATE_SECONDS = 0.25
"""A turn later than that is asked for anew: after a pause of the machine all would call at once."""


class Limiter:
    """Before each call `acquire` waits for its turn; afterwards tell how it went, and `release` it.

    A turn that no longer `holds` when the call could be sent is released and another one acquired.
    `exhaust` and `exhausted` remember which paths have used up their daily quota.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pace = Pace()
        self._exhausted: dict[str, QuotaExhausted] = {}

    def acquire(self, sleep: Callable[[float], None]) -> Turn:
        while True:
            with self._lock:
                now = self._clock()
                turn = self._pace.turn(now)
            if turn.at > now:
                sleep(turn.at - now)
            with self._lock:
                late = self._clock() - turn.at > _LATE_SECONDS
                if self._pace.holds(turn) and not late:
                    return turn

    def holds(self, turn: Turn) -> bool:
        """False once another call was refused since."""
        with self._lock:
            return self._pace.holds(turn)

    def accepted(self, turn: Turn) -> None:
        with self._lock:
            self._pace.accepted(turn, self._clock())

    def refused(self, turn: Turn) -> None:
        with self._lock:
            self._pace.refused(turn, self._clock())

    def release(self) -> None:
        """To be called once for each turn."""

    def exhaust(self, path: str, error: QuotaExhausted) -> None:
        self._exhausted[path] = error

    def exhausted(self, path: str) -> QuotaExhausted | None:
        return self._exhausted.get(path)
