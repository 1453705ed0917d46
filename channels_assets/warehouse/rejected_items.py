"""The table `rejected_items`: items of the API without a usable id, which no table can have as rows."""

from collections.abc import Sequence

import duckdb

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import run
from channels_assets.warehouse.item_select import AS_SENT, REASON, UNFIT

_COUNTS = f"""
    SELECT number, count({REASON}),
        coalesce(sum({UNFIT}) FILTER ({REASON} IS NULL), 0)::BIGINT
    FROM staged WHERE {REASON} IS NOT NULL OR {UNFIT} > 0 GROUP BY number
"""  # noqa: S608

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


def reject_items(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListToLoad]
) -> dict[int, tuple[int, int]]:
    """Move the items without a usable id from `staged` to `rejected_items`.

    To be called within the transaction that writes the lists, when `batch` has them. Returns by the
    list's number, where there are any, how many items were rejected, and how many values of the others
    do not fit their columns.
    """
    counts = {
        int(number): (int(rejected), int(unfit))
        for number, rejected, unfit in run(con, _COUNTS).fetchall()
    }
    if any(rejected for rejected, _ in counts.values()):
        partitions = [each.record.partition for each in lists]
        values = {"asset": table.name, "lists": len(lists), "partitions": partitions}
        run(con, _INSERT, values)
        run(con, f"DELETE FROM staged WHERE {REASON} IS NOT NULL")  # noqa: S608
    return counts
