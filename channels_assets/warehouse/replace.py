"""Put a staged list in the place of the stored one, and keep account of the difference.

SQL is put together here from the names in tables.py only; every value is a parameter.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb

from channels_assets.warehouse.compare import compare, find_moves, keep_last
from channels_assets.warehouse.history import follow
from channels_assets.warehouse.loads import Load, Loaded, new_load_id, record_load
from channels_assets.warehouse.single import count
from channels_assets.warehouse.sql import current, in_scope, names, same_key
from channels_assets.warehouse.tables import ListTable


def replace_list(
    con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str], load: Load
) -> Loaded:
    """Replace the rows of one list by those in `staged`, with history and the row in `loads`.

    Call it within a transaction. Of rows with the same key the last one wins, its values and its
    place; the others count as duplicates.
    """
    duplicates = keep_last(con, table)
    compare(con, table, scope)
    if table.moves:
        find_moves(con, table, scope)
    load_id = new_load_id()
    if table.history is not None:
        follow(con, table, table.history, scope, load.fetched_at)
    _write(con, table, scope, {"fetched_at": load.fetched_at, "load_id": load_id})
    loaded = Loaded(
        load_id=load_id,
        rows=count(con, "SELECT count(*) FROM fresh"),
        duplicates=duplicates,
        added=count(con, "SELECT count(*) FROM diff WHERE change = 'added'"),
        removed=count(con, "SELECT count(*) FROM diff WHERE change = 'removed'"),
        changed=count(con, "SELECT count(*) FROM diff WHERE change IN ('changed', 'moved')"),
    )
    record_load(con, load, loaded)
    return loaded


def remove_list(
    con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str], *, partition: str
) -> int:
    """Replace one list by nothing, since it is no longer there. Returns the rows removed.

    Call it within a transaction. A list without rows leaves no trace in `loads`.
    """
    con.execute('DELETE FROM failures WHERE asset = ? AND "partition" = ?', [table.name, partition])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE staged AS SELECT *, 0 AS place FROM {table.name} LIMIT 0"  # noqa: S608
    )
    rows = count(
        con,
        f"SELECT count(*) FROM {table.name} WHERE {in_scope(table)}",  # noqa: S608
        scope,
    )
    if rows:
        now = datetime.now(UTC)
        replace_list(
            con,
            table,
            scope,
            Load(
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
            ),
        )
    return rows


def _write(
    con: duckdb.DuckDBPyConnection,
    table: ListTable,
    scope: Mapping[str, str],
    stamp: Mapping[str, object],
) -> None:
    columns = table.key + table.values
    if table.keeps_vanished:
        last, last_value = "is_active", "TRUE"
        con.execute(
            f"DELETE FROM {table.name} old WHERE EXISTS "  # noqa: S608
            f"(FROM fresh new WHERE {same_key(table, 'old', 'new')})"
        )
        con.execute(
            f"UPDATE {table.name} SET is_active = FALSE WHERE {current(table)}",  # noqa: S608
            dict(scope),
        )
    else:
        last, last_value = "position", "position"
        con.execute(f"DELETE FROM {table.name} WHERE {in_scope(table)}", dict(scope))  # noqa: S608
    con.execute(
        f"""
        INSERT INTO {table.name} ({names(columns)}, {last}, fetched_at, load_id)
        SELECT {names(columns)}, {last_value}, $fetched_at, $load_id FROM fresh ORDER BY position
        """,  # noqa: S608
        dict(stamp),
    )
