import json
from datetime import timedelta

import duckdb
import pytest

from channels_assets.warehouse import LoadStats
from channels_assets_tests.helpers.loading import derive_products, load_articles, remove_articles
from channels_assets_tests.warehouse.making import MOMENT, against, article, articles, load


def put(
    con: duckdb.DuckDBPyConnection, pages: list[bytes], seconds: int = 0, sharer: str = "h"
) -> tuple[LoadStats, LoadStats]:
    return load_articles(
        con,
        partition=f"s/p/{sharer}",
        shop_appid="s",
        promoter_id="p",
        sharer_appid=sharer,
        promoter_type=5,
        pages=pages,
        load=load(fetched_at=MOMENT + timedelta(seconds=seconds), total_num=9),
    )


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return con.execute(query).fetchall()


def test_the_seed_shape(con: duckdb.DuckDBPyConnection) -> None:
    item = {
        "product_list": [
            {
                "product_id": 123,
                "product_name": "name",
                "product_img_url": "imag_url",
                "predict_commission_amount": 123,
                "commission_rate": 400000,
            }
        ],
        "article_info": {
            "article_title": "[标题]",
            "cover_image": "image",
            "article_url": "url",
            "promoter_share_link": "v1=x",
        },
        "create_time": 1736864136,
        "update_time": "1736864136123",
    }
    put(con, articles(item))
    assert rows(
        con,
        """
        SELECT shop_appid, promoter_id, sharer_appid, promoter_type, article_url, article_title,
            cover_image, promoter_share_link, epoch_us(create_time), epoch_us(update_time),
            product_list ->> '$[0].product_id', position, extra, epoch_us(fetched_at)
        FROM shop_articles
        """,
    ) == [
        (
            *("s", "p", "h", 5, "url", "[标题]", "image", "v1=x"),
            *(1736864136000000, 1736864136123000, "123", 1, None),
            int(MOMENT.timestamp()) * 10**6,
        )
    ]
    assert rows(con, "SELECT * EXCLUDE (fetched_at, load_id) FROM article_products") == [
        ("s", "p", "h", "url", "123", "name", "imag_url", 123, 400000, 1, None)
    ]
    assert rows(
        con,
        """
        SELECT predict_commission_yuan::VARCHAR, commission_percent::VARCHAR, article_title
        FROM article_commissions
        """,
    ) == [("1.23", "40.0000", "[标题]")]


def test_two_rows_in_loads(con: duckdb.DuckDBPyConnection) -> None:
    of_articles, of_products = put(con, articles(article("u", {"product_id": 1})))
    assert rows(
        con,
        """
        SELECT load_id, asset, "partition", pages, api_calls, total_num, "rows" FROM loads
        ORDER BY load_id
        """,
    ) == [
        (of_articles.load_id, "shop_articles", "s/p/h", 2, 3, 9, 1),
        (of_products.load_id, "article_products", "s/p/h", 0, 0, None, 1),
    ]


@pytest.mark.parametrize("time", [0, "0", "", None])
def test_no_time(con: duckdb.DuckDBPyConnection, time: object) -> None:
    put(con, articles(article("u", create_time=time)))
    assert rows(con, "SELECT create_time, update_time FROM shop_articles") == [(None, None)]


def test_the_last_entry_of_an_article_wins_with_the_products_of_all_its_entries(
    con: duckdb.DuckDBPyConnection,
) -> None:
    loaded = put(
        con,
        articles(article("u", {"product_id": 1}), article("v", {"product_id": 5}))
        + articles(
            article(
                "u",
                {"product_id": 2, "product_name": "old"},
                {"product_id": "3"},
                {"product_id": "2", "product_name": "new"},
            )
        ),
    )
    assert [(each.rows, each.duplicates) for each in loaded] == [(2, 1), (4, 1)]
    assert rows(con, "SELECT article_url FROM shop_articles ORDER BY position") == [("v",), ("u",)]
    assert rows(
        con, "SELECT article_url, product_id, product_name FROM article_products ORDER BY position"
    ) == [("v", "5", None), ("u", "1", None), ("u", "3", None), ("u", "2", "new")]


def test_unknown_fields_are_kept_on_every_level(con: duckdb.DuckDBPyConnection) -> None:
    raw = (
        b'{"article_list":[{"article_info":{"article_url":"u","n":null,"score":1.50},"n":null,'
        b'"product_list":[{"product_id":1,"n":null,"price":0.12345678901234567890}]}]}'
    )
    put(con, [raw])
    price = '{"n":null,"price":0.12345678901234567890}'
    assert rows(con, "SELECT extra FROM shop_articles") == [
        ('{"n":null,"article_info":{"n":null,"score":1.50}}',)
    ]
    assert rows(con, "SELECT product_list FROM shop_articles") == [
        ('[{"product_id":1,"n":null,"price":0.12345678901234567890}]',)
    ]
    assert rows(con, "SELECT extra FROM article_products") == [(price,)]
    con.execute("DELETE FROM article_products")
    derive(con)
    assert rows(con, "SELECT extra FROM article_products") == [(price,)]


def derive(con: duckdb.DuckDBPyConnection) -> LoadStats:
    return derive_products(
        con,
        partition="s/p/h",
        shop_appid="s",
        promoter_id="p",
        sharer_appid="h",
        load=load(),
    )


@pytest.mark.parametrize("product_list", [None, []])
def test_articles_without_products(con: duckdb.DuckDBPyConnection, product_list: object) -> None:
    put(con, articles({"article_info": {"article_url": "u"}, "product_list": product_list}))
    put(con, articles({"article_info": {"article_url": "u"}}), sharer="other")
    assert rows(con, "SELECT count(*) FROM shop_articles") == [(2,)]
    assert derive(con).rows == 0


def test_history_of_products(con: duckdb.DuckDBPyConnection) -> None:
    put(con, articles(article("u", {"product_id": 1}, {"product_id": 2}, {"product_id": 3})))
    put(
        con,
        articles(article("u", {"product_id": 3}, {"product_id": 1, "commission_rate": 5})),
        seconds=10,
    )
    put(con, articles(article("u", {"product_id": 2})), seconds=20)
    assert rows(
        con,
        """
        SELECT product_id, commission_rate, change,
            epoch(valid_from)::BIGINT - 1767323045, epoch(valid_to)::BIGINT - 1767323045
        FROM article_products_history ORDER BY valid_from, product_id
        """,
    ) == [
        ("1", None, "added", 0, 10),
        ("2", None, "added", 0, 10),
        ("3", None, "added", 0, 20),
        ("1", 5, "changed", 10, 20),
        ("2", None, "added", 20, None),
    ]


def test_other_partitions_stay_and_a_vanished_one_goes(con: duckdb.DuckDBPyConnection) -> None:
    put(con, articles(article("u", {"product_id": 1})))
    put(con, articles(article("u", {"product_id": 1}, {"product_id": 2})), sharer="'; --")
    assert remove_articles(con, "s", "p", "'; --") == 3
    assert remove_articles(con, "s", "p", "'; --") == 0
    for table in ("shop_articles", "article_products"):
        assert con.table(table).select("sharer_appid").fetchall() == [("h",)]
    assert rows(
        con,
        """
        SELECT sharer_appid, valid_to IS NULL, count(*) FROM article_products_history
        GROUP BY ALL ORDER BY ALL
        """,
    ) == [("'; --", False, 2), ("h", True, 1)]
    assert rows(con, "SELECT count(*) FROM loads WHERE end_reason = 'removed'") == [(2,)]
    assert against(con, "rows_as_loaded", "article_present") == {}


def test_json_of_extra_is_valid(con: duckdb.DuckDBPyConnection) -> None:
    put(con, articles(article("u", {"product_id": 1, "q": '"1.5'}, note='x" 1.5', share=2.5)))
    [(text,)] = rows(con, "SELECT extra FROM shop_articles")
    assert json.loads(str(text)) == {"note": 'x" 1.5', "share": 2.5}
