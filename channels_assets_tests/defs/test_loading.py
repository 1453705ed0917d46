"""A list that fits neither into DuckDB's usual memory nor onto the disk beside it."""

import json
import math
import time
from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from channels_assets.defs.assets import refresh
from channels_assets.extract.page_file import PageFile
from channels_assets.extract.pool import Outcome
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import (
    FileStore,
    ListTable,
    ListToLoad,
    LoadStats,
    WarehouseBusy,
    WarehouseError,
    file_store,
    load_lists,
)
from channels_assets.warehouse.tables import WINDOW_PRODUCTS
from channels_assets.wechat.window import window_products
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


def _pulled(folder: Path, window: str) -> Outcome[str]:
    """A list of one page, as a pull leaves it."""
    page_file = PageFile(folder, window, {"window": window})
    page_file.restart()
    page_file.append(b'{"products": [{"product_id": 1}]}', time.time(), 1)
    now = datetime.now(UTC)
    return Outcome(window, Pulled(page_file, "empty_page", 1, 1, 0, None, now, now))


def _plan(windows: Iterable[str]) -> refresh.RefreshPlan:
    client: Any = None
    tasks = {
        window: PullTask(
            *("window_products", "a", client, window_products()),
            scope={"window": window},
            constants={"account_appid": "a"},
        )
        for window in windows
    }
    return refresh.RefreshPlan(WINDOW_PRODUCTS, tasks)


class _Busy(FileStore):
    def writing(self, timeout: float | None = None) -> Any:  # noqa: ANN401
        raise WarehouseBusy("another process writes")


def _one_batch(batch: list[Outcome[str]]) -> Generator[list[Outcome[str]]]:
    yield batch


def _resumable(folder: Path, window: str) -> bool:
    page_file = PageFile(folder, window, {"window": window})
    pages = [record.page for record in page_file.resume(0, math.inf)]
    page_file.keep()
    return bool(pages)


def test_pages_stay_for_a_retry_where_the_store_cannot_be_opened(tmp_path: Path) -> None:
    batch = [_pulled(tmp_path / "staging", window) for window in "ab"]
    with pytest.raises(WarehouseBusy):
        list(refresh._load_in_batches(_Busy(tmp_path), "run", _plan("ab"), _one_batch(batch)))
    assert all(_resumable(tmp_path / "staging", window) for window in "ab")


@pytest.mark.parametrize(
    ("error", "stays"), [(duckdb.IOException("disk"), True), (WarehouseError("odd"), False)]
)
def test_pages_stay_for_a_retry_only_where_the_database_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, stays: bool
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(refresh, "load_lists", broken)
    batch = [_pulled(tmp_path / "staging", window) for window in "ab"]
    store = FileStore(tmp_path)
    (ended,) = refresh._load_in_batches(store, "run", _plan("ab"), _one_batch(batch))
    assert [each.result for each in ended] == [error, error]
    assert [_resumable(tmp_path / "staging", window) for window in "ab"] == [stays, stays]
