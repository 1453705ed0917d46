"""Quality checks of what is stored. Each is a query whose rows are the evidence: no rows, passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from channels_assets.warehouse.connection import names
from channels_assets.warehouse.odd_items import QUESTION, REMEDY, odd_items_sql
from channels_assets.warehouse.tables import LIST_TABLES, SHOP_ARTICLES

_OF_LOAD = 'LEFT JOIN (SELECT load_id, "partition" AS list FROM loads) USING (load_id)'
"""The join that gives rows the partition key of their list."""
_LOADS = """
    loads_of AS (
        SELECT *, row_number() OVER (PARTITION BY "partition" ORDER BY load_id DESC) AS age
        FROM loads WHERE asset = $asset
    )
"""
_PROVEN = (
    "('has_more_false', 'has_more_missing', 'empty_page', 'cursor_missing', 'total_reached', "
    "'list_missing', 'derived', 'removed')"
)


@dataclass(frozen=True)
class QualityCheck:
    """A question about a table, and the query for the rows that violate it.

    `sql` may have the parameter $asset, the table's name. `remedy` is what to do or to know then.
    """

    name: str
    asset: str
    severity: Literal["WARN", "ERROR"]
    question: str
    sql: str
    remedy: str = ""


@dataclass(frozen=True)
class Evidence:
    """The first rows that violate a check, as text, and the number of all of them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int

    @property
    def passed(self) -> bool:
        return self.count == 0


def _unique(asset: str) -> QualityCheck:
    return QualityCheck(
        "ids_unique",
        asset,
        "ERROR",
        "Is every id there once within its list?",
        f"SELECT {names(LIST_TABLES[asset].key)}, count(*) AS copies FROM {asset} GROUP BY ALL HAVING copies > 1",  # noqa: S608
    )


def _rows_as_loaded(asset: str) -> QualityCheck:
    return QualityCheck(
        "rows_as_loaded",
        asset,
        "ERROR",
        "Does every list have the rows that its last load wrote?",
        f"""
        WITH {_LOADS}, stored AS (
            SELECT max(load_id) AS load_id, count(*) AS stored FROM {asset}
            GROUP BY {names(LIST_TABLES[asset].scope)}
        )
        SELECT "partition", "rows" AS loaded, coalesce(stored, 0) AS stored
        FROM loads_of LEFT JOIN stored USING (load_id)
        WHERE age = 1 AND "rows" <> coalesce(stored, 0)
        """,  # noqa: S608
    )


def _odd_items(asset: str) -> QualityCheck:
    sql = odd_items_sql(LIST_TABLES[asset])
    return QualityCheck("items_valid", asset, "WARN", QUESTION, sql, REMEDY)


def _of_loads(
    name: str, asset: str, severity: Literal["WARN", "ERROR"], question: str, sql: str
) -> QualityCheck:
    return QualityCheck(name, asset, severity, question, f"WITH {_LOADS} {sql}")


def _pulled(asset: str) -> tuple[QualityCheck, ...]:
    return (
        _of_loads(
            "end_proven",
            asset,
            "WARN",
            "Did the last walk of every list end for a proven reason?",
            f"""
            SELECT "partition", end_reason, "rows", total_num FROM loads_of
            WHERE age = 1 AND end_reason NOT IN {_PROVEN}
            """,  # noqa: S608
        ),
        _of_loads(
            "not_halved",
            asset,
            "WARN",
            "Has no list lost more than half of its rows since the load before?",
            """
            SELECT "partition", before."rows" AS rows_before, last."rows" AS rows_now
            FROM loads_of last JOIN loads_of before USING ("partition")
            WHERE last.age = 1 AND before.age = 2 AND last."rows" * 2 < before."rows"
            """,
        ),
    )


CHECKS: tuple[QualityCheck, ...] = (
    *(_odd_items(asset) for asset in LIST_TABLES),
    _unique("window_products"),
    _rows_as_loaded("window_products"),
    *_pulled("window_products"),
    _of_loads(
        "count_equals_total_num",
        "window_products",
        "WARN",
        "Does every window have as many products as the API counts (total_num)?",
        'SELECT "partition", "rows", rejected, total_num FROM loads_of '
        'WHERE age = 1 AND total_num IS NOT NULL AND "rows" + rejected <> total_num',
    ),
    _unique("shop_articles"),
    _rows_as_loaded("shop_articles"),
    *_pulled("shop_articles"),
    QualityCheck(
        "times_not_in_future",
        "shop_articles",
        "WARN",
        "Is no article created or updated later than the moment it was fetched (but for a day)?",
        f"""
        SELECT list, article_url, create_time, update_time FROM shop_articles {_OF_LOAD}
        WHERE greatest(create_time, update_time) > fetched_at + INTERVAL 1 DAY
        """,  # noqa: S608
    ),
    QualityCheck(
        "share_link_present",
        "shop_articles",
        "WARN",
        "Has every article a promoter_share_link?",
        f"SELECT list, article_url, article_title FROM shop_articles {_OF_LOAD} "  # noqa: S608
        "WHERE coalesce(promoter_share_link, '') = ''",
    ),
    _unique("article_products"),
    _rows_as_loaded("article_products"),
    QualityCheck(
        "article_present",
        "article_products",
        "ERROR",
        "Is the article of every article product there?",
        f"""
        SELECT list, article_url, count(*) AS products FROM article_products {_OF_LOAD}
        ANTI JOIN shop_articles USING ({names(SHOP_ARTICLES.key)})
        GROUP BY ALL
        """,  # noqa: S608
    ),
    QualityCheck(
        "commission_rate_in_range",
        "article_products",
        "WARN",
        "Is every commission_rate within 0 to 1,000,000 parts per million?",
        f"SELECT list, article_url, product_id, commission_rate FROM article_products {_OF_LOAD} "  # noqa: S608
        "WHERE commission_rate NOT BETWEEN 0 AND 1000000",
    ),
)


def evidence(con: duckdb.DuckDBPyConnection, check: QualityCheck, limit: int = 20) -> Evidence:
    """The rows that violate the check: at most `limit`, in order of their first columns."""
    params = {"asset": check.asset} if "$asset" in check.sql else {}
    return gather(con, f"SELECT * FROM ({check.sql}) ORDER BY ALL", params, limit)  # noqa: S608


def gather(
    con: duckdb.DuckDBPyConnection, sql: str, params: dict[str, Any], limit: int
) -> Evidence:
    """The first rows of a query as text, and the number of all its rows."""
    result = con.execute(
        f"SELECT count(*) OVER () AS evidence_count, COLUMNS(*)::VARCHAR FROM ({sql}) LIMIT {limit:d}",  # noqa: S608
        params,
    )
    columns = tuple(str(column[0]) for column in result.description or [])[1:]
    rows = result.fetchall()
    return Evidence(
        columns,
        tuple(tuple("" if value is None else str(value) for value in row[1:]) for row in rows),
        int(rows[0][0]) if rows else 0,
    )
