"""Put staged lists in the place of the stored ones, and keep account of the difference.

SQL is put together here from the names in tables.py only; every value is a parameter.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import duckdb

from channels_assets.warehouse.batch import ListLoad, begin_batch, in_batch
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.connection import in_scope, names, run, same_key, scalar
from channels_assets.warehouse.diff import (
    add_moves,
    compare,
    count_changes,
    deduplicate,
    write_history,
)
from channels_assets.warehouse.lake import validate_ids
from channels_assets.warehouse.load_log import Loaded, load_without_calls, record_loads


def replace_lists(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListLoad]
) -> list[Loaded]:
    """put_in_place(), with a row in `loads` for each list."""
    loaded = put_in_place(con, table, lists)
    record_loads(con, [one.load for one in lists], loaded)
    return loaded


def put_in_place(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListLoad]
) -> list[Loaded]:
    """Replace the rows of these lists by those in `staged`, and keep their history.

    Call it within a transaction, and record_loads() with what it returns. Of rows with the same key
    the last one wins, its values and its place; the others count as duplicates.
    """
    load_ids = begin_batch(con, table, lists)
    validate_ids(con, table)
    sizes = deduplicate(con, table)
    compare(con, table)
    if table.moves:
        add_moves(con, table)
    changes = count_changes(con)
    if table.history is not None and changes:
        write_history(con, table, table.history)
    _write(con, table)
    loaded: list[Loaded] = []
    for number, load_id in enumerate(load_ids):
        rows, duplicates = sizes.get(number, (0, 0))
        of_list = Counter(changes.get(number, {}))
        added, removed = of_list["added"], of_list["removed"]
        changed = of_list["changed"] + of_list["moved"]
        loaded.append(Loaded(load_id, rows, duplicates, added, removed, changed))
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
    rows = scalar(
        con,
        f"SELECT count(*) FROM {table.name} WHERE {in_scope(table)}",  # noqa: S608
        scope,
    )
    if rows or _is_loaded(con, table, partition):
        load = load_without_calls(table.name, partition, "", "removed", datetime.now(UTC))
        replace_lists(con, table, [ListLoad(scope, (), load, dict.fromkeys(table.constants))])
    return rows


def _is_loaded(con: duckdb.DuckDBPyConnection, table: ListTable, partition: str) -> bool:
    """Whether the list, empty or not, was loaded and not removed since."""
    return bool(
        scalar(
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


def _write(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    columns = names(table.key + table.values)
    if table.keeps_vanished:
        last, last_value = "is_active", "TRUE"
        run(
            con,
            f"DELETE FROM {table.name} old WHERE EXISTS "  # noqa: S608
            f"(FROM fresh new WHERE {same_key(table, 'old', 'new')})",
        )
        run(
            con,
            f"UPDATE {table.name} SET is_active = FALSE "  # noqa: S608
            f"WHERE is_active AND {in_batch(table, table.name)}",
        )
    else:
        last, last_value = "position", "position"
        run(con, f"DELETE FROM {table.name} WHERE {in_batch(table, table.name)}")  # noqa: S608
    run(
        con,
        f"""
        INSERT INTO {table.name} ({columns}, {last}, fetched_at, load_id)
        SELECT {columns}, {last_value}, make_timestamptz(fetched_us), load_id
        FROM fresh JOIN (SELECT number, fetched_us, load_id FROM batch) USING (number)
        """,  # noqa: S608
    )
