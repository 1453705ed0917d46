"""The table `rejected_items`: items of the API without a usable id, which no table can have as rows.

Whether there are any is found with the counts of all items, which every load needs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import names, run
from channels_assets.warehouse.item_select import AS_SENT, REASON, UNFIT

_INSERT = f"""
    INSERT INTO rejected_items (asset, "partition", position, reason, item, load_id, fetched_at)
    SELECT $asset, "partition", position, {REASON}, {AS_SENT}, load_id, make_timestamptz(fetched_us)
    FROM (
        SELECT number, {REASON}, {AS_SENT},
            row_number() OVER (PARTITION BY number ORDER BY place) AS position
        FROM staged
    )
    JOIN (SELECT unnest(range($lists)) AS number, unnest($partitions::VARCHAR[]) AS "partition")
        USING (number)
    JOIN (SELECT number, load_id, fetched_us FROM batch) USING (number)
    WHERE {REASON} IS NOT NULL ORDER BY number, position
"""  # noqa: S608


class ItemCounts(NamedTuple):
    """The items of one list in `staged`: those with a usable id, those that come again later in the list,
    those without; and how many values of the first do not fit their columns."""

    rows: int = 0
    duplicates: int = 0
    rejected: int = 0
    unfit: int = 0


def count_items(con: duckdb.DuckDBPyConnection, table: ListTable) -> dict[int, ItemCounts]:
    """By the list's number, for each list that is not empty."""
    counts = run(
        con,
        f"""
        SELECT number, count(*) FILTER (NOT rejected),
            coalesce(sum(times - 1) FILTER (NOT rejected), 0)::BIGINT,
            coalesce(sum(times) FILTER (rejected), 0)::BIGINT,
            coalesce(sum(unfit) FILTER (NOT rejected), 0)::BIGINT
        FROM (
            SELECT number, count(*) AS times, count({REASON}) > 0 AS rejected, sum({UNFIT}) AS unfit
            FROM staged GROUP BY number, {names(table.item)}
        ) GROUP BY number
        """,  # noqa: S608
    ).fetchall()
    return {int(number): ItemCounts(*map(int, of_list)) for number, *of_list in counts}


def reject_items(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListToLoad]
) -> None:
    """Move the items without a usable id from `staged` to `rejected_items`.

    To be called within the transaction that writes the lists, when `batch` has them.
    """
    partitions = [each.record.partition for each in lists]
    values = {"asset": table.name, "lists": len(lists), "partitions": partitions}
    run(con, _INSERT, values)
    run(con, f"DELETE FROM staged WHERE {REASON} IS NOT NULL")  # noqa: S608
