"""Replace stored lists by staged ones, and log what changed: any table of tables.py.

SQL is put together here from the names in tables.py only; every value is a parameter.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import duckdb

from channels_assets.warehouse.articles import (
    MARKED_LIST,
    stage_fresh_products,
    stage_stored_products,
    unite_product_lists,
)
from channels_assets.warehouse.batch import ListToLoad, begin_batch, in_batch
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import (
    atomic,
    in_scope,
    names,
    run,
    same_key,
    scalar,
)
from channels_assets.warehouse.diff import (
    add_moves,
    compare,
    count_changes,
    deduplicate,
    write_history,
)
from channels_assets.warehouse.item_select import NO_ODD_ITEMS, select_items
from channels_assets.warehouse.lake import validate_ids
from channels_assets.warehouse.load_log import LoadEntry, LoadRecord, LoadStats, record_loads
from channels_assets.warehouse.parse import stage_pages
from channels_assets.warehouse.rejected_items import ItemCounts, count_items, reject_items
from channels_assets.warehouse.tables import ARTICLE_PRODUCTS, SHOP_ARTICLES, with_derived


def load_lists(
    con: duckdb.DuckDBPyConnection, table: ListTable, lists: Sequence[ListToLoad]
) -> list[dict[str, LoadStats]]:
    """Replace these lists by what is in their pages, all in one transaction, each with its row in `loads`.

    Returns for each list what changed, by the names of tables: products in articles go to a table
    of their own. Rows that a list no longer has are deleted, or set inactive in a table that keeps
    them. Items without a usable id go to `rejected_items`, values that do not fit their columns to
    `extra`. On any error, also one raised by the pages, all old lists stay. Raises WarehouseError at a
    page that is no JSON object or has no list.
    """
    has_products = table is SHOP_ARTICLES
    select = select_items(table, also=MARKED_LIST if has_products else None)
    repaired = stage_pages(con, select, lists)
    with atomic(con):
        entries = [_replace(con, table, lists, repaired)]
        if has_products:
            stage_fresh_products(con)
            derived = [replace(each, record=each.record.without_calls()) for each in lists]
            entries.append(_replace(con, ARTICLE_PRODUCTS, derived, repaired))
        record_loads(con, [entry for of_table in entries for entry in of_table])
    return [
        {entry.asset: entry.stats for entry in of_list} for of_list in zip(*entries, strict=True)
    ]


def derive_article_products(con: duckdb.DuckDBPyConnection, derived: ListToLoad) -> LoadStats:
    """Make the products of one list of articles again from the stored articles, without pages."""
    with atomic(con):
        stage_stored_products(con, derived.scope)
        [entry] = _replace(con, ARTICLE_PRODUCTS, [derived])
        record_loads(con, [entry])
    return entry.stats


def remove_list(
    con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str], *, partition: str
) -> int:
    """Remove a list that no longer exists, and what was derived from it, ending their history now.

    Returns the number of rows removed. `loads` gets a row with end_reason 'removed', except for a
    list that was never loaded or is removed already.
    """
    with atomic(con):
        return sum(_remove(con, each, scope, partition) for each in with_derived(table))


def _remove(
    con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str], partition: str
) -> int:
    con.execute('DELETE FROM failures WHERE asset = ? AND "partition" = ?', [table.name, partition])
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE staged AS
        SELECT 0::BIGINT AS number, 0::BIGINT AS place, {names(table.item + table.sent)}, {NO_ODD_ITEMS}
        FROM {table.name} LIMIT 0
        """  # noqa: S608
    )
    rows = scalar(
        con,
        f"SELECT count(*) FROM {table.name} WHERE {in_scope(table)}",  # noqa: S608
        scope,
    )
    if rows or _is_loaded(con, table, partition):
        now = datetime.now(UTC)
        record = LoadRecord(partition, "", started_at=now, fetched_at=now, end_reason="removed")
        nothing = ListToLoad(scope, (), record, dict.fromkeys(table.constants))
        record_loads(con, _replace(con, table, [nothing]))
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


def _replace(
    con: duckdb.DuckDBPyConnection,
    table: ListTable,
    lists: Sequence[ListToLoad],
    repaired: Mapping[int, int] | None = None,
) -> list[LoadEntry]:
    """Replace the rows of these lists by those in `staged`, and keep their history.

    Of rows with the same key the last wins, its values and its place; the others count as duplicates.
    `repaired` are the numbers of broken characters, by the list's number.
    """
    load_ids = begin_batch(con, table, lists)
    counts = count_items(con, table)
    if any(of_list.rejected for of_list in counts.values()):
        reject_items(con, table, lists)
    validate_ids(con, table)
    has_duplicates = any(of_list.duplicates for of_list in counts.values())
    if has_duplicates and table is SHOP_ARTICLES:
        unite_product_lists(con)
    deduplicate(con, table, has_duplicates=has_duplicates)
    compare(con, table)
    if table.moves:
        add_moves(con, table)
    changes = count_changes(con)
    if table.history is not None and changes:
        write_history(con, table, table.history)
    _write(con, table)
    entries: list[LoadEntry] = []
    for number, (to_load, load_id) in enumerate(zip(lists, load_ids, strict=True)):
        of_list = Counter(changes.get(number, {}))
        items = counts.get(number, ItemCounts())
        stats = LoadStats(
            load_id,
            items.rows,
            items.duplicates,
            added=of_list["added"],
            removed=of_list["removed"],
            changed=of_list["changed"] + of_list["moved"],
            rejected=items.rejected,
            unfit=items.unfit,
            repaired=(repaired or {}).get(number, 0),
        )
        entries.append(LoadEntry(table.name, to_load.record, stats))
    return entries


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
