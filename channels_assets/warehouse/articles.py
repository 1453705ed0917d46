"""From lists of products in articles to one row per product of an article, in `staged`."""

from collections.abc import Mapping

import duckdb

from channels_assets.warehouse.connection import in_scope, run
from channels_assets.warehouse.item_select import select_items
from channels_assets.warehouse.parse import begin_staging, execute_parsing, mark_fractions
from channels_assets.warehouse.tables import ARTICLE_PRODUCTS, SHOP_ARTICLES

MARKED_LIST = """
    CASE WHEN contains(sent.product_list::VARCHAR, getvariable('fraction_mark'))
        THEN sent.product_list END AS marked_list
"""
"""A further column of staged articles: their product lists before the marks of fractions are taken out,
where there are any. stage_fresh_products() reads it."""

_PRODUCTS = """
    WITH element AS (
        SELECT number, article_url, position, unnest(elements) AS element,
            generate_subscripts(elements, 1) AS item_number
        FROM (SELECT *, product_list::JSON[] AS elements FROM ({articles}))
    )
    SELECT number, article_url, position * 4294967296 + item_number AS place,
        coalesce(element, 'null'::JSON) AS item
    FROM element
"""

_FRESH = """
    SELECT number, position, article_url, coalesce(marked_list, product_list) AS product_list
    FROM fresh JOIN (SELECT number, place, marked_list FROM staged) USING (number, place)
    WHERE product_list IS NOT NULL
"""

_REPEATED = """
    SELECT number, article_url, max(place) AS place FROM staged
    GROUP BY number, article_url HAVING count(*) > 1
"""

_UNITE = f"""
    UPDATE staged SET product_list = api_json(products), marked_list = products FROM (
        WITH element AS (
            SELECT number, article_url, place, unnest(products) AS element,
                generate_subscripts(products, 1) AS item_number
            FROM (
                SELECT number, article_url, place,
                    coalesce(marked_list, product_list)::JSON[] AS products
                FROM staged SEMI JOIN ({_REPEATED}) USING (number, article_url)
            )
        ), latest AS (
            FROM (
                SELECT *, coalesce(nullif(element ->> 'product_id', ''), element::VARCHAR) AS id
                FROM element
            )
            QUALIFY place = max(place) OVER (PARTITION BY number, article_url, id)
        )
        SELECT number, last.place, to_json(list(element ORDER BY latest.place, item_number)) AS products
        FROM latest JOIN ({_REPEATED}) last USING (number, article_url) GROUP BY ALL
    ) united WHERE staged.number = united.number AND staged.place = united.place
"""  # noqa: S608

_STORED = """
    SELECT 0 AS number, unnest($positions::BIGINT[]) AS position,
        unnest($urls::VARCHAR[]) AS article_url, unnest($lists::VARCHAR[])::JSON AS product_list
"""


def unite_product_lists(con: duckdb.DuckDBPyConnection) -> None:
    """Give the last entry of an article in `staged` the products of its other entries in the same list.

    Of products with the same id, and of equal ones without, those in the latest entry stay: an entry that
    is repeated, as at a page break, changes nothing.
    """
    run(con, _UNITE)


def stage_fresh_products(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `staged` with the products of the articles that are in `staged` and in `fresh`."""
    _stage(con, _FRESH)


def stage_stored_products(con: duckdb.DuckDBPyConnection, scope: Mapping[str, str]) -> None:
    """Fill `staged` with the products of one stored list of articles, as if it had just been read."""
    mark = begin_staging(con)
    articles = con.execute(
        "SELECT article_url, product_list, position FROM shop_articles "  # noqa: S608
        f"WHERE {in_scope(SHOP_ARTICLES)} AND product_list IS NOT NULL",
        dict(scope),
    ).fetchall()
    values = {
        "urls": [url for url, _, _ in articles],
        "lists": [mark_fractions(products, mark) for _, products, _ in articles],
        "positions": [position for _, _, position in articles],
    }
    _stage(con, _STORED, values)


def _stage(
    con: duckdb.DuckDBPyConnection, articles: str, values: Mapping[str, object] | None = None
) -> None:
    select = select_items(ARTICLE_PRODUCTS, _PRODUCTS.format(articles=articles))
    execute_parsing(con, f"CREATE OR REPLACE TEMP TABLE staged AS {select}", values)
