"""Put staged lists in the place of the stored ones, and keep account of the difference.

SQL is put together here from the names in tables.py only; every value is a parameter.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import duckdb

from channels_assets.warehouse.batch import ListLoad, begin_batch, in_batch
from channels_assets.warehouse.compare import compare, find_moves, keep_last
from channels_assets.warehouse.history import follow
from channels_assets.warehouse.loads import Load, Loaded, record_loads
from channels_assets.warehouse.nul import refuse_nul
from channels_assets.warehouse.single import count
from channels_assets.warehouse.sql import in_scope, names, same_key
from channels_assets.warehouse.tables import ListTable


def replace_lists(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListLoad]
) -> list[Loaded]:
    """Replace the rows of these lists by those in `staged`, with history and rows in `loads`.

    Call it within a transaction. Of rows with the same key the last one wins, its values and its
    place; the others count as duplicates.
    """
    load_ids = begin_batch(con, table, lists)
    refuse_nul(con, table)
    keep_last(con, table)
    compare(con, table)
    if table.moves:
        find_moves(con, table)
    if table.history is not None:
        follow(con, table, table.history)
    _write(con, table)
    loaded = [
        Loaded(load_id, *counts)
        for load_id, counts in zip(load_ids, _counts(con, len(lists)), strict=True)
    ]
    record_loads(con, [one.load for one in lists], loaded)
    return loaded


def remove_list(
    con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str], *, partition: str
) -> int:
    """Replace one list by nothing, since it is no longer there. Returns the rows removed.

    Call it within a transaction. `loads` tells of it, but for a list that was never loaded or is
    removed already.
    """
    con.execute('DELETE FROM failures WHERE asset = ? AND "partition" = ?', [table.name, partition])
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE staged AS
        SELECT 0::BIGINT AS number, 0::BIGINT AS place, {names(table.item + table.sent)}
        FROM {table.name} LIMIT 0
        """  # noqa: S608
    )
    rows = count(
        con,
        f"SELECT count(*) FROM {table.name} WHERE {in_scope(table)}",  # noqa: S608
        scope,
    )
    if rows or _is_loaded(con, table, partition):
        now = datetime.now(UTC)
        load = Load(
            asset=table.name,
            partition=partition,
            run_id="",
            started_at=now,
            fetched_at=now,
            pages=0,
            api_calls=0,
            total_num=None,
            end_reason="removed",
            resumed_pages=0,
        )
        replace_lists(con, table, [ListLoad(scope, (), load, dict.fromkeys(table.facts))])
    return rows


def _is_loaded(con: duckdb.DuckDBPyConnection, table: ListTable, partition: str) -> bool:
    """Whether the list, empty or not, was loaded and not removed since."""
    return bool(
        count(
            con,
            """
            SELECT count(*) FROM (
                SELECT max_by(end_reason, load_id) AS end_reason FROM loads
                WHERE asset = $asset AND "partition" = $partition
            ) WHERE end_reason <> 'removed'
            """,
            {"asset": table.name, "partition": partition},
        )
    )


def _counts(con: duckdb.DuckDBPyConnection, lists: int) -> list[tuple[int, ...]]:
    """For each list: rows, duplicates, added, removed, changed."""
    rows = con.execute(
        """
        WITH sent AS (SELECT number, count(*) AS sent FROM staged GROUP BY number),
        kept AS (SELECT number, count(*) AS kept FROM fresh GROUP BY number),
        changes AS (
            SELECT number, count(*) FILTER (change = 'added') AS added,
                count(*) FILTER (change = 'removed') AS removed,
                count(*) FILTER (change IN ('changed', 'moved')) AS changed
            FROM diff GROUP BY number
        )
        SELECT coalesce(kept, 0), coalesce(sent, 0) - coalesce(kept, 0), coalesce(added, 0),
            coalesce(removed, 0), coalesce(changed, 0)
        FROM range($lists) AS list(number) LEFT JOIN sent USING (number) LEFT JOIN kept USING (number)
        LEFT JOIN changes USING (number) ORDER BY number
        """,
        {"lists": lists},
    ).fetchall()
    return [tuple(map(int, row)) for row in rows]


def _write(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    columns = names(table.key + table.values)
    if table.keeps_vanished:
        last, last_value = "is_active", "TRUE"
        con.execute(
            f"DELETE FROM {table.name} old WHERE EXISTS "  # noqa: S608
            f"(FROM fresh new WHERE {same_key(table, 'old', 'new')})"
        )
        con.execute(
            f"UPDATE {table.name} SET is_active = FALSE "  # noqa: S608
            f"WHERE is_active AND {in_batch(table, table.name)}"
        )
    else:
        last, last_value = "position", "position"
        con.execute(f"DELETE FROM {table.name} WHERE {in_batch(table, table.name)}")  # noqa: S608
    con.execute(
        f"""
        INSERT INTO {table.name} ({columns}, {last}, fetched_at, load_id)
        SELECT {columns}, {last_value}, make_timestamptz(fetched_us), load_id
        FROM fresh JOIN (SELECT number, fetched_us, load_id FROM batch) USING (number)
        ORDER BY number, position
        """  # noqa: S608
    )
