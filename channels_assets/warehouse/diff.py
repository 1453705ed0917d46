"""Compare lists that were read with the stored ones, and write the differences to the history.

In temporary tables: `staged` has the items of the pages, `fresh` the same without duplicates, `diff`
the differences between `fresh` and the stored rows.
"""

from bisect import bisect_left
from collections.abc import Sequence

import duckdb

from channels_assets.warehouse.batch import of_batch
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import names, run, same_key


def deduplicate(con: duckdb.DuckDBPyConnection, table: ListTable, *, has_duplicates: bool) -> None:
    """Make the temporary table `fresh`: `staged` without duplicates, with positions from 1.

    Of items with the same key the last one stays.
    """
    per_list = "".join(f'"{name}", ' for name in (*table.scope, *table.constants))
    last = f"SELECT number, max(place) AS place FROM staged GROUP BY number, {names(table.item)}"  # noqa: S608
    run(
        con,
        f"""
        CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT number, place, {per_list} {names(table.item + table.sent)}, position
        FROM staged JOIN (
            SELECT number, place, row_number() OVER (PARTITION BY number ORDER BY place) AS position
            FROM {f"({last})" if has_duplicates else "staged"}
        ) USING (number, place) JOIN batch USING (number)
        """,  # noqa: S608
    )


def compare(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    """Make the temporary table `diff`: the list's number, the key, the place in `fresh` (NULL for a
    removed row) and the kind of each difference: added, removed or changed."""
    differs = " OR ".join(
        f'old."{column}" IS DISTINCT FROM new."{column}"' for column in table.values
    )
    run(
        con,
        f"""
        CREATE OR REPLACE TEMP TABLE diff AS
        WITH old AS (
            SELECT *, TRUE AS was {of_batch(table, table.name)}
            {"WHERE is_active" if table.keeps_vanished else ""}
        ), new AS (SELECT *, TRUE AS "is" FROM fresh),
        compared AS (
            SELECT number, {names(table.key)}, place, CASE
                WHEN was IS NULL THEN 'added'
                WHEN "is" IS NULL THEN 'removed'
                WHEN {differs} THEN 'changed' END AS change
            FROM old FULL JOIN new USING (number, {names(table.key)})
        )
        SELECT * FROM compared WHERE change IS NOT NULL
        """,  # noqa: S608
    )


def add_moves(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    """Add to `diff` the rows that moved: among the rows of both lists, their order is another one."""
    both = f"FROM fresh new JOIN {table.name} old USING ({names(table.key)})"
    # In nearly every list the order is the same, and its positions need not be fetched.
    reordered = run(
        con,
        f"""
        SELECT DISTINCT number FROM (
            SELECT number, old.position < lag(old.position)
                OVER (PARTITION BY number ORDER BY new.position) AS back {both}
        ) WHERE back ORDER BY number
        """,  # noqa: S608
    ).fetchall()
    for (number,) in reordered:
        positions = con.execute(
            f"SELECT old.position {both} WHERE number = ? ORDER BY new.position",
            [number],
        ).fetchall()
        con.execute(
            f"""
            INSERT INTO diff
            SELECT number, {names(table.key)}, place, 'moved' {both}
            WHERE number = $number AND old.position IN (SELECT unnest($moved::BIGINT[]))
            AND NOT EXISTS (FROM diff WHERE {same_key(table, "diff", "new")})
            """,
            {
                "number": number,
                "moved": moved_positions([int(position) for (position,) in positions]),
            },
        )


def moved_positions(positions: Sequence[int]) -> list[int]:
    """The smallest set of items whose removal leaves the others in their old order.

    `positions`: the old positions, all different, in the new order. Returns old positions. Of several
    sets of the same size the result is always the same one. The items that stay are the longest
    increasing subsequence, found by patience sorting in time n log n.
    """
    # By length of a subsequence: its smallest last position, and the index of that item.
    ends: list[int] = []
    end_at: list[int] = []
    previous: list[int] = []
    for index, position in enumerate(positions):
        length = bisect_left(ends, position)
        previous.append(end_at[length - 1] if length else -1)
        if length == len(ends):
            ends.append(position)
            end_at.append(index)
        else:
            ends[length] = position
            end_at[length] = index
    stayed: set[int] = set()
    index = end_at[-1] if end_at else -1
    while index >= 0:
        stayed.add(positions[index])
        index = previous[index]
    return [position for position in positions if position not in stayed]


def count_changes(con: duckdb.DuckDBPyConnection) -> dict[int, dict[str, int]]:
    """The number of differences of each kind in `diff`, by the list's number."""
    changes: dict[int, dict[str, int]] = {}
    for number, change, rows in run(
        con, "SELECT number, change, count(*) FROM diff GROUP BY ALL"
    ).fetchall():
        changes.setdefault(int(number), {})[str(change)] = int(rows)
    return changes


def write_history(con: duckdb.DuckDBPyConnection, table: ListTable, history: str) -> None:
    """Close the history rows of what `diff` says is removed or different, and open new ones.

    Both happen at the list's fetched_at, or a microsecond after its latest history row if that is
    later: a clock that stands still or was set back can't make periods overlap or vanish.
    """
    run(
        con,
        f"""
        CREATE OR REPLACE TEMP TABLE moments AS
        WITH latest AS (
            SELECT number, max(epoch_us(greatest(valid_from, valid_to))) AS us
            {of_batch(table, history)} SEMI JOIN diff USING (number) GROUP BY number
        )
        SELECT number, make_timestamptz(greatest(fetched_us, us + 1)) AS moment
        FROM batch LEFT JOIN latest USING (number) SEMI JOIN diff USING (number)
        """,  # noqa: S608
    )
    run(
        con,
        f"""
        UPDATE {history} AS old SET valid_to = moment
        FROM diff JOIN moments USING (number)
        WHERE valid_to IS NULL AND {same_key(table, "old", "diff")}
        """,  # noqa: S608
    )
    columns = table.key + table.values + (("position",) if table.moves else ())
    run(
        con,
        f"""
        INSERT INTO {history} ({names(columns)}, change, valid_from)
        SELECT {names(columns)}, change, moment
        FROM fresh JOIN (SELECT number, place, change FROM diff) USING (number, place)
        JOIN moments USING (number)
        """,  # noqa: S608
    )
