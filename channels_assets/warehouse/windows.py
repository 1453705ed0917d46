"""Loading and removing windows: one list of products each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import duckdb

from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.connection import atomic
from channels_assets.warehouse.load import remove_list, replace_lists
from channels_assets.warehouse.load_log import Load, Loaded
from channels_assets.warehouse.parse import stage_pages
from channels_assets.warehouse.parsing import parse
from channels_assets.warehouse.tables import WINDOW_PRODUCTS


def window_list(*, window: str, account_appid: str, pages: Iterable[bytes], load: Load) -> ListLoad:
    """A window to load. `pages` are answers of getwindowproductlist as sent, in walk order, each a
    JSON object in UTF-8 whose `products` may be missing."""
    constants = {"account_appid": account_appid}
    return ListLoad({"window": window}, pages, replace(load, partition=window), constants)


def load_windows(con: duckdb.DuckDBPyConnection, lists: Sequence[ListLoad]) -> list[Loaded]:
    """Replace the products of these windows by those in their pages, all in one transaction.

    On any error, also one raised by the pages, all old lists stay. Raises WarehouseError when a
    value doesn't fit its column exactly.
    """
    stage_pages(con, parse(WINDOW_PRODUCTS), lists)
    with atomic(con):
        return replace_lists(con, WINDOW_PRODUCTS, lists)


def load_window(
    con: duckdb.DuckDBPyConnection,
    *,
    window: str,
    account_appid: str,
    pages: Iterable[bytes],
    load: Load,
) -> Loaded:
    """load_windows() for one window."""
    one = window_list(window=window, account_appid=account_appid, pages=pages, load=load)
    [loaded] = load_windows(con, [one])
    return loaded


def remove_window(con: duckdb.DuckDBPyConnection, window: str) -> int:
    """Remove the products of a window that is no longer there, ending their history now.

    Returns the number of rows removed; if any, `loads` tells of it with end_reason 'removed'.
    """
    with atomic(con):
        return remove_list(con, WINDOW_PRODUCTS, {"window": window}, partition=window)
