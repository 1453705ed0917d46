"""The agency's lists: parameters, fields, and paging through each of them."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_assets.sandbox import Sandbox, World
from channels_assets_tests.sandbox.callers import (
    ARTICLES,
    PROMOTERS,
    SHARERS,
    SHOPS,
    Caller,
    Json,
    article_request,
    walk,
)

LIST_FIELDS = {
    ARTICLES: "article_list",
    SHOPS: "shop_list",
    PROMOTERS: "promoter_list",
    SHARERS: "sharer_info_list",
}


def _request(sandbox: Sandbox, path: str) -> Json:
    if path == ARTICLES:
        return article_request(sandbox)
    request: Json = {"next_key": "", "page_size": 10}
    if path == PROMOTERS:
        request["shop_appid"] = sandbox.world.league.shops[0]["shop_appid"]
    return request


def _truth(world: World, path: str, request: Json) -> list[Json]:
    if path == ARTICLES:
        names = ("shop_appid", "promoter_id", "sharer_appid")
        return world.articles_for(*(request[name] for name in names))
    if path == PROMOTERS:
        return world.league.promoters[request["shop_appid"]]
    return world.league.shops if path == SHOPS else world.league.sharers


@pytest.mark.parametrize("path", LIST_FIELDS)
def test_page_size_and_next_key(league: Caller, path: str) -> None:
    largest = 20 if path == SHARERS else 10
    good = _request(league.sandbox, path)
    success = 0 if path == ARTICLES else "0"
    for size, errcode in [(1, success), (largest, success), (largest + 1, 10024000), (0, 10024000)]:
        assert league.errcode(path, {**good, "page_size": size}) == errcode
    for name in ("page_size", "next_key"):
        assert league.errcode(path, {k: v for k, v in good.items() if k != name}) == 10024000
    for bad_key in (None, 5, "next_key"):
        assert league.errcode(path, {**good, "next_key": bad_key}) == 10024000


@pytest.mark.parametrize("path", LIST_FIELDS)
def test_fields_of_an_answer(league: Caller, path: str) -> None:
    answer = league.call(path, _request(league.sandbox, path))
    fields = {"errcode", "errmsg", "next_key", "has_more", LIST_FIELDS[path]}
    assert set(answer) == fields - ({"has_more"} if path == SHARERS else set())


@pytest.mark.parametrize(
    ("fields", "errcode"),
    [
        ({"promoter_type": 1}, 10024000),
        ({"promoter_type": 5}, 10024000),
        ({"promoter_type": "4"}, 10024000),
        ({"shop_appid": "wx0000000000000000"}, 10024000),
        ({"promoter_id": "1"}, 10024000),
        ({"promoter_id": 1}, 10024000),
        ({"shop_appid": ""}, 10024000),
        ({"sharer_appid": ""}, 10024000),
        ({"sharer_appid": "wx0000000000000000"}, 10071029),
        ({}, 0),
    ],
)
def test_article_parameters(league: Caller, fields: Json, errcode: int) -> None:
    assert league.errcode(ARTICLES, article_request(league.sandbox, **fields)) == errcode


def test_promoter_of_type_1_has_no_articles(league: Caller) -> None:
    promoters = next(iter(league.sandbox.world.league.promoters.values()))
    channel = next(item for item in promoters if item["promoter_type"] == 1)
    request = article_request(league.sandbox, promoter_id=channel["promoter_id"], promoter_type=1)
    assert league.errcode(ARTICLES, request) == 10024000


def test_promoter_of_another_shop(league: Caller) -> None:
    other_shop = league.sandbox.world.league.shops[1]["shop_appid"]
    assert league.errcode(ARTICLES, article_request(league.sandbox, shop_appid=other_shop)) == (
        10024000
    )


def test_empty_article_list(league: Caller) -> None:
    shop_appid, promoter_id = list(league.sandbox.world.league.articles)[-1]
    promoter = league.sandbox.world.league.promoter(shop_appid, promoter_id)
    assert promoter is not None
    request = article_request(
        league.sandbox,
        shop_appid=shop_appid,
        promoter_id=promoter_id,
        promoter_type=promoter["promoter_type"],
    )
    assert league.call(ARTICLES, request) == {
        "errcode": 0,
        "errmsg": "ok",
        "article_list": [],
        "next_key": "",
        "has_more": False,
    }


def test_unknown_shop_has_no_promoters(league: Caller) -> None:
    request = {"next_key": "", "page_size": 10, "shop_appid": "wx0000000000000000"}
    assert league.errcode(PROMOTERS, request) == 10024000


def test_sharer_filters(league: Caller) -> None:
    agency = league.sandbox.world.league
    first, second = agency.sharers
    openid = agency.sharer_openids[second["sharer_appid"]]
    cases: list[tuple[Json, list[Json]]] = [
        ({"sharer_appid": first["sharer_appid"]}, [first]),
        ({"sharer_openid": openid}, [second]),
        ({"sharer_appid": first["sharer_appid"], "sharer_openid": openid}, []),
        ({"sharer_appid": "", "sharer_openid": ""}, [first, second]),
    ]
    for filters, expected in cases:
        request = {"next_key": "", "page_size": 20, **filters}
        assert league.call(SHARERS, request)["sharer_info_list"] == expected


@pytest.fixture(scope="module")
def agency() -> Iterator[Caller]:
    world = World.generate(seed=5, shops=23, promoters=13, sharers=45, articles=30)
    with Sandbox(world) as sandbox:
        yield Caller(sandbox, world.league.appid, world.league.secret).log_in()


@settings(max_examples=25, deadline=None)
@given(path=st.sampled_from(list(LIST_FIELDS)), page_size=st.integers(1, 10))
def test_any_page_size_reads_the_truth(agency: Caller, path: str, page_size: int) -> None:
    request = {**_request(agency.sandbox, path), "page_size": page_size}
    pages: list[Json] = []

    def page(body: Json) -> Json:
        pages.append(agency.call(path, body))
        return pages[-1]

    truth = _truth(agency.sandbox.world, path, request)
    assert walk(page, request, "next_key", LIST_FIELDS[path]) == truth
    assert len(pages) == -(-len(truth) // page_size)
    if path != SHARERS:
        assert [answer["has_more"] for answer in pages] == [True] * (len(pages) - 1) + [False]
    assert [bool(answer["next_key"]) for answer in pages] == [True] * (len(pages) - 1) + [False]
