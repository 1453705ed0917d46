"""How many calls are worth having under way at once."""

from __future__ import annotations

import math
from collections import defaultdict

_ROUND = 32
"""Calls, at the least, from one look at them to the next, unless that takes too long."""
_LOOK_SECONDS = 1.0
_BUSY = 0.4
_IDLE = 0.3
"""Shares of the time in which the calls use the processor. Whoever loads uses it, too."""
_QUICK = 5
"""One call of so many found no line, whoever else was under way."""
_REGRET = 32
"""Rounds without another try after one that was wrong."""


class InFlight:
    """`worth`: the limit, or fewer while answers come sooner than Python can take them.

    Python runs one thread at a time. Calls beyond those that keep it busy get nothing done sooner:
    they stand in line for it, and whoever loads stands in that line, too. As many keep it busy as
    go, each with its own processor's time, into the time of a call that found no line. What that is
    the quick ones tell, those of each endpoint for all of it: one may answer sooner than another.
    If fewer calls leave the processor idle, that was wrong, and it is the limit again.
    """

    def __init__(self, limit: int) -> None:
        self.worth = limit
        self._limit = limit
        self._kept = 0
        self._begin(None)

    def _begin(self, now: float | None) -> None:
        self._since = now
        self._calls = 0
        self._processor = 0.0
        self._took = defaultdict[str, list[float]](list)

    def answered(self, endpoint: str, now: float, took: float, processor: float) -> None:
        """A call took so many seconds by the clock, and so many of the processor."""
        since = self._since = now - took if self._since is None else self._since
        self._calls += 1
        self._processor += processor
        self._took[endpoint].append(took)
        if self._calls >= max(_ROUND, self.worth) or now - since > _LOOK_SECONDS:
            self._look(self._processor / max(now - since, 1e-9))
            self._begin(now)

    def failed(self) -> None:
        """A call did not bring what it should: what was seen before tells nothing of the next ones."""
        self.worth = self._limit
        self._begin(None)

    def _look(self, share: float) -> None:
        self._kept = max(0, self._kept - 1)
        fewer = self.worth < self._limit
        if fewer and share < _IDLE:
            self.worth, self._kept = self._limit, _REGRET
        elif fewer or (share > _BUSY and not self._kept):
            quick = sum(
                len(took) * sorted(took)[len(took) // _QUICK] for took in self._took.values()
            )
            self.worth = min(self._limit, max(2, math.ceil(quick / self._processor)))
