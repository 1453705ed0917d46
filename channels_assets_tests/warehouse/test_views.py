"""The views for people, on rows small enough to see the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from channels_assets.warehouse import (
    Failure,
    FileStore,
    connect,
    record_failure,
    save_freshness_rules,
)
from channels_assets_tests.helpers.loading import (
    load_articles,
    load_promoters,
    load_sharers,
    load_shops,
    load_window,
    remove_window,
)
from channels_assets_tests.warehouse.making import article, articles, ids, load, page, products

NOW = datetime.now(UTC)


@pytest.fixture
def league(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A shop 小铺 with the account 好文, and two sharers with the same three articles."""
    load_shops(
        con,
        pages=[page("shop_list", [{"shop_appid": "s", "shop_nickname": "小铺"}])],
        load=load(),
    )
    accounts = [{"promoter_id": "p", "promoter_type": 4, "promoter_name": "好文"}]
    load_promoters(
        con,
        shop_appid="s",
        pages=[page("promoter_list", accounts)],
        load=load("s"),
    )
    sharers = [{"sharer_appid": "h1", "nickname": "小满"}, {"sharer_appid": "h2", "nickname": ""}]
    load_sharers(con, pages=[page("sharer_info_list", sharers)], load=load())
    for number, sharer in enumerate(("h1", "h2")):
        put_articles(con, sharer, rate=400_000 + number, fetched_at=NOW + timedelta(seconds=number))
    return con


def put_articles(
    con: duckdb.DuckDBPyConnection, sharer: str, rate: int, fetched_at: datetime
) -> None:
    info = {"article_title": "标题", "promoter_share_link": "v1" if sharer == "h1" else ""}
    cheap = {
        "product_id": 7,
        "product_name": "茶",
        "predict_commission_amount": 199,
        "commission_rate": 1,
    }
    dear = {"product_id": 2**64 - 1, "product_name": "灯", "predict_commission_amount": 2**53 + 1}
    dear["commission_rate"] = rate
    sent = article("u1", cheap, dear)
    sent["article_info"] = {"article_url": "u1", **info}
    load_articles(
        con,
        partition=f"s/p/{sharer}",
        shop_appid="s",
        promoter_id="p",
        sharer_appid=sharer,
        promoter_type=4,
        pages=articles(sent, article("u2"), article("u3", {"product_id": 8})),
        load=load(fetched_at=fetched_at),
    )


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


def test_best_articles(league: duckdb.DuckDBPyConnection) -> None:
    got = rows(
        league,
        """
        SELECT article_url, article_title, best_commission_yuan::VARCHAR, best_product_name,
            average_commission_yuan::VARCHAR, best_commission_percent::VARCHAR, products,
            shop_nickname, promoter_name, promoter_type, share_links
        FROM best_articles
        """,
    )
    # The rate that the list read last has, the amount to the fen, an article once.
    first = ("u1", "标题", "90071992547409.93", "灯", "45035996273705.96", "40.0001", 2)
    rest = ("小铺", "好文", 4)
    assert got[0] == (*first, *rest, 1)
    assert got[1:] == [
        ("u2", None, None, None, None, None, 0, *rest, 0),
        ("u3", None, None, None, None, None, 1, *rest, 0),
    ]


def test_article_commissions_have_the_names(league: duckdb.DuckDBPyConnection) -> None:
    got = rows(
        league,
        """
        SELECT sharer_appid, sharer_nickname, shop_nickname, promoter_name, article_title,
            product_name, predict_commission_yuan::VARCHAR, commission_percent::VARCHAR
        FROM article_commissions WHERE product_id = '7' ORDER BY ALL
        """,
    )
    assert got == [
        ("h1", "小满", "小铺", "好文", "标题", "茶", "1.99", "0.0001"),
        ("h2", "", "小铺", "好文", "标题", "茶", "1.99", "0.0001"),
    ]


def test_which_promoted_products_are_in_whose_window(league: duckdb.DuckDBPyConnection) -> None:
    sent = [
        {"product_id": 7, "appid": "s"},
        {"product_id": 55, "out_product_id": str(2**64 - 1), "product_source": 1},
        {
            "product_id": 8,
            "out_product_id": "999",
            "product_source": 1,
        },  # 8 is not its id in the shop
        {"product_id": 9, "appid": "unknown", "out_product_id": ""},
    ]
    load_window(league, window="w", account_appid="a", pages=products(*sent), load=load())
    load_window(league, window="v", account_appid="b", pages=ids(7), load=load())
    got = rows(
        league,
        """
        SELECT "window", position, source, product_id, product_name, article_url, article_title,
            shop_nickname, promoter_name, commission_percent::VARCHAR
        FROM products_in_window_and_articles
        """,
    )
    names = ("u1", "标题", "小铺", "好文")
    assert got == [
        ("v", 1, "own", "7", "茶", *names, "0.0001"),
        ("w", 1, "own", "7", "茶", *names, "0.0001"),
        ("w", 2, "affiliate", "55", "灯", *names, "40.0001"),
    ]
    assert rows(
        league,
        """
        SELECT product_id, source, product_name, shop_nickname, shop_product_id
        FROM products_in_windows WHERE "window" = 'w'
        """,
    ) == [
        ("7", "own", "茶", "小铺", "7"),
        ("55", "affiliate", "灯", None, str(2**64 - 1)),
        ("8", "affiliate", None, None, "999"),
        ("9", "own", None, None, "9"),
    ]


def age(con: duckdb.DuckDBPyConnection, asset: str, partition: str, hours: float) -> None:
    con.execute(
        f"UPDATE loads SET finished_at = now() - INTERVAL {int(hours * 60)} MINUTES "  # noqa: S608
        'WHERE asset = ? AND "partition" = ?',
        [asset, partition],
    )


def fail(con: duckdb.DuckDBPyConnection, partition: str) -> None:
    record_failure(con, Failure("window_products", partition, "run", "Transient", "why", 3))


def coverage(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[Any, ...]]:
    found = rows(con, "SELECT asset, known, fresh, stale, failed, never_loaded FROM coverage")
    return {row[0]: row[1:] for row in found}


def test_coverage(league: duckdb.DuckDBPyConnection) -> None:
    for name in ("fresh", "failed since", "old", "gone"):
        load_window(league, window=name, account_appid="a", pages=ids(1), load=load())
    load_window(league, window="gone while empty", account_appid="a", pages=ids(), load=load())
    age(league, "window_products", "old", 2.5)
    for name in ("failed since", "never"):
        fail(league, name)
    for name in ("gone", "gone while empty", "never there"):
        remove_window(league, name)

    assert coverage(league) == {
        "article_products": (2, 2, 0, 0, 0),
        "cooperating_shops": (1, 1, 0, 0, 0),
        "sharers": (1, 1, 0, 0, 0),
        "shop_articles": (2, 2, 0, 0, 0),
        "shop_promoters": (1, 1, 0, 0, 0),
        "window_products": (4, 2, 2, 2, 1),
    }
    save_freshness_rules(league, {"window_products": 3.0})
    assert coverage(league)["window_products"] == (4, 3, 1, 2, 1)
    save_freshness_rules(league, {"window_products": 0.5})
    age(league, "window_products", "fresh", 0.6)
    assert coverage(league)["window_products"] == (4, 1, 3, 2, 1)
    assert rows(
        league,
        """
        SELECT list_name, is_fresh, round(age_hours, 1)::VARCHAR, fresh_hours, error FROM list_freshness
        WHERE asset = 'window_products'
        """,
    ) == [
        ("never", False, None, 0.5, "why"),
        ("old", False, "2.5", 0.5, None),
        ("fresh", False, "0.6", 0.5, None),
        ("failed since", True, "0.0", 0.5, "why"),
    ]
    names = rows(
        league, "SELECT list_name FROM list_freshness WHERE asset = 'shop_articles' ORDER BY ALL"
    )
    assert names == [("小铺 / 好文 / h2",), ("小铺 / 好文 / 小满",)]


def test_a_shop_that_left_is_not_asked_for_its_accounts(league: duckdb.DuckDBPyConnection) -> None:
    load_shops(league, pages=[page("shop_list", [])], load=load())
    assert "shop_promoters" not in coverage(league)


def test_every_view_reads_in_a_new_warehouse(warehouse: FileStore) -> None:
    warehouse.publish()
    with connect(warehouse.data_dir) as con:
        views = rows(con, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
        assert len(views) >= 9
        for (name,) in views:
            assert rows(con, f"SELECT COLUMNS(*)::VARCHAR FROM {name}") == []  # noqa: S608
        for macro in ("window_as_of", "article_products_as_of"):
            assert rows(con, f"FROM {macro}(now())") == []
