"""Cursors: their format, and that each is valid for the same list, filters and page size only."""

import base64

import pytest

from channels_assets.sandbox import World
from channels_assets_tests.sandbox.callers import (
    ARTICLES,
    PRODUCTS,
    SHARERS,
    SHOPS,
    Caller,
    Json,
    article_request,
)


def test_shape(window: Caller, league: Caller) -> None:
    cursors = [
        window.call(PRODUCTS, {"page_size": 1})["last_buffer"],
        league.call(ARTICLES, article_request(league.sandbox))["next_key"],
    ]
    for cursor in cursors:
        assert len(cursor) == 100
        assert {"+", "/", "="} <= set(cursor)
        assert base64.b64decode(cursor, validate=True)


def test_they_stay_good(window: Caller) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 1})["last_buffer"]
    request = {"page_size": 1, "last_buffer": cursor}
    assert window.call(PRODUCTS, request) == window.call(PRODUCTS, request)


@pytest.mark.parametrize(
    "change",
    [
        {"page_size": 11},
        {"appid": "wx0000000000000000"},
        {"branch_id": 3001},
        {"query_cps_product": True},
    ],
)
def test_window_cursor_with_another_request(window: Caller, change: Json) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 10})["last_buffer"]
    request = {"page_size": 10, "last_buffer": cursor}
    assert window.errcode(PRODUCTS, {**request, "need_total_num": True}) == 0
    assert window.errcode(PRODUCTS, {**request, **change}) == 10022006


def test_filter_that_changes_nothing_binds_nothing(window: Caller) -> None:
    shop = window.sandbox.world.league.shops[0]["shop_appid"]
    cursor = window.call(PRODUCTS, {"page_size": 10, "appid": shop})["last_buffer"]
    request = {"page_size": 10, "appid": shop, "query_cps_product": True, "last_buffer": cursor}
    assert window.errcode(PRODUCTS, request) == 0


def test_window_cursor_of_another_account(window: Caller) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 1})["last_buffer"]
    account = list(window.sandbox.world.windows.values())[1]
    other = Caller(window.sandbox, account.appid, account.secret).log_in()
    assert other.errcode(PRODUCTS, {"page_size": 1, "last_buffer": cursor}) == 10022006


def test_article_cursor_with_another_request(league: Caller) -> None:
    request = article_request(league.sandbox)
    request["next_key"] = league.call(ARTICLES, request)["next_key"]
    sharer = league.sandbox.world.league.sharers[1]["sharer_appid"]
    assert league.errcode(ARTICLES, request) == 0
    assert league.errcode(ARTICLES, {**request, "page_size": 9}) == 10024000
    assert league.errcode(ARTICLES, {**request, "sharer_appid": sharer}) == 10024000


def test_cursor_of_another_list(league: Caller) -> None:
    cursor = league.call(SHOPS, {"next_key": "", "page_size": 1})["next_key"]
    assert league.errcode(SHOPS, {"next_key": cursor, "page_size": 1}) == "0"
    assert league.errcode(SHARERS, {"next_key": cursor, "page_size": 1}) == 10024000


@pytest.mark.parametrize("place", [0, 5, 9, 50, 96])
def test_tampered(window: Caller, place: int) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 1})["last_buffer"]
    swapped = "A" if cursor[place] != "A" else "B"
    forged = cursor[:place] + swapped + cursor[place + 1 :]
    assert window.errcode(PRODUCTS, {"page_size": 1, "last_buffer": forged}) == 10022006


def test_url_mangled(window: Caller) -> None:
    cursor = window.call(PRODUCTS, {"page_size": 1})["last_buffer"]
    for mangled in (cursor.replace("+", " "), cursor.rstrip("="), cursor.replace("/", "_")):
        request = {"page_size": 1, "last_buffer": mangled}
        assert window.errcode(PRODUCTS, request) == 10022006


def test_lists_may_change_in_mid_walk(window: Caller, world: World) -> None:
    products = world.windows[window.appid].products
    first = window.call(PRODUCTS, {"page_size": 10})
    second_of_old = products[10]
    del products[0]
    request = {"page_size": 10, "last_buffer": first["last_buffer"]}
    moved_on = window.call(PRODUCTS, request)["products"]
    assert second_of_old not in moved_on
    assert moved_on == products[10:20]
