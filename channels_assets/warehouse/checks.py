"""Questions about the quality of what is stored. Each answers with what is wrong: empty is good."""

from dataclasses import dataclass

import duckdb

from channels_assets.warehouse.sql import names
from channels_assets.warehouse.tables import ARTICLE_PRODUCTS, SHOP_ARTICLES, WINDOW_PRODUCTS

_LAST_LOADS = """
    SELECT asset, "partition", load_id, "rows", total_num, end_reason FROM loads
    QUALIFY row_number() OVER (PARTITION BY asset, "partition" ORDER BY load_id DESC) = 1
"""


@dataclass(frozen=True)
class Duplicate:
    """A key that a table holds more than once: the key's values in the order of its columns."""

    table: str
    key: tuple[str, ...]
    copies: int


@dataclass(frozen=True)
class RowsMismatch:
    """A list whose stored rows are not as many as its last load wrote."""

    asset: str
    partition: str
    load_id: str
    loaded: int
    stored: int


@dataclass(frozen=True)
class Disagreement:
    """A list whose last walk found another number of items than the API's own total_num."""

    asset: str
    partition: str | None
    load_id: str
    rows: int
    total_num: int | None


@dataclass(frozen=True)
class Orphans:
    """Products that are stored for an article that is not."""

    shop_appid: str
    promoter_id: str
    sharer_appid: str
    article_url: str
    products: int


def duplicates(con: duckdb.DuckDBPyConnection) -> list[Duplicate]:
    """Keys that occur more than once within a list."""
    found: list[Duplicate] = []
    for table in (WINDOW_PRODUCTS, SHOP_ARTICLES, ARTICLE_PRODUCTS):
        rows = con.execute(
            f"""
            SELECT {names(table.key)}, count(*) FROM {table.name}
            GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL
            """  # noqa: S608
        ).fetchall()
        found += [Duplicate(table.name, tuple(row[:-1]), row[-1]) for row in rows]
    return found


def rows_mismatches(con: duckdb.DuckDBPyConnection) -> list[RowsMismatch]:
    """Partitions of which more or fewer rows are stored than their last load wrote."""
    rows = con.execute(
        f"""
        WITH last AS ({_LAST_LOADS}), stored AS (
            SELECT load_id, count(*) AS stored FROM (
                SELECT load_id FROM window_products
                UNION ALL SELECT load_id FROM shop_articles
                UNION ALL SELECT load_id FROM article_products
            ) GROUP BY load_id
        )
        SELECT asset, "partition", load_id, "rows", coalesce(stored, 0)
        FROM last LEFT JOIN stored USING (load_id)
        WHERE asset IN ('window_products', 'shop_articles', 'article_products')
        AND "rows" <> coalesce(stored, 0) ORDER BY ALL
        """  # noqa: S608
    ).fetchall()
    return [RowsMismatch(*row) for row in rows]


def disagreements(con: duckdb.DuckDBPyConnection) -> list[Disagreement]:
    """Lists last loaded although their count disagrees with total_num."""
    rows = con.execute(
        f"""
        WITH last AS ({_LAST_LOADS})
        SELECT asset, "partition", load_id, "rows", total_num FROM last
        WHERE end_reason = 'count_disagrees' ORDER BY ALL
        """  # noqa: S608
    ).fetchall()
    return [Disagreement(*row) for row in rows]


def orphans(con: duckdb.DuckDBPyConnection) -> list[Orphans]:
    """Articles that have products but are not stored themselves."""
    rows = con.execute(
        """
        SELECT shop_appid, promoter_id, sharer_appid, article_url, count(*)
        FROM article_products ANTI JOIN shop_articles
        USING (shop_appid, promoter_id, sharer_appid, article_url)
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    return [Orphans(*row) for row in rows]
