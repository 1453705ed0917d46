"""Each quality question answers yes on good rows, and no with evidence on bad ones."""

from __future__ import annotations

import duckdb
import pytest

from channels_assets.warehouse import CHECKS
from channels_assets_tests.helpers.loading import load_articles, load_window
from channels_assets_tests.warehouse.making import MOMENT, against, article, articles, ids, load

LIST = {"shop_appid": "s", "promoter_id": "p", "sharer_appid": "h"}


def put_window(con: duckdb.DuckDBPyConnection, count: int = 4, **fields: object) -> None:
    pull = load(total_num=count, **fields)  # type: ignore[arg-type]
    load_window(con, window="w", account_appid="a", pages=ids(*range(count)), load=pull)


def put_articles(con: duckdb.DuckDBPyConnection, **fields: object) -> None:
    item = article("u", {"product_id": 1, "commission_rate": 5}, {"product_id": 2}, **fields)
    item["article_info"]["promoter_share_link"] = "v1=x"  # type: ignore[index]
    load_articles(
        con,
        partition="s/p/h",
        **LIST,
        promoter_type=4,
        pages=articles(item),
        load=load(),
    )


def test_all_is_well(con: duckdb.DuckDBPyConnection) -> None:
    put_window(con)
    put_articles(con, create_time=int(MOMENT.timestamp()))
    assert against(con) == {}


@pytest.mark.parametrize(
    ("asset", "name", "spoil", "evidence"),
    [
        (
            "window_products",
            "ids_unique",
            "INSERT INTO window_products FROM window_products WHERE product_id = '2'",
            ("w", "2", "2"),
        ),
        (
            "window_products",
            "rows_as_loaded",
            "DELETE FROM window_products WHERE product_id = '2'",
            ("w", "4", "3"),
        ),
        (
            "window_products",
            "count_equals_total_num",
            "UPDATE loads SET total_num = 9",
            ("w", "4", "0", "9"),
        ),
        (
            "window_products",
            "end_proven",
            "UPDATE loads SET end_reason = 'count_disagrees' WHERE asset = 'window_products'",
            ("w", "count_disagrees", "4", "4"),
        ),
        (
            "shop_articles",
            "times_not_in_future",
            "UPDATE shop_articles SET update_time = fetched_at + INTERVAL 25 HOUR",
            None,
        ),
        (
            "shop_articles",
            "share_link_present",
            "UPDATE shop_articles SET promoter_share_link = ''",
            ("s/p/h", "u", ""),
        ),
        (
            "article_products",
            "article_present",
            "DELETE FROM shop_articles",
            ("s/p/h", "u", "2"),
        ),
        (
            "article_products",
            "commission_rate_in_range",
            "UPDATE article_products SET commission_rate = 1000001 WHERE product_id = '1'",
            ("s/p/h", "u", "1", "1000001"),
        ),
    ],
)
def test_what_is_wrong_is_found_with_evidence(
    con: duckdb.DuckDBPyConnection,
    asset: str,
    name: str,
    spoil: str,
    evidence: tuple[str, ...] | None,
) -> None:
    put_window(con)
    put_articles(con)
    con.execute(spoil)
    found = against(con, name)
    assert list(found) == [(asset, name)]
    assert found[asset, name].count == 1
    assert evidence is None or found[asset, name].rows == (evidence,)


@pytest.mark.parametrize(("after", "passed"), [(2, True), (1, False), (0, False)])
def test_a_list_that_lost_more_than_half(
    con: duckdb.DuckDBPyConnection, after: int, passed: bool
) -> None:
    put_window(con, 4)
    put_window(con, after)
    assert (("window_products", "not_halved") not in against(con)) is passed
    put_window(con, after)
    assert ("window_products", "not_halved") not in against(con)


def test_evidence_is_limited_but_counted_in_full(con: duckdb.DuckDBPyConnection) -> None:
    put_window(con, 50)
    con.execute("INSERT INTO window_products FROM window_products")
    found = against(con, "ids_unique")["window_products", "ids_unique"]
    assert (len(found.rows), found.count) == (20, 50)


def test_no_two_checks_of_a_table_share_a_name() -> None:
    assert len({(check.asset, check.name) for check in CHECKS}) == len(CHECKS)
