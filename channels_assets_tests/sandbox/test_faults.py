"""How faults are aimed: path, account, condition on the body, how often, since when."""

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets_tests.sandbox.callers import (
    ARTICLES,
    PRODUCTS,
    SHARERS,
    SHOPS,
    STABLE,
    Caller,
    article_request,
)

ONE_ITEM = {"page_size": 1}
FIRST = {"page_size": 1, "next_key": ""}


def test_unknown_kind_or_path_is_a_mistake_of_the_test() -> None:
    with pytest.raises(ValueError, match="no_such_kind"):
        Fault("no_such_kind")
    with pytest.raises(ValueError, match="/no/such/path"):
        Fault("drop", path="/no/such/path")
    with pytest.raises(ValueError, match="for lists"):
        Fault("frozen_cursor", path=STABLE)


def test_times_and_after(window: Caller) -> None:
    handle = window.sandbox.inject(Fault("system_busy", times=2, after=1))
    assert [window.errcode(PRODUCTS, ONE_ITEM) for _ in range(5)] == [0, -1, -1, 0, 0]
    assert (handle.seen, handle.hits) == (5, 2)


def test_for_ever_until_removed(window: Caller) -> None:
    handle = window.sandbox.inject(Fault("system_busy"))
    assert [window.errcode(PRODUCTS, ONE_ITEM) for _ in range(3)] == [-1, -1, -1]
    handle.remove()
    handle.remove()
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0
    window.sandbox.inject(Fault("system_busy"))
    window.sandbox.clear_faults()
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0


def test_by_path(window: Caller, league: Caller) -> None:
    league.sandbox.inject(Fault("system_busy", path=SHOPS))
    assert league.errcode(SHOPS, FIRST) == -1
    assert league.errcode(SHARERS, FIRST) == "0"
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0


def test_by_account(window: Caller, league: Caller) -> None:
    league.sandbox.inject(Fault("system_busy", appid=league.appid))
    assert league.errcode(SHOPS, FIRST) == -1
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0


def test_by_body(window: Caller) -> None:
    window.sandbox.inject(Fault("system_busy", where=lambda body: body.get("page_size") == 2))
    assert [window.errcode(PRODUCTS, {"page_size": size}) for size in (1, 2, 3)] == [0, -1, 0]


def test_calls_that_do_not_match_are_not_counted(window: Caller) -> None:
    second = Fault("system_busy", times=1, after=1, where=lambda body: body["page_size"] == 2)
    window.sandbox.inject(second)
    sizes = [1, 2, 1, 2, 2]
    assert [window.errcode(PRODUCTS, {"page_size": size}) for size in sizes] == [0, 0, 0, -1, 0]


def test_data_calls_only_unless_the_path_says_otherwise(window: Caller) -> None:
    window.sandbox.inject(Fault("http_500"))
    assert "access_token" in window.stable()
    window.sandbox.inject(Fault("system_busy", path=STABLE))
    assert window.stable()["errcode"] == -1


def test_token_call_of_one_account(window: Caller, world: World) -> None:
    agency = Caller(window.sandbox, world.league.appid, world.league.secret)
    window.sandbox.inject(Fault("secret_frozen", appid=agency.appid))
    assert agency.stable()["errcode"] == 40243
    assert agency.plain()["errcode"] == 40243
    assert "access_token" in window.stable()


def test_several_at_once(window: Caller) -> None:
    window.sandbox.inject(Fault("rate_minute"))
    window.sandbox.inject(Fault("errcode_string"))
    window.sandbox.inject(Fault("text_plain"))
    answer = window.send(PRODUCTS, ONE_ITEM)
    assert answer.json()["errcode"] == "45011"
    assert answer.headers["Content-Type"] == "text/plain"


def test_any_code_and_text(window: Caller) -> None:
    window.sandbox.inject(Fault("system_busy", code=50002, text='用户受限 "x"', times=1))
    answer = window.call(PRODUCTS, ONE_ITEM)
    assert answer["errcode"] == 50002
    assert answer["errmsg"].startswith('用户受限 "x" rid: ')
    window.sandbox.inject(Fault("errcode_string", code=45011))
    assert window.errcode(PRODUCTS, ONE_ITEM) == "45011"
    assert [call.errcode for call in window.sandbox.calls_to(PRODUCTS)] == [50002, 45011]


@pytest.mark.parametrize(
    ("kind", "on_window", "on_articles", "on_sharers"),
    [
        ("system_busy", -1, -1, -1),
        ("rate_minute", 45011, 45011, 45011),
        ("quota_day", 45009, 45009, 45009),
        ("token_expired", 42001, 42001, 42001),
        ("token_replaced", 40001, 40001, 40001),
        ("wrong_account", 48001, 48001, 48001),
        ("capability_off", 48001, 0, "0"),
        ("window_banned", 10022002, 0, "0"),
        ("sharer_unbound", 0, 10071029, "0"),
        ("unknown_errcode", 987654, 987654, 987654),
        ("cursor_rejected", 0, 0, "0"),
    ],
)
def test_refusals(
    window: Caller,
    league: Caller,
    kind: str,
    on_window: int,
    on_articles: int,
    on_sharers: object,
) -> None:
    window.sandbox.inject(Fault(kind))
    answers = [
        window.send(PRODUCTS, ONE_ITEM),
        league.send(ARTICLES, article_request(league.sandbox)),
        league.send(SHARERS, FIRST),
    ]
    codes = [answer.json()["errcode"] for answer in answers]
    assert codes == [on_window, on_articles, on_sharers]
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        refused = answer.json()["errcode"] not in (0, "0")
        assert (" rid: " in answer.json()["errmsg"]) == refused


def test_cursor_rejected(window: Caller, league: Caller) -> None:
    cursor = window.call(PRODUCTS, ONE_ITEM)["last_buffer"]
    next_key = league.call(SHOPS, FIRST)["next_key"]
    window.sandbox.inject(Fault("cursor_rejected", times=1))
    window.sandbox.inject(Fault("cursor_rejected", path=SHOPS))
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0
    assert window.errcode(PRODUCTS, {"page_size": 1, "last_buffer": cursor}) == 10022006
    assert window.errcode(PRODUCTS, {"page_size": 1, "last_buffer": cursor}) == 0
    assert league.errcode(SHOPS, {"page_size": 1, "next_key": next_key}) == 10024000


def test_ip_not_allowed_names_the_ip_both_ways(window: Caller) -> None:
    window.sandbox.inject(Fault("ip_not_allowed"))
    for answer in (window.stable(), window.plain()):
        assert answer["errcode"] == 40164
        named = "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist rid: "
        assert answer["errmsg"].startswith(named)
    assert window.errcode(PRODUCTS, ONE_ITEM) == 0


def test_secret_frozen(window: Caller) -> None:
    window.sandbox.inject(Fault("secret_frozen"))
    assert [window.stable()["errcode"], window.plain()["errcode"]] == [40243, 40243]


def test_hint_instead_of_rid(window: Caller) -> None:
    window.sandbox.inject(Fault("hint_rid"))
    errmsg = window.call(PRODUCTS, ONE_ITEM)["errmsg"]
    assert " hint: [" in errmsg
    assert errmsg.endswith("]")
    assert "rid" not in errmsg
