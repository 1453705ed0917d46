"""Daily, minute and second quotas: counts calls, rejects calls above a limit, quota/get, clear_quota."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable

from channels_assets.sandbox.endpoints import AccountType
from channels_assets.sandbox.http_messages import ApiError
from channels_assets.sandbox.lists import ALL_PATHS, LISTS
from channels_assets.sandbox.models import Json

_SHANGHAI = 8 * 3600
_SECOND = 1.0
_MAX_CLEARS = 10
_DAY_USED_UP, _TOO_FAST, _NO_CLEARS_LEFT = 45009, 45011, 48006


def shanghai_day(timestamp: float) -> int:
    """The calendar day in Shanghai. WeChat does not document when quotas are reset."""
    return int(timestamp + _SHANGHAI) // 86_400


def clock_minute(timestamp: float) -> int:
    """The minute of the clock."""
    return int(timestamp) // 60


class Quotas:
    """The limits of a sandbox; without limits it only counts. Not thread safe.

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
        self._recent_calls: defaultdict[str, deque[float]] = defaultdict(deque)

    def limit_second(self, appid: str, calls: int | None) -> None:
        """Limit the calls of this account within any second from now on; None removes the limit."""
        if calls is None:
            self._second_limits.pop(appid, None)
        else:
            self._second_limits[appid] = calls

    def count(self, appid: str, path: str) -> None:
        """Count a call, or raise ApiError; a rejected call is not counted."""
        now = self._clock()
        day, minute = (appid, path, shanghai_day(now)), (appid, path, clock_minute(now))
        if self._daily_limit is not None and self._by_day[day] >= self._daily_limit:
            raise ApiError(_DAY_USED_UP)
        if self._minute_limit is not None and self._by_minute[minute] >= self._minute_limit:
            raise ApiError(_TOO_FAST)
        self._count_second(appid, now)
        self._by_day[day] += 1
        self._by_minute[minute] += 1

    def _count_second(self, appid: str, now: float) -> None:
        limit = self._second_limits.get(appid)
        if limit is None:
            return
        recent = self._recent_calls[appid]
        while recent and recent[0] <= now - _SECOND:
            recent.popleft()
        if len(recent) >= limit:
            raise ApiError(_TOO_FAST)
        recent.append(now)

    def report(self, appid: str, path: str) -> Json:
        """The answer of quota/get for one path."""
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
        """Reset the daily counts of an account; each account may do this ten times."""
        if self._clears[appid] >= _MAX_CLEARS:
            raise ApiError(_NO_CLEARS_LEFT)
        self._clears[appid] += 1
        for key in [key for key in self._by_day if key[0] == appid]:
            del self._by_day[key]


def quota_of(body: Json, caller: str, account: AccountType, quotas: Quotas) -> Json:
    """quota/get: the limit and the used calls of the caller for one path."""
    path = body.get("cgi_path")
    if path not in ALL_PATHS:
        raise ApiError(76021)
    if path in LISTS and LISTS[path].account != account:
        raise ApiError(76022)
    return quotas.report(caller, path)


def clear_quota(body: Json, caller: str, quotas: Quotas) -> Json:
    """clear_quota: reset the caller's daily quotas."""
    if body.get("appid") != caller:
        raise ApiError(40013)
    quotas.clear(caller)
    return {"errcode": 0, "errmsg": "ok"}
