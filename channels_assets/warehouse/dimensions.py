"""The small lists that say whose articles to ask for: shops, promoters, sharers."""

from collections.abc import Iterable, Sequence

import duckdb

from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.connection import atomic
from channels_assets.warehouse.load import replace_lists
from channels_assets.warehouse.load_log import Load, Loaded
from channels_assets.warehouse.parse import stage_pages
from channels_assets.warehouse.parsing import parse
from channels_assets.warehouse.tables import (
    COOPERATING_SHOPS,
    SHARERS,
    SHOP_PROMOTERS,
)


def load_shops(con: duckdb.DuckDBPyConnection, *, pages: Iterable[bytes], load: Load) -> Loaded:
    """Take in the pages of get_bind_shop_list: all shops that cooperate now.

    Shops no longer in it stay with is_active false and count as removed; one that comes back counts
    as added. One transaction; raises WarehouseError when a value doesn't fit its column exactly.
    """
    return _load_one(con, COOPERATING_SHOPS, ListLoad({}, pages, load))


def promoter_list(*, shop_appid: str, pages: Iterable[bytes], load: Load) -> ListLoad:
    """One shop's linked accounts to load. `pages` are answers of get_bind_shop_promoter_list."""
    return ListLoad({"shop_appid": shop_appid}, pages, load)


def load_promoter_lists(con: duckdb.DuckDBPyConnection, lists: Sequence[ListLoad]) -> list[Loaded]:
    """Take in the linked accounts of these shops, as load_shops() does, all in one transaction."""
    stage_pages(con, parse(SHOP_PROMOTERS), lists)
    with atomic(con):
        return replace_lists(con, SHOP_PROMOTERS, lists)


def load_promoters(
    con: duckdb.DuckDBPyConnection, *, shop_appid: str, pages: Iterable[bytes], load: Load
) -> Loaded:
    """load_promoter_lists() for one shop."""
    one = promoter_list(shop_appid=shop_appid, pages=pages, load=load)
    [loaded] = load_promoter_lists(con, [one])
    return loaded


def load_sharers(con: duckdb.DuckDBPyConnection, *, pages: Iterable[bytes], load: Load) -> Loaded:
    """Take in the pages of get_bind_sharer_list, as load_shops() does."""
    return _load_one(con, SHARERS, ListLoad({}, pages, load))


def _load_one(con: duckdb.DuckDBPyConnection, table: ListTable, one: ListLoad) -> Loaded:
    stage_pages(con, parse(table), [one])
    with atomic(con):
        [loaded] = replace_lists(con, table, [one])
        return loaded
