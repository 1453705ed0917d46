"""`channels-assets refresh` from end to end: real sockets, real DuckDB files, a real Dagster instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, DagsterRunStatus

from channels_assets.sandbox import World
from channels_assets_tests.helpers.project import Project

WINDOW_PATH = "/channels/ec/window/product/list/get"
ARTICLE_PATH = "/channels/ec/promoter/get_shop_mp_article_list"
HOSTILE = '\'; DROP TABLE window_products; -- "😀" \u0000 \u2028 \\ %s {x} 第一\r\n\t'

Make = Callable[..., Project]


def materializations(instance: DagsterInstance, asset: str) -> list[AssetMaterialization]:
    found = instance.fetch_materializations(AssetKey(asset), limit=1000).records
    return [item.asset_materialization for item in found if item.asset_materialization is not None]


def expected_windows(world: World) -> list[tuple[Any, ...]]:
    return [
        (
            appid,
            number,
            str(item["product_id"]),
            item.get("appid"),
            item.get("out_product_id"),
            item.get("product_source", 0),
        )
        for appid in sorted(world.windows)
        for number, item in enumerate(world.products_for(appid), start=1)
    ]


def stored_windows(project: Project) -> list[tuple[Any, ...]]:
    return project.rows(
        "SELECT account_appid, position, product_id, shop_appid, out_product_id, product_source "
        "FROM window_products ORDER BY account_appid, position"
    )


def article_lists(world: World) -> list[tuple[str, str, str]]:
    return [
        (shop["shop_appid"], promoter["promoter_id"], sharer["sharer_appid"])
        for shop in world.league.shops
        for promoter in world.league.promoters[shop["shop_appid"]]
        if promoter["promoter_type"] in (4, 5)
        for sharer in world.league.sharers
    ]


def expected_articles(world: World) -> list[tuple[Any, ...]]:
    return [
        (
            *keys,
            number,
            *(article["article_info"][name] for name in ("article_url", "article_title")),
            article["article_info"]["promoter_share_link"],
            article["create_time"] or None,
        )
        for keys in sorted(article_lists(world))
        for number, article in enumerate(world.articles_for(*keys), start=1)
    ]


def stored_articles(project: Project) -> list[tuple[Any, ...]]:
    return project.rows(
        "SELECT shop_appid, promoter_id, sharer_appid, position, article_url, article_title, "
        "promoter_share_link, epoch(create_time)::BIGINT FROM shop_articles ORDER BY ALL"
    )


def expected_article_products(world: World) -> Counter[tuple[Any, ...]]:
    return Counter(
        (
            *keys,
            article["article_info"]["article_url"],
            str(product["product_id"]),
            product["product_name"],
            product["predict_commission_amount"],
            product["commission_rate"],
        )
        for keys in article_lists(world)
        for article in world.articles_for(*keys)
        for product in article["product_list"]
    )


def stored_article_products(project: Project) -> Counter[tuple[Any, ...]]:
    return Counter(
        project.rows(
            "SELECT shop_appid, promoter_id, sharer_appid, article_url, product_id, product_name, "
            "predict_commission_amount, commission_rate FROM article_products"
        )
    )


@pytest.mark.parametrize("window_end", ["buffer", "missing"])
def test_the_tables_are_exactly_what_the_server_holds(make_project: Make, window_end: str) -> None:
    world = World.generate(seed=11)
    first = next(iter(world.windows.values()))
    first.products[0]["product_id"] = str(2**53)
    first.products[1]["product_id"] = 2**53 + 1
    first.products[2]["product_id"] = str(2**64 - 2)
    keys = next(keys for keys in article_lists(world) if world.articles_for(*keys))
    info = world.league.articles[keys[:2]][0]["article_info"]
    info["article_title"] = HOSTILE + "长" * 100_000
    project = make_project(world, window_end=window_end)

    done = project.refresh()

    assert (done.code, done.err) == (0, "")
    assert stored_windows(project) == expected_windows(world)
    assert stored_articles(project) == expected_articles(world)
    assert stored_article_products(project) == expected_article_products(world)
    counted = {name: len(project.query(f"SELECT * FROM {name}")) for name in done.assets}  # noqa: S608
    assert {name: asset["rows"] for name, asset in done.assets.items()} == counted
    with project.instance() as instance:
        assert {run.status for run in instance.get_runs()} == {DagsterRunStatus.SUCCESS}
        for name, partitions in (
            ("window_products", set(world.windows)),
            ("shop_articles", {"/".join(keys) for keys in article_lists(world)}),
            ("article_products", {"/".join(keys) for keys in article_lists(world)}),
        ):
            recorded = materializations(instance, name)
            assert sorted(event.partition or "" for event in recorded) == sorted(partitions)
            assert all("dagster/row_count" in event.metadata for event in recorded)
    spent = sum(asset["api_calls"] for asset in done.assets.values())
    assert spent == len([call for call in project.sandbox.calls if "cgi-bin" not in call.path])
    assert len([call for call in project.sandbox.calls if "cgi-bin" in call.path]) <= 3 * (
        len(world.windows) + 1
    )


def test_a_second_refresh_follows_every_change(make_project: Make) -> None:
    world = World.generate(seed=12, products=60)
    project = make_project(world)
    assert project.refresh().code == 0
    appids = list(world.windows)
    world.windows[appids[0]].products.reverse()
    del world.windows[appids[1]].products[:]
    gone_shop = world.league.shops.pop()["shop_appid"]
    shop = world.league.shops[0]["shop_appid"]
    new = {**world.league.promoters[shop][0], "promoter_id": "a_new_one", "promoter_type": 5}
    world.league.promoters[shop].append(new)
    world.league.articles[shop, "a_new_one"] = [
        article
        for (owner, _), articles in world.league.articles.items()
        if owner != gone_shop
        for article in articles
    ][:3]

    done = project.refresh()

    assert done.code == 0
    assert stored_windows(project) == expected_windows(world)
    assert stored_articles(project) == expected_articles(world)
    assert stored_article_products(project) == expected_article_products(world)
    assert project.rows(
        "SELECT is_active FROM cooperating_shops WHERE shop_appid = ?", [gone_shop]
    ) == [(False,)]
    partitions = project.command("partitions").out
    assert f"{shop}/a_new_one/" in partitions
    assert gone_shop not in partitions


def test_people_read_a_file_that_other_duckdb_versions_open(make_project: Make) -> None:
    project = make_project(World.generate(seed=17, shops=1))
    assert project.refresh().code == 0
    with duckdb.connect(str(project.data / "channels.duckdb"), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE NOT internal AND (comment IS NULL OR comment = '')"
        ).fetchall()
    assert columns == []


def test_filters_of_a_window_make_lists_of_their_own(make_project: Make) -> None:
    world = World.generate(seed=18, shops=2)
    appid = max(world.windows, key=lambda name: len(world.products_for(name)))
    shop = next(item["appid"] for item in world.products_for(appid) if "appid" in item)
    project = make_project(world)
    project.write(windows=[appid], league=False)
    with (project.folder / "channels.toml").open("a") as file:
        for name, line in {
            "own": f'shop_appid = "{shop}"',
            "affiliate": "cps_only = true",
            "both": f'shop_appid = "{shop}"\ncps_only = true',
        }.items():
            file.write(f'[[window]]\nappid = "{appid}"\nsecret_env = "SECRET_{appid}"\n')
            file.write(f'name = "{name}"\n{line}\n')

    assert project.refresh().code == 0

    def of(name: str) -> list[str]:
        sql = 'SELECT product_id FROM window_products WHERE "window" = ? ORDER BY position'
        return [row[0] for row in project.rows(sql, [name])]

    own = [str(item["product_id"]) for item in world.products_for(appid, shop_appid=shop)]
    affiliate = [str(item["product_id"]) for item in world.products_for(appid, cps_only=True)]
    assert own
    assert affiliate
    assert of("own") == of("both") == own
    assert of("affiliate") == affiliate
