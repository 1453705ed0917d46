"""Counts calls per account and path, by day and by minute, and refuses what is too much."""

from collections import Counter
from collections.abc import Callable

from channels_assets.sandbox.clock import day_of, minute_of
from channels_assets.sandbox.records import Json
from channels_assets.sandbox.refusals import Refusal

_DAY_USED_UP, _MINUTE_USED_UP, _NO_CLEARS_LEFT = 45009, 45011, 48006
_CLEARS = 10


class Quotas:
    """The limits of one sandbox; without limits it only counts. Not thread safe by itself."""

    def __init__(
        self, daily_limit: int | None, minute_limit: int | None, clock: Callable[[], float]
    ) -> None:
        self._daily_limit = daily_limit
        self._minute_limit = minute_limit
        self._clock = clock
        self._by_day: Counter[tuple[str, str, int]] = Counter()
        self._by_minute: Counter[tuple[str, str, int]] = Counter()
        self._clears: Counter[str] = Counter()

    def spend(self, appid: str, path: str) -> None:
        """Count one call, or refuse it; refused calls are not counted."""
        now = self._clock()
        day, minute = (appid, path, day_of(now)), (appid, path, minute_of(now))
        if self._daily_limit is not None and self._by_day[day] >= self._daily_limit:
            raise Refusal(_DAY_USED_UP)
        if self._minute_limit is not None and self._by_minute[minute] >= self._minute_limit:
            raise Refusal(_MINUTE_USED_UP)
        self._by_day[day] += 1
        self._by_minute[minute] += 1

    def report(self, appid: str, path: str) -> Json:
        """What quota/get says about one path."""
        limit = self._daily_limit or 0
        used = self._by_day[appid, path, day_of(self._clock())]
        quota = {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}
        report: Json = {"errcode": 0, "errmsg": "ok", "quota": quota}
        if self._minute_limit is not None:
            report["rate_limit"] = {"call_count": self._minute_limit, "refresh_second": 60}
        return report

    def clear(self, appid: str) -> None:
        """Give an account its day back; an account may do that ten times."""
        if self._clears[appid] >= _CLEARS:
            raise Refusal(_NO_CLEARS_LEFT)
        self._clears[appid] += 1
        for key in [key for key in self._by_day if key[0] == appid]:
            del self._by_day[key]
