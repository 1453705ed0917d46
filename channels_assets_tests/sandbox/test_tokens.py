"""Access tokens: both ways to get them, and every way in which they become invalid."""

import pytest

from channels_assets.sandbox import Sandbox, World
from channels_assets_tests.sandbox.callers import PLAIN, PRODUCTS, STABLE, Caller
from channels_assets_tests.sandbox.conftest import Clock

ONE_ITEM = {"page_size": 1}


def _works(caller: Caller, token: str) -> object:
    caller.token = token
    return caller.errcode(PRODUCTS, ONE_ITEM)


@pytest.mark.parametrize("way", ["stable", "plain"])
def test_success_has_no_errcode(window: Caller, way: str) -> None:
    answer = getattr(window, way)()
    assert set(answer) == {"access_token", "expires_in"}
    assert answer["expires_in"] == 7200
    assert len(answer["access_token"]) < 512
    assert _works(window, answer["access_token"]) == 0


@pytest.mark.parametrize("way", ["stable", "plain"])
@pytest.mark.parametrize(
    ("fields", "errcode"),
    [
        ({"grant_type": "x"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"secret": "x"}, 40125),
    ],
)
def test_refused(window: Caller, way: str, fields: dict[str, str], errcode: int) -> None:
    answer = getattr(window, way)(**fields)
    assert answer["errcode"] == errcode
    assert " rid: " in answer["errmsg"]


def test_plain_by_post_in_query_or_body(window: Caller) -> None:
    fields = {"grant_type": "client_credential", "appid": window.appid, "secret": window.secret}
    url = window.sandbox.url + PLAIN
    assert "access_token" in window.session.post(url, params=fields, timeout=5).json()
    assert "access_token" in window.session.post(url, json=fields, timeout=5).json()


def test_stable_wants_post_and_a_body(window: Caller) -> None:
    url = window.sandbox.url + STABLE
    assert window.session.get(url, timeout=5).json()["errcode"] == 43002
    assert window.session.post(url, timeout=5).json()["errcode"] == 44002
    assert window.session.post(url, data=b"?", timeout=5).json()["errcode"] == 47001


def test_stable_repeats_until_five_minutes_before_the_end(window: Caller, clock: Clock) -> None:
    first = window.stable()
    clock.now += 6899
    assert window.stable() == {"access_token": first["access_token"], "expires_in": 301}
    clock.now += 1
    second = window.stable()
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 7200
    assert _works(window, first["access_token"]) == 0
    clock.now += 300
    assert _works(window, first["access_token"]) == 42001
    assert _works(window, second["access_token"]) == 0


def test_plain_replaces_with_five_minutes_of_overlap(window: Caller, clock: Clock) -> None:
    first, second = window.plain()["access_token"], window.plain()["access_token"]
    assert first != second
    clock.now += 299
    assert _works(window, first) == 0
    clock.now += 1
    assert _works(window, first) == 40001
    assert _works(window, second) == 0


def test_the_two_ways_do_not_affect_each_other(window: Caller, clock: Clock) -> None:
    stable = window.stable()["access_token"]
    plain = window.plain()["access_token"]
    window.stable(force_refresh=True)
    assert _works(window, plain) == 0
    assert _works(window, stable) == 40001
    clock.now += 1000
    assert _works(window, plain) == 0


def test_force_kills_at_once_but_not_within_30_seconds(window: Caller, clock: Clock) -> None:
    first = window.stable()["access_token"]
    second = window.stable(force_refresh=True)["access_token"]
    assert second != first
    assert _works(window, first) == 40001
    clock.now += 29
    assert window.stable(force_refresh=True)["access_token"] == second
    clock.now += 1
    assert window.stable(force_refresh=True)["access_token"] != second
    assert _works(window, second) == 40001


def test_force_20_times_a_day(window: Caller, clock: Clock) -> None:
    for _ in range(20):
        assert "access_token" in window.stable(force_refresh=True)
        clock.now += 60
    assert window.stable(force_refresh=True)["errcode"] == 45009
    assert "access_token" in window.stable()
    clock.now += 86_400
    assert "access_token" in window.stable(force_refresh=True)


def test_short_life_has_short_overlap(world: World, clock: Clock) -> None:
    account = next(iter(world.windows.values()))
    with Sandbox(world, token_life=8, clock=clock) as sandbox:
        caller = Caller(sandbox, account.appid, account.secret)
        first = caller.stable()
        assert first["expires_in"] == 8
        clock.now += 5
        assert caller.stable() == {**first, "expires_in": 3}
        clock.now += 1
        assert caller.stable()["access_token"] != first["access_token"]
        clock.now += 2
        assert _works(caller, first["access_token"]) == 42001


@pytest.mark.parametrize(("end", "errcode"), [("expire", 42001), ("revoke", 40001)])
def test_ended_by_the_test(window: Caller, end: str, errcode: int) -> None:
    old = window.token
    getattr(window.sandbox, f"{end}_tokens")()
    assert window.errcode(PRODUCTS, ONE_ITEM) == errcode
    new = window.stable()["access_token"]
    assert new != old
    assert _works(window, new) == 0
    assert _works(window, old) == errcode


def test_tokens_knows_all_that_must_not_leak(window: Caller, world: World) -> None:
    seen = {window.token, window.plain()["access_token"], window.secret, world.league.secret}
    assert seen <= window.sandbox.tokens
    window.sandbox.expire_tokens()
    assert seen <= window.sandbox.tokens
