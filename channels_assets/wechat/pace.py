"""How fast to call when nobody tells the limit: as fast as one can until a call is refused.

A refusal stops all calls for a moment, then a single one asks whether the API answers again, at
growing intervals, since limits count by the second or by the minute. Then the rate starts below what
was accepted, comes back to it in some seconds, and grows beyond it, at first hardly, then faster and
faster: near a steady limit it is refused rarely, and a raised one is found soon.

Pure: it is told the time, so that it can be tried on years of calls in seconds.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

_START = 0.92
_BACK_SECONDS = 8.0
_GROWTH = 0.002
_FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
_PROBE_SECONDS = 0.2
_FLOOR = 0.5
_VOID = -1
_FORGOTTEN_SECONDS = 180.0
_SECOND = 1.0


@dataclass(frozen=True)
class Turn:
    """When a call may be sent. Void once `Pace.holds` says so: then it needs another one."""

    at: float
    era: int


class Pace:
    """The rate of one credential, in calls a second; None while nothing was ever refused."""

    def __init__(self) -> None:
        self._era = 0
        self._ceiling: float | None = None
        self._base = 0.0
        self._since = 0.0
        self._next = 0.0
        self._pause = _FIRST_PAUSE
        self._probing = False
        self._accepted: deque[float] = deque(maxlen=4096)
        self._sent: deque[float] = deque(maxlen=4096)

    def rate(self, now: float) -> float | None:
        if self._ceiling is None or now - self._since > _FORGOTTEN_SECONDS:
            return None
        past = now - self._since - _BACK_SECONDS
        if past < 0:
            back = 1 + past / _BACK_SECONDS
            return self._base + (self._ceiling - self._base) * back
        return self._ceiling * math.exp(_GROWTH * past * past)

    def turn(self, now: float) -> Turn:
        rate = self.rate(now)
        if rate is None:
            at = now
        elif self._probing:
            if now < self._next:
                # One call asks whether the API answers again: the others ask here again then.
                return Turn(self._next, _VOID)
            at, self._next = now, now + _PROBE_SECONDS
        else:
            at = max(now, self._next)
            self._next = at + 1 / rate
        self._sent.append(at)
        return Turn(at, self._era)

    def holds(self, turn: Turn) -> bool:
        return turn.era == self._era

    def accepted(self, turn: Turn, now: float) -> None:
        self._accepted.append(now)
        if self._probing and self.holds(turn):
            self._probing = False
            self._pause = _FIRST_PAUSE
            self._since = self._next = now

    def refused(self, turn: Turn, now: float) -> None:
        if not self.holds(turn):
            # It was under way when another refusal had its effect.
            return
        if self._probing:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._cut(now)
        self._era += 1
        self._probing = True
        self._since = self._next = now + self._pause

    def _cut(self, now: float) -> None:
        good = sum(1 for moment in self._accepted if now - _SECOND <= moment)
        sent = sum(1 for moment in self._sent if now - _SECOND <= moment <= now)
        rate = self.rate(now)
        # Answers to a first burst may not have come yet: half of what was sent is a guess.
        ceiling = max(good, sent / 2) if rate is None else min(rate, max(good, rate / 2))
        self._ceiling = max(_FLOOR, ceiling)
        self._base = max(_FLOOR, _START * ceiling)
