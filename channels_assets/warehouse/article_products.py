"""From stored lists of products to one row per product of an article."""

from collections.abc import Mapping

import duckdb

from channels_assets.warehouse.fractions import mark_fractions
from channels_assets.warehouse.staging import begin_staging, execute_parsing

_BATCH_ARTICLES = 2000

_PRODUCTS = """
    WITH article AS (
        SELECT unnest($urls::VARCHAR[]) AS article_url, unnest($lists::VARCHAR[]) AS product_list,
            unnest($positions::BIGINT[]) AS position
    ), element AS (
        SELECT article_url, position, unnest(product_list::JSON::JSON[]) AS element,
            generate_subscripts(product_list::JSON::JSON[], 1) AS number
        FROM article
    ), product AS (
        SELECT article_url, position * 4294967296 + number AS place,
            api_object(element, number, 'product_list of ' || article_url) AS item
        FROM element
    ), parsed AS (
        SELECT article_url, place, item, from_json(item, '{
            "product_id": "VARCHAR", "product_name": "VARCHAR", "product_img_url": "VARCHAR",
            "predict_commission_amount": "VARCHAR", "commission_rate": "VARCHAR"
        }') AS sent
        FROM product
    )
    SELECT
        place,
        $shop_appid::VARCHAR AS shop_appid,
        $promoter_id::VARCHAR AS promoter_id,
        $sharer_appid::VARCHAR AS sharer_appid,
        article_url,
        api_id(sent.product_id, item, 'product_id') AS product_id,
        api_text(sent.product_name, item, 'product_name') AS product_name,
        api_text(sent.product_img_url, item, 'product_img_url') AS product_img_url,
        api_bigint(sent.predict_commission_amount, 'predict_commission_amount')
            AS predict_commission_amount,
        api_integer(sent.commission_rate, 'commission_rate') AS commission_rate,
        api_extra(item, '{
            "product_id": null, "product_name": null, "product_img_url": null,
            "predict_commission_amount": null, "commission_rate": null
        }'::JSON) AS extra
    FROM parsed
"""


def stage_products(con: duckdb.DuckDBPyConnection, scope: Mapping[str, str]) -> None:
    """Fill `staged` with the products in the stored articles of one list.

    Raises WarehouseError when a value doesn't fit its column exactly.
    """
    mark = begin_staging(con)
    articles = con.execute(
        """
        SELECT article_url, product_list, position FROM shop_articles
        WHERE shop_appid = $shop_appid AND promoter_id = $promoter_id
        AND sharer_appid = $sharer_appid AND product_list IS NOT NULL
        ORDER BY position
        """,
        dict(scope),
    ).fetchall()
    command = "CREATE OR REPLACE TEMP TABLE staged AS "
    for start in range(0, max(len(articles), 1), _BATCH_ARTICLES):
        batch = articles[start : start + _BATCH_ARTICLES]
        columns = {
            "urls": [url for url, _, _ in batch],
            "lists": [mark_fractions(products, mark) for _, products, _ in batch],
            "positions": [position for _, _, position in batch],
        }
        execute_parsing(con, command + _PRODUCTS, {**scope, **columns})
        command = "INSERT INTO staged "
