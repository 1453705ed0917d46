"""Generated worlds: the same from the same seed, and full of what makes clients stumble."""

import copy
import re

import pytest

from channels_assets.sandbox import World


def test_same_seed_same_world() -> None:
    assert World.generate(seed=3) == World.generate(seed=3)


def test_other_seed_other_world() -> None:
    assert not set(World.generate(seed=3).windows) & set(World.generate(seed=4).windows)


def test_default_sizes() -> None:
    world = World.generate(seed=1)
    assert [len(window.products) for window in world.windows.values()] == [450, 7, 0]
    sizes = [len(articles) for articles in world.league.articles.values()]
    assert max(sizes) == sizes[0] == 25
    assert sizes[-1] == 0
    assert len(world.league.shops) == 3
    assert len(world.league.sharers) == 2
    for promoters in world.league.promoters.values():
        assert {promoter["promoter_type"] for promoter in promoters} == {1, 4, 5}


@pytest.mark.parametrize("windows", [0, 1, 2, 5])
def test_sizes_are_settings(windows: int) -> None:
    world = World.generate(seed=1, windows=windows, products=40, shops=0, sharers=0)
    sizes = [len(window.products) for window in world.windows.values()]
    assert len(sizes) == windows
    assert sizes[:1] == [40][:windows]
    assert world.league.articles == {}


def test_own_and_affiliate_products() -> None:
    world = World.generate(seed=7)
    shops = {shop["shop_appid"] for shop in world.league.shops}
    products = next(iter(world.windows.values())).products
    own = [item for item in products if "appid" in item]
    affiliate = [item for item in products if "appid" not in item]
    assert {item["appid"] for item in own} == shops
    assert all("out_product_id" not in item for item in own)
    assert all(item["product_source"] == 1 and item["out_product_id"] for item in affiliate)
    assert {item.get("product_source") for item in own} == {None, 0}
    assert sum("product_source" not in item for item in own) > len(own) / 2
    assert 0 < sum("leaf_category_id" in item for item in products) < len(products) / 5


def test_window_ids() -> None:
    for window in World.generate(seed=7).windows.values():
        ids = [item["product_id"] for item in window.products]
        assert all(isinstance(number, str) for number in ids)
        assert len(set(ids)) == len(ids)
        assert ids.count("18446744073709551615") == bool(ids)
        assert sum(len(number) in (13, 14) for number in ids) >= len(ids) * 0.7
    assert any(2**53 < int(number) < 2**64 - 1 for number in _all_window_ids())


def _all_window_ids() -> list[str]:
    windows = World.generate(seed=7).windows.values()
    return [item["product_id"] for window in windows for item in window.products]


def test_articles() -> None:
    articles = next(iter(World.generate(seed=7).league.articles.values()))
    urls = [article["article_info"]["article_url"] for article in articles]
    assert len(set(urls)) == len(urls)
    assert all(url.startswith("https://mp.weixin.qq.com/s/") for url in urls)
    counts = [len(article["product_list"]) for article in articles]
    assert min(counts) == 0
    assert max(counts) > 20
    products = [product for article in articles for product in article["product_list"]]
    ids = [product["product_id"] for product in products]
    assert {type(number) for number in ids} == {int, str}
    assert 18446744073709551615 in map(int, ids)
    assert all(0 < product["commission_rate"] <= 1_000_000 for product in products)
    assert any(product["product_img_url"] == "" for product in products)
    assert any(article["create_time"] == 0 for article in articles)


@pytest.mark.parametrize(("share", "kinds"), [(0.0, {int}), (1.0, {str})])
def test_string_ids_is_a_setting(share: float, kinds: set[type]) -> None:
    world = World.generate(seed=7, string_ids=share)
    lists = world.league.articles.values()
    products = [item for some in lists for article in some for item in article["product_list"]]
    assert {type(product["product_id"]) for product in products} == kinds


def test_times_come_in_seconds_and_milliseconds() -> None:
    league = World.generate(seed=7, shops=40, sharers=40).league
    times = [item["bind_time"] for item in league.shops + league.sharers]
    assert 0 < sum(time > 10**11 for time in times) < len(times) / 2
    assert {sharer["commission_type"] for sharer in league.sharers} == {0, 1}


def test_titles_are_hard_to_handle() -> None:
    world = World.generate(seed=7, articles=200)
    articles = [article for some in world.league.articles.values() for article in some]
    text = "".join(article["article_info"]["article_title"] for article in articles)
    assert re.search("[\u4e00-\u9fff]", text)
    assert re.search("[\U0001f300-\U0001faff]", text)
    assert max(len(article["article_info"]["article_title"]) for article in articles) > 150


def test_share_links_depend_on_the_sharer_only() -> None:
    world = World.generate(seed=7)
    before = copy.deepcopy(world)
    shop_appid, promoter_id = next(iter(world.league.articles))
    first, second = (
        world.articles_for(shop_appid, promoter_id, sharer["sharer_appid"])
        for sharer in world.league.sharers
    )
    links = [article["article_info"].pop("promoter_share_link") for article in first]
    others = [article["article_info"].pop("promoter_share_link") for article in second]
    assert not set(links) & set(others)
    assert all(re.fullmatch(r"v1=[\w-]{60,80}", link, re.ASCII) for link in links)
    assert len(set(links)) == len(links)
    assert first == second
    assert world == before


def test_products_for_is_a_copy() -> None:
    world = World.generate(seed=7)
    appid = next(iter(world.windows))
    world.products_for(appid).clear()
    assert len(world.products_for(appid)) == 450
