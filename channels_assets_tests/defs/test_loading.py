"""A list that fits neither into DuckDB's usual memory nor onto the disk beside it."""

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from channels_assets.defs.assets import refresh
from channels_assets.warehouse import (
    FileStore,
    ListTable,
    ListToLoad,
    LoadStats,
    file_store,
    load_lists,
)
from channels_assets.warehouse.tables import WINDOW_PRODUCTS
from channels_assets_tests.helpers.loading import window_list
from channels_assets_tests.warehouse.making import load

_LISTS, _PAGES, _ITEMS = 2, 10, 200


def _list(window: str) -> ListToLoad:
    def page(number: int) -> bytes:
        items = range(number * _ITEMS, (number + 1) * _ITEMS)
        # Each text another one, so that they can't be stored small.
        products = [{"product_id": item, "more": f"{window}{item:x}" * 400} for item in items]
        return json.dumps({"products": products}).encode()

    return window_list(
        window=window,
        account_appid="a",
        pages=[page(number) for number in range(_PAGES)],
        load=load(),
    )


def test_it_is_loaded_all_the_same_and_the_next_turn_has_the_usual_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(file_store._CONFIG, "memory_limit", "16MiB")
    warehouse = FileStore(tmp_path)
    tries: list[int] = []

    def counted(
        connection: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListToLoad]
    ) -> list[dict[str, LoadStats]]:
        tries.append(len(lists))
        return load_lists(connection, table, lists)

    monkeypatch.setattr(refresh, "load_lists", counted)
    limit = "SELECT current_setting('memory_limit')"
    with warehouse.writing() as connection:
        usual = connection.execute(limit).fetchall()
        connection.execute("SET max_temp_directory_size = '1MB'")
        lists = {name: _list(name) for name in "ab"}
        done = refresh._load_together(connection, WINDOW_PRODUCTS, lists)
    rows = [
        stats["window_products"].rows for stats in done.values() if not isinstance(stats, Exception)
    ]
    assert rows == [_PAGES * _ITEMS] * _LISTS
    assert tries == [_LISTS, _LISTS]
    with warehouse.writing() as connection:
        assert connection.execute(limit).fetchall() == usual
        assert connection.execute("SELECT count(*) FROM window_products").fetchall() == [
            (_LISTS * _PAGES * _ITEMS,)
        ]
