"""Counts calls by day, by minute and within any second, and refuses what is too much."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable

from channels_assets.sandbox.endpoints import ALL_PATHS, LISTS, AccountType
from channels_assets.sandbox.http_messages import ApiError
from channels_assets.sandbox.models import Json

_SHANGHAI = 8 * 3600


def shanghai_day(timestamp: float) -> int:
    """The calendar day in Shanghai. When the real quotas start again is not documented."""
    return int(timestamp + _SHANGHAI) // 86_400


def clock_minute(timestamp: float) -> int:
    """The minute of the clock."""
    return int(timestamp) // 60


_DAY_USED_UP, _TOO_FAST, _NO_CLEARS_LEFT = 45009, 45011, 48006
_CLEARS = 10
_SECOND = 1.0


class Quotas:
    """The limits of one sandbox; without limits it only counts. Not thread safe by itself.

    Days and minutes count per account and path, seconds per account.
    """

    def __init__(
        self, daily_limit: int | None, minute_limit: int | None, clock: Callable[[], float]
    ) -> None:
        self._daily_limit = daily_limit
        self._minute_limit = minute_limit
        self._clock = clock
        self._by_day: Counter[tuple[str, str, int]] = Counter()
        self._by_minute: Counter[tuple[str, str, int]] = Counter()
        self._clears: Counter[str] = Counter()
        self._second_limits: dict[str, int] = {}
        self._latest: defaultdict[str, deque[float]] = defaultdict(deque)

    def limit_second(self, appid: str, calls: int | None) -> None:
        """So many calls of this account within any second from now on; None: as many as it likes."""
        if calls is None:
            self._second_limits.pop(appid, None)
        else:
            self._second_limits[appid] = calls

    def spend(self, appid: str, path: str) -> None:
        """Count one call, or refuse it; refused calls are not counted."""
        now = self._clock()
        day, minute = (appid, path, shanghai_day(now)), (appid, path, clock_minute(now))
        if self._daily_limit is not None and self._by_day[day] >= self._daily_limit:
            raise ApiError(_DAY_USED_UP)
        if self._minute_limit is not None and self._by_minute[minute] >= self._minute_limit:
            raise ApiError(_TOO_FAST)
        self._spend_second(appid, now)
        self._by_day[day] += 1
        self._by_minute[minute] += 1

    def _spend_second(self, appid: str, now: float) -> None:
        limit = self._second_limits.get(appid)
        if limit is None:
            return
        latest = self._latest[appid]
        while latest and latest[0] <= now - _SECOND:
            latest.popleft()
        if len(latest) >= limit:
            raise ApiError(_TOO_FAST)
        latest.append(now)

    def report(self, appid: str, path: str) -> Json:
        """What quota/get says about one path."""
        limit = self._daily_limit or 0
        used = self._by_day[appid, path, shanghai_day(self._clock())]
        quota = {"daily_limit": limit, "used": used, "remain": max(0, limit - used)}
        report: Json = {"errcode": 0, "errmsg": "ok", "quota": quota}
        if self._minute_limit is not None:
            report["rate_limit"] = {"call_count": self._minute_limit, "refresh_second": 60}
        elif appid in self._second_limits:
            report["rate_limit"] = {"call_count": self._second_limits[appid], "refresh_second": 1}
        return report

    def clear(self, appid: str) -> None:
        """Give an account its day back; an account may do that ten times."""
        if self._clears[appid] >= _CLEARS:
            raise ApiError(_NO_CLEARS_LEFT)
        self._clears[appid] += 1
        for key in [key for key in self._by_day if key[0] == appid]:
            del self._by_day[key]


def quota_of(body: Json, caller: str, account: AccountType, quotas: Quotas) -> Json:
    """How much of the quota of one path the caller has used."""
    path = body.get("cgi_path")
    if path not in ALL_PATHS:
        raise ApiError(76021)
    if path in LISTS and LISTS[path].account != account:
        raise ApiError(76022)
    return quotas.report(caller, path)


def clear_quota(body: Json, caller: str, quotas: Quotas) -> Json:
    """Reset the caller's daily quotas."""
    if body.get("appid") != caller:
        raise ApiError(40013)
    quotas.clear(caller)
    return {"errcode": 0, "errmsg": "ok"}
