"""Ages of lists, also after a load whose clock was five years ahead."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
from dagster import AssetKey

from channels_assets.config import Settings
from channels_assets.defs.checks import freshness, freshness_rules
from channels_assets.warehouse import (
    Failure,
    ListAge,
    attempted_partitions,
    list_ages,
    record_failure,
)
from channels_assets_tests.helpers.loading import load_window, remove_window
from channels_assets_tests.warehouse.making import MOMENT, against, ids, load

FIVE_YEARS = timedelta(days=5 * 365)
FRESH = "SELECT is_fresh, age_hours >= 0 FROM list_freshness WHERE asset = 'window_products'"
RULE = next(
    rule for rule in freshness_rules(Settings.model_construct()) if rule.asset == "window_products"
)


def put(con: duckdb.DuckDBPyConnection, *product_ids: object, ahead: bool = False) -> None:
    moment = MOMENT + (FIVE_YEARS if ahead else timedelta())
    pages = ids(*product_ids)
    load_window(con, window="w", account_appid="a", pages=pages, load=load(fetched_at=moment))
    if ahead:
        con.execute(
            "UPDATE loads SET finished_at = finished_at + INTERVAL 5 YEARS "
            "WHERE load_id = (SELECT max(load_id) FROM loads)"
        )


def test_a_load_from_the_future_never_counts_as_fresh(con: duckdb.DuckDBPyConnection) -> None:
    put(con, 1, ahead=True)
    ages = list_ages(con, "window_products", ["w"])
    assert [age.is_from_future for age in ages] == [True]
    check = freshness(AssetKey("window_products"), RULE, ages)
    assert not check.passed
    assert check.severity.value == "ERROR"
    assert "w (loaded while this machine's clock was ahead by 182" in (check.description or "")
    assert con.execute(FRESH).fetchall() == [(False, False)]
    assert con.execute("SELECT fresh, stale FROM coverage").fetchall() == [(0, 1)]


def test_the_next_load_counts_though_its_clock_is_behind(con: duckdb.DuckDBPyConnection) -> None:
    put(con, 1, 2, 3, ahead=True)
    put(con, 1)
    ages = list_ages(con, "window_products", ["w"])
    assert freshness(AssetKey("window_products"), RULE, ages).passed
    assert con.execute(FRESH).fetchall() == [(True, True)]
    # The last load has one row: the table agrees, and lost more than half of the load before.
    assert list(against(con, "rows_as_loaded", "not_halved")) == [("window_products", "not_halved")]
    con.execute('UPDATE loads SET finished_at = now() - INTERVAL 3 HOURS WHERE "rows" = 1')
    assert not freshness(
        AssetKey("window_products"), RULE, list_ages(con, "window_products", ["w"])
    ).passed
    assert con.execute(FRESH).fetchall() == [(False, True)]


def test_a_list_that_was_removed_since_is_not_there(con: duckdb.DuckDBPyConnection) -> None:
    put(con, 1, ahead=True)
    remove_window(con, "w")
    assert attempted_partitions(con, "window_products") == set()
    assert con.execute(FRESH).fetchall() == []
    put(con, 2)
    assert attempted_partitions(con, "window_products") == {"w"}
    assert con.execute("SELECT product_id FROM window_products").fetchall() == [("2",)]


def test_clocks_of_several_machines_may_differ_a_little(con: duckdb.DuckDBPyConnection) -> None:
    put(con, 1)
    con.execute("UPDATE loads SET finished_at = now() + INTERVAL 2 MINUTES")
    assert freshness(
        AssetKey("window_products"), RULE, list_ages(con, "window_products", ["w"])
    ).passed
    assert con.execute("SELECT is_fresh FROM list_freshness").fetchall() == [(True,)]


@pytest.mark.parametrize("error", [None, "48001"])
def test_its_last_failure_is_returned_as_well(
    con: duckdb.DuckDBPyConnection, error: str | None
) -> None:
    put(con, 1, ahead=True)
    if error:
        record_failure(con, Failure("window_products", "w", "run", "PermissionDenied", error, 1))
    [age] = list_ages(con, "window_products", ["w"])
    assert age == ListAge("w", age.seconds, error)


def test_ages_are_in_order_of_age_with_the_last_failure(
    con: duckdb.DuckDBPyConnection,
) -> None:
    for number, window in enumerate(["fresh", "old", "gone"]):
        load_window(con, window=window, account_appid="a", pages=ids(1), load=load())
        con.execute(
            'UPDATE loads SET finished_at = now() - to_hours(?) WHERE "partition" = ?',
            [number * 5, window],
        )
    remove_window(con, "gone")
    for window in ("old", "never"):
        failure = Failure("window_products", window, "run", "PermissionDenied", "48001", 1)
        record_failure(con, failure)
        record_failure(con, failure)
    ages = list_ages(con, "window_products", ["fresh", "never", "old", "gone", "new"])
    assert [(age.partition, age.error) for age in ages] == [
        ("gone", None),
        ("never", "48001"),
        ("new", None),
        ("old", "48001"),
        ("fresh", None),
    ]
    assert [age.seconds and round(age.seconds / 3600) for age in ages] == [None] * 3 + [5, 0]
    assert attempted_partitions(con, "window_products") == {"fresh", "old", "never"}
    load_window(
        con,
        window="old",
        account_appid="a",
        pages=ids(1),
        load=load(fetched_at=MOMENT + timedelta(hours=1)),
    )
    assert list_ages(con, "window_products", ["old"])[0].error is None
