"""A whole refresh of lists with odd items and odd ids: all else is loaded, and what was odd is named."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from channels_assets.sandbox import Fault, World
from channels_assets.sandbox.lists import SHARERS, SHOP_ARTICLES, WINDOW_PRODUCTS
from channels_assets_tests.helpers.project import Project

Make = Callable[..., Project]
ODD_ID = "export/UzFfAg%2F="
ODD_PART = "export%2FUzFfAg%252F="


def odd_world() -> World:
    """One window and one shop, whose only account has an odd id."""
    world = World.generate(
        seed=5, windows=1, products=5, shops=1, promoters=1, sharers=1, articles=4
    )
    [shop] = world.league.shops
    account = world.league.promoters[shop["shop_appid"]][0]
    articles = next(iter(world.league.articles.values()))
    account.update(promoter_id=ODD_ID, promoter_type=5)
    world.league.promoters[shop["shop_appid"]] = [account]
    world.league.articles = {(shop["shop_appid"], ODD_ID): articles}
    return world


def test_odd_items_are_named_and_everything_else_is_loaded(make_project: Make) -> None:
    world = odd_world()
    [articles] = world.league.articles.values()
    articles[1]["article_info"]["article_url"] = ""
    articles[2]["create_time"] = "yesterday\x1b[31m"
    articles[2]["product_list"].insert(0, {"product_name": "gone"})
    project = make_project(world)
    project.sandbox.inject(Fault("half_emoji", path=SHOP_ARTICLES.path))
    project.sandbox.inject(Fault("item_without_id", path=WINDOW_PRODUCTS.path))
    project.sandbox.inject(Fault("text_for_number", path=SHARERS.path))
    done = project.refresh()
    assert done.code == 0, done.err
    rejected = {name: asset["rejected"] for name, asset in done.assets.items()}
    expected = {"window_products": 1, "shop_articles": 1, "article_products": 1}
    assert rejected == {**dict.fromkeys(rejected, 0), **expected}
    assert [asset["failed"] for asset in done.assets.values()] == [[]] * 6
    assert project.rows("SELECT count(*) FROM window_products") == [(4,)]
    assert project.rows("SELECT count(*) FROM shop_articles") == [(3,)]
    # Equal bytes are not asked for again.
    paths = [call.path for call in project.sandbox.calls]
    assert {paths.count(path) for path in (WINDOW_PRODUCTS.path, SHOP_ARTICLES.path)} == {1}

    shop, sharer = world.league.shops[0]["shop_appid"], world.league.sharers[0]["sharer_appid"]
    key = f"{shop}/{ODD_PART}/{sharer}"
    missing = "product_id is missing or empty"
    stored = 'SELECT asset, "partition", position, reason FROM rejected_items ORDER BY asset'
    [of_products, *of_lists] = project.rows(stored)
    address = articles[2]["article_info"]["article_url"]
    assert of_products[:2] == ("article_products", key)
    assert of_products[3] == f"{missing}, article_url: {address}"
    assert of_lists == [
        ("shop_articles", key, 2, "article_info.article_url is missing or empty"),
        ("window_products", next(iter(world.windows)), 1, missing),
    ]
    shown = project.command("refresh")
    assert shown.code == 0, shown.err
    checks = [line for line in shown.out.splitlines() if "items_valid" in line]
    assert {line.split()[1] for line in checks} == {*expected, "sharers"}
    [of_articles] = [line for line in checks if "shop_articles" in line]
    assert f"list {key}, position 2, " in of_articles
    assert 'field create_time, value "yesterday\\u001B[31m"' in of_articles
    assert "field article_info.article_title, value \ufffd" in of_articles
    assert "已按原样保留" in of_articles


@pytest.mark.parametrize("other", ["gh\x01", "a%b"])
def test_lists_with_odd_ids_are_refreshed_by_their_encoded_keys(
    make_project: Make, other: str
) -> None:
    world = odd_world()
    [(shop, _)] = world.league.articles
    [account] = world.league.promoters[shop]
    world.league.promoters[shop].append({**account, "promoter_id": other})
    world.league.articles[shop, other] = []
    project = make_project(world)
    done = project.refresh()
    assert (done.code, done.assets["shop_articles"]["succeeded"]) == (0, 2), done.err
    sharer = world.league.sharers[0]["sharer_appid"]
    key = f"{shop}/{ODD_PART}/{sharer}"
    ids = "SELECT DISTINCT shop_appid, promoter_id, sharer_appid FROM"
    for table in ("shop_articles", "article_products"):
        assert project.rows(f"{ids} {table}") == [(shop, ODD_ID, sharer)]
    name = f"{world.league.shops[0]['shop_nickname']} / {account['promoter_name']} / "
    freshness = (
        "SELECT list_name FROM list_freshness WHERE asset = 'shop_articles' AND \"partition\" = ?"
    )
    assert project.rows(freshness, [key])[0][0].startswith(name)
    assert key in project.command("partitions").out
    again = project.refresh("--partition", key)
    assert (again.code, again.assets["shop_articles"]["succeeded"]) == (0, 1), again.err
    assert project.refresh("--partition", f"{shop}/{ODD_ID}/{sharer}").code == 2
    assert json.loads(again.out)["assets"]["shop_articles"]["rows"] == 4

    world.league.promoters[shop] = [account]
    last = project.refresh()
    assert last.code == 0, last.err
    assert len(project.command("partitions").out.splitlines()) == 2
