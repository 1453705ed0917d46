"""How many calls are worth having under way at once."""

from __future__ import annotations

import math
from collections import defaultdict

_ROUND = 32
"""Calls, at the least, from one look at them to the next."""
_BUSY = 0.4
_IDLE = 0.3
_QUICK = 5
"""One call of so many found no line, whoever else was under way."""


class InFlight:
    """`worth`: the limit, or fewer while answers come sooner than Python can take them.

    Python runs one thread at a time. Calls beyond those that keep it busy get nothing done sooner:
    they stand in line for it, and whoever loads stands in that line, too. As many keep it busy as
    go, each with its own processor's time, into the time of a call that found no line. What that is
    the quick ones tell, those of each endpoint for all of it: one may answer sooner than another.
    """

    def __init__(self, limit: int) -> None:
        self.worth = limit
        self._limit = limit
        self._since: float | None = None
        self._calls = 0
        self._processor = 0.0
        self._took = defaultdict[str, list[float]](list)

    def answered(self, endpoint: str, now: float, took: float, processor: float) -> None:
        """A call took so many seconds by the clock, and so many of the processor."""
        if self._since is None:
            self._since = now - took
        self._calls += 1
        self._processor += processor
        self._took[endpoint].append(took)
        if self._calls >= max(_ROUND, self.worth):
            self._look(self._processor / max(now - self._since, 1e-9))
            self._since, self._calls, self._processor = now, 0, 0.0
            self._took.clear()

    def _look(self, share: float) -> None:
        if share > _BUSY:
            alone = sum(
                len(took) * sorted(took)[len(took) // _QUICK] for took in self._took.values()
            )
            self.worth = min(self._limit, max(2, math.ceil(alone / self._processor)))
        elif share < _IDLE:
            self.worth = self._limit
