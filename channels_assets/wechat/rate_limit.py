"""How fast to call with one credential when the limit is unknown: faster, until a call is refused.

A refusal stops all calls for a moment, then a single call probes whether the API answers again, at
growing intervals, since limits count by the second or by the minute. Then the rate starts below what
was accepted, comes back to it in some seconds, and grows beyond it, slowly at first, then faster and
faster: near a steady limit calls are refused rarely, and a raised limit is found soon.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from channels_assets.wechat.errors import QuotaExhausted

_START = 0.92
_RECOVERY_SECONDS = 8.0
_GROWTH = 0.002
_FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
_PROBE_SECONDS = 0.2
_MIN_RATE = 0.5
_ALWAYS_STALE = -1
_EXPIRY_SECONDS = 180.0
_SECOND = 1.0
_LATE_SECONDS = 0.25
"""A call later than that is scheduled anew: after a pause of the machine all would call at once."""


@dataclass(frozen=True)
class SendTime:
    """The moment reserved for a call. Stale once another call was refused: reserve another then."""

    at: float
    generation: int


class AdaptiveRate:
    """The rate of one credential, in calls a second; None while nothing was ever refused.

    It has no clock of its own, so that tests try it on years of calls in seconds.
    """

    def __init__(self) -> None:
        self._generation = 0
        self._ceiling: float | None = None
        self._base = 0.0
        self._since = 0.0
        self._next = 0.0
        self._pause = _FIRST_PAUSE
        self._probing = False
        self._accepted: deque[float] = deque(maxlen=4096)
        self._sent: deque[float] = deque(maxlen=4096)

    def rate(self, now: float) -> float | None:
        if self._ceiling is None or now - self._since > _EXPIRY_SECONDS:
            return None
        past = now - self._since - _RECOVERY_SECONDS
        if past < 0:
            recovered = 1 + past / _RECOVERY_SECONDS
            return self._base + (self._ceiling - self._base) * recovered
        return self._ceiling * math.exp(_GROWTH * past * past)

    def reserve(self, now: float) -> SendTime:
        rate = self.rate(now)
        if rate is None:
            at = now
        elif self._probing:
            if now < self._next:
                # One call probes whether the API answers again: the others reserve again then.
                return SendTime(self._next, _ALWAYS_STALE)
            at, self._next = now, now + _PROBE_SECONDS
        else:
            at = max(now, self._next)
            self._next = at + 1 / rate
        self._sent.append(at)
        return SendTime(at, self._generation)

    def is_current(self, reserved: SendTime) -> bool:
        return reserved.generation == self._generation

    def accepted(self, reserved: SendTime, now: float) -> None:
        self._accepted.append(now)
        if self._probing and self.is_current(reserved):
            self._probing = False
            self._pause = _FIRST_PAUSE
            self._since = self._next = now

    def refused(self, reserved: SendTime, now: float, retry_after: float = 0.0) -> None:
        """`retry_after`: the seconds that the server asks to wait."""
        if not self.is_current(reserved):
            # It was under way when another refusal had its effect.
            return
        if self._probing:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._cut(now)
        self._generation += 1
        self._probing = True
        self._since = self._next = now + max(self._pause, min(retry_after, LONGEST_PAUSE))

    def _cut(self, now: float) -> None:
        good = sum(1 for moment in self._accepted if now - _SECOND <= moment)
        sent = sum(1 for moment in self._sent if now - _SECOND <= moment <= now)
        rate = self.rate(now)
        # Answers to a first burst may not have come yet: half of what was sent is a guess.
        ceiling = max(good, sent / 2) if rate is None else min(rate, max(good, rate / 2))
        self._ceiling = max(_MIN_RATE, ceiling)
        self._base = max(_MIN_RATE, _START * ceiling)


class RateLimiter:
    """An AdaptiveRate shared by all threads that call with one credential.

    `acquire` waits until a call may be sent; `accepted` or `refused` say how it went. A send time
    that is not current any more when the call could be sent is replaced by acquiring another one.
    `exhaust` and `exhausted` remember which paths have used up their daily quota.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = AdaptiveRate()
        self._exhausted: dict[str, QuotaExhausted] = {}

    def acquire(self, sleep: Callable[[float], None]) -> SendTime:
        while True:
            with self._lock:
                now = self._clock()
                reserved = self._rate.reserve(now)
            if reserved.at > now:
                sleep(reserved.at - now)
            with self._lock:
                late = self._clock() - reserved.at > _LATE_SECONDS
                if self._rate.is_current(reserved) and not late:
                    return reserved

    def is_current(self, reserved: SendTime) -> bool:
        """False once another call was refused since."""
        with self._lock:
            return self._rate.is_current(reserved)

    def accepted(self, reserved: SendTime) -> None:
        with self._lock:
            self._rate.accepted(reserved, self._clock())

    def refused(self, reserved: SendTime, retry_after: float = 0.0) -> None:
        with self._lock:
            self._rate.refused(reserved, self._clock(), retry_after)

    def exhaust(self, path: str, error: QuotaExhausted) -> None:
        self._exhausted[path] = error

    def exhausted(self, path: str) -> QuotaExhausted | None:
        return self._exhausted.get(path)
