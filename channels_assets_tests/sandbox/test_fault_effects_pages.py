"""Faults of paging and of the JSON object, as a caller of each list meets them."""

import json
import math
from itertools import pairwise

import pytest

from channels_assets.sandbox import Fault
from channels_assets_tests.sandbox.callers import (
    ARTICLES,
    PRODUCTS,
    SHOPS,
    Caller,
    Json,
    article_request,
    walk,
)


def _follow(caller: Caller, path: str, request: Json, pages: int) -> list[Json]:
    """That many pages in a row, whatever their cursors are."""
    cursor = "last_buffer" if path == PRODUCTS else "next_key"
    answers = []
    for _ in range(pages):
        answers.append(caller.call(path, request))
        request = {**request, cursor: answers[-1].get(cursor, "")}
    return answers


def test_missing_cursor_only_where_more_remains(window: Caller, league: Caller) -> None:
    window.sandbox.inject(Fault("missing_cursor"))
    assert "last_buffer" not in window.call(PRODUCTS, {"page_size": 10})
    assert "last_buffer" in window.call(PRODUCTS, {"page_size": 200, "page_index": 3})
    first = league.call(ARTICLES, article_request(league.sandbox))
    assert "next_key" not in first
    assert first["has_more"] is True


def test_empty_cursor_has_more(window: Caller, league: Caller) -> None:
    window.sandbox.inject(Fault("empty_cursor_has_more"))
    assert window.call(PRODUCTS, {"page_size": 10})["last_buffer"] == ""
    for path, request in [
        (ARTICLES, article_request(league.sandbox)),
        (SHOPS, {"next_key": "", "page_size": 10}),
    ]:
        answer = league.call(path, request)
        assert (answer["next_key"], answer["has_more"]) == ("", True)


def test_frozen_cursor(window: Caller, league: Caller) -> None:
    window.sandbox.inject(Fault("frozen_cursor"))
    answers = _follow(window, PRODUCTS, {"page_size": 200}, 5)
    assert len({answer["last_buffer"] for answer in answers}) == 1
    assert answers[1]["products"] == answers[4]["products"] != []
    answers = _follow(league, ARTICLES, article_request(league.sandbox), 5)
    assert len({answer["next_key"] for answer in answers}) == 1
    assert all(answer["has_more"] for answer in answers)


def test_cycling_cursor(window: Caller, league: Caller) -> None:
    window.sandbox.inject(Fault("cycling_cursor"))
    a, b, c, d = [
        answer["last_buffer"] for answer in _follow(window, PRODUCTS, {"page_size": 10}, 4)
    ]
    assert (a, b) == (c, d)
    assert a != b
    answers = _follow(league, ARTICLES, article_request(league.sandbox, page_size=5), 4)
    assert len({answer["next_key"] for answer in answers}) == 2
    assert all(answer["has_more"] for answer in answers)


@pytest.mark.parametrize("page_size", [1, 7, 10])
def test_short_pages_lose_nothing(window: Caller, league: Caller, page_size: int) -> None:
    window.sandbox.inject(Fault("short_pages"))
    sizes: list[int] = []

    def articles(body: Json) -> Json:
        answer = league.call(ARTICLES, body)
        sizes.append(len(answer["article_list"]))
        assert answer["has_more"] == bool(answer["next_key"])
        return answer

    request = article_request(league.sandbox, page_size=page_size)
    truth = league.sandbox.world.articles_for(
        request["shop_appid"], request["promoter_id"], request["sharer_appid"]
    )
    assert walk(articles, request, "next_key", "article_list") == truth
    assert max(sizes) == max(1, page_size // 2)

    read = walk(
        lambda body: window.call(PRODUCTS, body), {"page_size": 199}, "last_buffer", "products"
    )
    assert read == window.sandbox.world.products_for(window.appid)


@pytest.mark.parametrize("page_size", [2, 10, 200])
def test_repeat_over_break(window: Caller, page_size: int) -> None:
    window.sandbox.inject(Fault("repeat_over_break"))
    pages: list[list[Json]] = []

    def products(body: Json) -> Json:
        answer = window.call(PRODUCTS, body)
        pages.append(answer["products"])
        return answer

    read = walk(products, {"page_size": page_size}, "last_buffer", "products")
    pages = [page for page in pages if page]
    assert len(pages) > 1
    for before, after in pairwise(pages):
        assert after[0] == before[-1]
        assert len(after) <= page_size
    distinct = list({item["product_id"]: item for item in read}.values())
    assert distinct == window.sandbox.world.products_for(window.appid)


def test_repeat_over_break_reaches_the_end_of_an_article_list(league: Caller) -> None:
    league.sandbox.inject(Fault("repeat_over_break"))
    request = article_request(league.sandbox, page_size=2)
    read = walk(lambda body: league.call(ARTICLES, body), request, "next_key", "article_list")
    distinct = list({item["article_info"]["article_url"]: item for item in read}.values())
    assert len(read) > len(distinct)
    assert distinct == league.sandbox.world.articles_for(
        request["shop_appid"], request["promoter_id"], request["sharer_appid"]
    )


def test_total_off_by_one(window: Caller) -> None:
    window.sandbox.inject(Fault("total_off_by_one"))
    assert window.call(PRODUCTS, {"page_size": 1, "need_total_num": True})["total_num"] == 451
    assert "total_num" not in window.call(PRODUCTS, {"page_size": 1})


def test_errcode_as_string(window: Caller, league: Caller) -> None:
    window.sandbox.inject(Fault("errcode_string"))
    assert window.errcode(PRODUCTS, {"page_size": 1}) == "0"
    assert window.errcode(PRODUCTS, {}) == "10022006"
    assert league.errcode(SHOPS, {"next_key": "", "page_size": 1}) == "0"


def test_errcode_missing(window: Caller) -> None:
    window.sandbox.inject(Fault("errcode_missing"))
    answer = window.call(PRODUCTS, {"page_size": 1})
    assert set(answer) == {"products", "last_buffer"}


@pytest.mark.parametrize("path", [PRODUCTS, ARTICLES, SHOPS])
def test_missing_list(window: Caller, league: Caller, path: str) -> None:
    window.sandbox.inject(Fault("missing_list"))
    caller = window if path == PRODUCTS else league
    request = article_request(league.sandbox) if path == ARTICLES else {"page_size": 1}
    answer = caller.call(path, {"next_key": "", **request})
    assert answer["errcode"] in (0, "0")
    assert not any(isinstance(value, list) for value in answer.values())
    assert answer.get("last_buffer") or answer.get("next_key")


def test_nan(window: Caller, league: Caller) -> None:
    world = window.sandbox.world
    truth = json.dumps(world.products_for(window.appid))
    window.sandbox.inject(Fault("nan"))
    item = window.call(PRODUCTS, {"page_size": 1})["products"][0]
    assert math.isnan(item["product_source"])
    article = league.call(ARTICLES, article_request(league.sandbox))["article_list"][0]
    assert math.isnan(article["create_time"])
    assert json.dumps(world.products_for(window.appid)) == truth
