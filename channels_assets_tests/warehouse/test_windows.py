import duckdb
import pytest

from channels_assets.warehouse import loaded_partitions, parse
from channels_assets_tests.helpers.loading import load_window, remove_window
from channels_assets_tests.warehouse.making import ids, load


def test_other_windows_stay_and_a_vanished_one_goes(con: duckdb.DuckDBPyConnection) -> None:
    for window in ("w", "o'w"):
        load_window(con, window=window, account_appid="a", pages=ids(1, 2), load=load())
    assert remove_window(con, "w") == 2
    assert remove_window(con, "w") == 0
    assert remove_window(con, "never there") == 0
    left = con.execute('SELECT DISTINCT "window" FROM window_products').fetchall()
    assert left == [("o'w",)]
    ended = con.execute(
        """
        SELECT "window", count(*), count(valid_to), bool_and(valid_to > valid_from)
        FROM window_products_history GROUP BY "window" ORDER BY ALL
        """
    ).fetchall()
    assert ended == [("o'w", 2, 0, None), ("w", 2, 2, True)]
    log = con.execute('SELECT "partition", "rows", end_reason FROM loads').fetchall()
    assert sorted(log) == [("o'w", 2, "empty_page"), ("w", 0, "removed"), ("w", 2, "empty_page")]


def test_loaded_partitions_of_runs(con: duckdb.DuckDBPyConnection) -> None:
    for window, run in (("a", "r1"), ("b", "r2"), ("c", "r3"), ("a", "r2")):
        pull = load(run_id=run)
        load_window(con, window=window, account_appid="", pages=ids(1), load=pull)
    assert loaded_partitions(con, "window_products", ["r1", "r2"]) == {"a", "b"}
    assert loaded_partitions(con, "window_products", []) == set()
    assert loaded_partitions(con, "shop_articles", ["r1"]) == set()


def test_batches_make_one_list(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parse, "_BATCH_DOCUMENTS", 2)
    pages = ids("a", "b") + ids("c") + ids("d", "b") + ids() + ids("e", "a")
    loaded = load_window(con, window="w", account_appid="", pages=pages, load=load())
    assert (loaded.rows, loaded.duplicates) == (5, 2)
    order = con.execute("SELECT product_id FROM window_products ORDER BY position").fetchall()
    assert order == [("c",), ("d",), ("b",), ("e",), ("a",)]
