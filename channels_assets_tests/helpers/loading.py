"""load_lists() for one list of each table, as tests want to call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import duckdb

from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import (
    ListToLoad,
    LoadRecord,
    LoadStats,
    derive_article_products,
    load_lists,
    remove_list,
)
from channels_assets.warehouse.tables import (
    COOPERATING_SHOPS,
    SHARERS,
    SHOP_ARTICLES,
    SHOP_PROMOTERS,
    WINDOW_PRODUCTS,
)

Con = duckdb.DuckDBPyConnection
Pages = Iterable[bytes]


def pulled_list(task: PullTask, pulled: Pulled, partition: str | None, run_id: str) -> ListToLoad:
    """What an asset loads of a pulled list."""
    record = LoadRecord(
        partition=partition,
        run_id=run_id,
        started_at=pulled.started_at,
        fetched_at=pulled.fetched_at,
        end_reason=pulled.end_reason,
        pages=pulled.pages,
        api_calls=pulled.api_calls,
        total_num=pulled.total_num,
        resumed_pages=pulled.resumed_pages,
        resumed_calls=pulled.resumed_calls,
    )
    return ListToLoad(task.scope, pulled, record, task.constants)


def window_list(*, window: str, account_appid: str, pages: Pages, load: LoadRecord) -> ListToLoad:
    constants = {"account_appid": account_appid}
    return ListToLoad({"window": window}, pages, replace(load, partition=window), constants)


def load_window(
    con: Con, *, window: str, account_appid: str, pages: Pages, load: LoadRecord
) -> LoadStats:
    to_load = window_list(window=window, account_appid=account_appid, pages=pages, load=load)
    [stats] = load_lists(con, WINDOW_PRODUCTS, [to_load])
    return stats["window_products"]


def remove_window(con: Con, window: str) -> int:
    return remove_list(con, WINDOW_PRODUCTS, {"window": window}, partition=window)


def article_list(
    *,
    partition: str,
    shop_appid: str,
    promoter_id: str,
    sharer_appid: str,
    promoter_type: int,
    pages: Pages,
    load: LoadRecord,
) -> ListToLoad:
    scope = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    record = replace(load, partition=partition)
    return ListToLoad(scope, pages, record, {"promoter_type": promoter_type})


def load_articles(
    con: Con,
    *,
    partition: str,
    shop_appid: str,
    promoter_id: str,
    sharer_appid: str,
    promoter_type: int,
    pages: Pages,
    load: LoadRecord,
) -> tuple[LoadStats, LoadStats]:
    """What changed in shop_articles and in article_products."""
    to_load = article_list(
        partition=partition,
        shop_appid=shop_appid,
        promoter_id=promoter_id,
        sharer_appid=sharer_appid,
        promoter_type=promoter_type,
        pages=pages,
        load=load,
    )
    [stats] = load_lists(con, SHOP_ARTICLES, [to_load])
    return stats["shop_articles"], stats["article_products"]


def derive_products(
    con: Con,
    *,
    partition: str,
    shop_appid: str,
    promoter_id: str,
    sharer_appid: str,
    load: LoadRecord,
) -> LoadStats:
    scope = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    return derive_article_products(con, ListToLoad(scope, (), replace(load, partition=partition)))


def remove_articles(con: Con, shop_appid: str, promoter_id: str, sharer_appid: str) -> int:
    scope = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    return remove_list(con, SHOP_ARTICLES, scope, partition="/".join(scope.values()))


def load_shops(con: Con, *, pages: Pages, load: LoadRecord) -> LoadStats:
    [stats] = load_lists(con, COOPERATING_SHOPS, [ListToLoad({}, pages, load)])
    return stats["cooperating_shops"]


def load_promoters(con: Con, *, shop_appid: str, pages: Pages, load: LoadRecord) -> LoadStats:
    scope: Mapping[str, str] = {"shop_appid": shop_appid}
    [stats] = load_lists(con, SHOP_PROMOTERS, [ListToLoad(scope, pages, load)])
    return stats["shop_promoters"]


def load_sharers(con: Con, *, pages: Pages, load: LoadRecord) -> LoadStats:
    [stats] = load_lists(con, SHARERS, [ListToLoad({}, pages, load)])
    return stats["sharers"]
