"""Loading and removing windows: one list of products each."""

from collections.abc import Iterable
from dataclasses import replace

import duckdb

from channels_assets.warehouse.loads import Load, Loaded
from channels_assets.warehouse.replace import remove_list, replace_list
from channels_assets.warehouse.staging import stage_pages
from channels_assets.warehouse.tables import WINDOW_PRODUCTS
from channels_assets.warehouse.transaction import atomic

_PRODUCTS = """
    WITH parsed AS (
        SELECT place, item, from_json(item, '{
            "product_id": "VARCHAR", "appid": "VARCHAR", "out_product_id": "VARCHAR",
            "product_source": "VARCHAR"
        }') AS sent
        FROM api_items($pages::VARCHAR[], $first_page::BIGINT, 'products')
    )
    SELECT
        place,
        $window::VARCHAR AS "window",
        $account_appid::VARCHAR AS account_appid,
        api_id(sent.product_id, item, 'product_id') AS product_id,
        api_text(sent.appid, item, 'appid') AS shop_appid,
        api_text(sent.out_product_id, item, 'out_product_id') AS out_product_id,
        coalesce(api_integer(sent.product_source, 'product_source'), 0) AS product_source,
        api_extra(item, '{
            "product_id": null, "appid": null, "out_product_id": null, "product_source": null
        }'::JSON) AS extra
    FROM parsed
"""


def load_window(
    con: duckdb.DuckDBPyConnection,
    *,
    window: str,
    account_appid: str,
    pages: Iterable[bytes],
    load: Load,
) -> Loaded:
    """Replace a window's products by those in the pages of getwindowproductlist.

    `pages` are answers as sent, in walk order, each a JSON object in UTF-8 whose `products` may be
    missing. One transaction: on any error, also one raised by `pages`, the old list stays.
    Raises WarehouseError when a value doesn't fit its column exactly.
    """
    stage_pages(con, _PRODUCTS, pages, {"window": window, "account_appid": account_appid})
    with atomic(con):
        load = replace(load, partition=window)
        return replace_list(con, WINDOW_PRODUCTS, {"window": window}, load)


def remove_window(con: duckdb.DuckDBPyConnection, window: str) -> int:
    """Remove the products of a window that is no longer there, ending their history now.

    Returns the number of rows removed; if any, `loads` tells of it with end_reason 'removed'.
    """
    with atomic(con):
        return remove_list(con, WINDOW_PRODUCTS, {"window": window}, partition=window)
