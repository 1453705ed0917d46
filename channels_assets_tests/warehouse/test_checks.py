import duckdb

from channels_assets.warehouse import (
    Disagreement,
    Duplicate,
    Orphans,
    RowsMismatch,
    disagreements,
    duplicates,
    load_articles,
    load_window,
    orphans,
    rows_mismatches,
)
from channels_assets_tests.warehouse.making import article, articles, ids, load


def put(con: duckdb.DuckDBPyConnection, end_reason: str = "empty_page") -> str:
    pull = load(end_reason=end_reason, total_num=5)
    return load_window(con, window="w", account_appid="a", pages=ids(1, 2), load=pull).load_id


def test_all_is_well(con: duckdb.DuckDBPyConnection) -> None:
    put(con)
    assert (duplicates(con), rows_mismatches(con), disagreements(con), orphans(con)) == ([],) * 4


def test_duplicates_and_mismatches(con: duckdb.DuckDBPyConnection) -> None:
    put(con)
    load_id = put(con)
    con.execute("INSERT INTO window_products FROM window_products WHERE product_id = '2'")
    assert duplicates(con) == [Duplicate("window_products", ("w", "2"), 2)]
    assert rows_mismatches(con) == [RowsMismatch("window_products", "w", load_id, 2, 3)]
    con.execute("DELETE FROM window_products")
    assert rows_mismatches(con) == [RowsMismatch("window_products", "w", load_id, 2, 0)]


def test_disagreements_of_the_last_load(con: duckdb.DuckDBPyConnection) -> None:
    load_id = put(con, "count_disagrees")
    assert disagreements(con) == [Disagreement("window_products", "w", load_id, 2, 5)]
    put(con)
    assert disagreements(con) == []


def test_orphans(con: duckdb.DuckDBPyConnection) -> None:
    load_articles(
        con,
        partition="s/p/h",
        shop_appid="s",
        promoter_id="p",
        sharer_appid="h",
        promoter_type=4,
        pages=articles(article("u", {"product_id": 1}, {"product_id": 2})),
        load=load("shop_articles"),
    )
    con.execute("DELETE FROM shop_articles")
    assert orphans(con) == [Orphans("s", "p", "h", "u", 2)]
