"""Quotas by day, minute and second, quota/get and clear_quota."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from channels_assets.sandbox import Sandbox, World
from channels_assets_tests.sandbox.callers import PRODUCTS, SHOPS, Caller
from channels_assets_tests.sandbox.conftest import Clock

QUOTA = "/cgi-bin/openapi/quota/get"
CLEAR = "/cgi-bin/clear_quota"
ONE_ITEM = {"page_size": 1}


@pytest.fixture
def limited(world: World, clock: Clock) -> Iterator[Caller]:
    account = next(iter(world.windows.values()))
    with Sandbox(world, daily_limit=5, minute_limit=3, clock=clock) as sandbox:
        yield Caller(sandbox, account.appid, account.secret).log_in()


def test_minute_and_day(limited: Caller, clock: Clock) -> None:
    assert [limited.errcode(PRODUCTS, ONE_ITEM) for _ in range(4)] == [0, 0, 0, 45011]
    clock.now += 60
    assert [limited.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [0, 0, 45009]
    clock.now += 86_400
    assert limited.log_in().errcode(PRODUCTS, ONE_ITEM) == 0


def test_the_day_begins_in_shanghai(limited: Caller, clock: Clock) -> None:
    midnight_there = datetime(2025, 10, 10, tzinfo=timezone(timedelta(hours=8)))
    clock.now = midnight_there.timestamp() - 120
    limited.log_in()
    assert [limited.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [0, 0, 0]
    clock.now += 60
    assert [limited.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [0, 0, 45009]
    clock.now += 60
    assert limited.errcode(PRODUCTS, ONE_ITEM) == 0


def test_every_account_has_its_own(limited: Caller, world: World) -> None:
    agency = Caller(limited.sandbox, world.league.appid, world.league.secret).log_in()
    for _ in range(3):
        limited.call(PRODUCTS, ONE_ITEM)
    assert agency.errcode(SHOPS, {"next_key": "", "page_size": 1}) == "0"


def test_a_second(window: Caller, league: Caller, clock: Clock) -> None:
    window.sandbox.limit_second(window.appid, 2)
    assert [window.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [0, 0, 45011]
    clock.now += 0.75
    assert window.errcode(PRODUCTS, ONE_ITEM) == 45011
    clock.now += 0.25
    assert [window.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [0, 0, 45011]
    for _ in range(3):
        assert league.errcode(SHOPS, {"next_key": "", "page_size": 1}) == "0"
    rate = {"call_count": 2, "refresh_second": 1}
    assert window.call(QUOTA, {"cgi_path": PRODUCTS})["rate_limit"] == rate
    window.sandbox.limit_second(window.appid, None)
    assert [window.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [0, 0, 0]


def test_quota_get(limited: Caller) -> None:
    limited.call(PRODUCTS, ONE_ITEM)
    assert limited.call(QUOTA, {"cgi_path": PRODUCTS}) == {
        "errcode": 0,
        "errmsg": "ok",
        "quota": {"daily_limit": 5, "used": 1, "remain": 4},
        "rate_limit": {"call_count": 3, "refresh_second": 60},
    }
    assert limited.errcode(QUOTA, {"cgi_path": "/nowhere"}) == 76021
    assert limited.errcode(QUOTA, {"cgi_path": SHOPS}) == 76022


def test_quota_get_without_limits(window: Caller) -> None:
    window.call(PRODUCTS, ONE_ITEM)
    answer = window.call(QUOTA, {"cgi_path": PRODUCTS})
    assert answer["quota"] == {"daily_limit": 0, "used": 1, "remain": 0}
    assert "rate_limit" not in answer


def test_clear_quota(limited: Caller, clock: Clock) -> None:
    limited.call(PRODUCTS, ONE_ITEM)
    assert limited.errcode(CLEAR, {"appid": "wx0000000000000000"}) == 40013
    assert [limited.errcode(CLEAR, {"appid": limited.appid}) for _ in range(11)] == [
        *[0] * 10,
        48006,
    ]
    assert limited.call(QUOTA, {"cgi_path": PRODUCTS})["quota"]["used"] == 0
