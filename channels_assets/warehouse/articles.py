"""Loading and removing lists of articles, and the products within them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import duckdb

from channels_assets.warehouse.article_products import (
    stage_fresh_products,
    stage_stored_products,
)
from channels_assets.warehouse.batch import ListLoad
from channels_assets.warehouse.connection import atomic
from channels_assets.warehouse.load import put_in_place, remove_list, replace_lists
from channels_assets.warehouse.load_log import Load, Loaded, record_loads
from channels_assets.warehouse.parse import stage_pages
from channels_assets.warehouse.parsing import parse
from channels_assets.warehouse.tables import ARTICLE_PRODUCTS, SHOP_ARTICLES

_MARKED_LIST = """
    CASE WHEN contains(sent.product_list::VARCHAR, getvariable('fraction_mark'))
        THEN sent.product_list END AS marked_list
"""


def article_list(
    *,
    partition: str,
    shop_appid: str,
    promoter_id: str,
    sharer_appid: str,
    promoter_type: int,
    pages: Iterable[bytes],
    load: Load,
) -> ListLoad:
    """A list of articles to load. `pages` are answers of getshopmparticlelist in walk order."""
    scope = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    of_articles = replace(load, asset=SHOP_ARTICLES.name, partition=partition)
    return ListLoad(scope, pages, of_articles, {"promoter_type": promoter_type})


def load_article_lists(
    con: duckdb.DuckDBPyConnection, lists: Sequence[ListLoad]
) -> list[tuple[Loaded, Loaded]]:
    """Replace these lists of articles, and the products in them, by what is in their pages.

    Returns for each list what became of shop_articles and of article_products: all change in one
    transaction, each with its row in `loads`. On any error, also one raised by the pages, all old
    lists stay. Raises WarehouseError when a value doesn't fit its column exactly.
    """
    stage_pages(con, parse(SHOP_ARTICLES, also=_MARKED_LIST), lists)
    with atomic(con):
        articles = put_in_place(con, SHOP_ARTICLES, lists)
        stage_fresh_products(con)
        of_products = [_of_products(one) for one in lists]
        products = put_in_place(con, ARTICLE_PRODUCTS, of_products)
        record_loads(con, [one.load for one in (*lists, *of_products)], [*articles, *products])
    return list(zip(articles, products, strict=True))


def load_articles(
    con: duckdb.DuckDBPyConnection,
    *,
    partition: str,
    shop_appid: str,
    promoter_id: str,
    sharer_appid: str,
    promoter_type: int,
    pages: Iterable[bytes],
    load: Load,
) -> tuple[Loaded, Loaded]:
    """load_article_lists() for one list."""
    one = article_list(
        partition=partition,
        shop_appid=shop_appid,
        promoter_id=promoter_id,
        sharer_appid=sharer_appid,
        promoter_type=promoter_type,
        pages=pages,
        load=load,
    )
    [loaded] = load_article_lists(con, [one])
    return loaded


def derive_article_products(
    con: duckdb.DuckDBPyConnection,
    *,
    partition: str,
    shop_appid: str,
    promoter_id: str,
    sharer_appid: str,
    load: Load,
) -> Loaded:
    """Make the products of one list of articles again from the stored articles, without pages."""
    scope = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    with atomic(con):
        stage_stored_products(con, scope)
        load = replace(load, asset=ARTICLE_PRODUCTS.name, partition=partition)
        [loaded] = replace_lists(con, ARTICLE_PRODUCTS, [ListLoad(scope, (), load)])
        return loaded


def remove_articles(
    con: duckdb.DuckDBPyConnection, shop_appid: str, promoter_id: str, sharer_appid: str
) -> int:
    """Remove a list of articles that is no longer there, and its products, ending their history.

    Returns the number of rows removed from both tables; if any, `loads` tells of it with
    end_reason 'removed'.
    """
    scope = {"shop_appid": shop_appid, "promoter_id": promoter_id, "sharer_appid": sharer_appid}
    partition = "/".join(scope.values())
    with atomic(con):
        return sum(
            remove_list(con, table, scope, partition=partition)
            for table in (SHOP_ARTICLES, ARTICLE_PRODUCTS)
        )


def _of_products(one: ListLoad) -> ListLoad:
    """The same list's products: nothing was spent on reading them."""
    load = replace(
        one.load,
        asset=ARTICLE_PRODUCTS.name,
        pages=0,
        api_calls=0,
        total_num=None,
        resumed_pages=0,
    )
    return ListLoad(one.scope, (), load)
