"""Set staged lists against the stored ones: temporary tables `fresh` and `diff`."""

import duckdb

from channels_assets.warehouse.batch import of_batch
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.connection import run
from channels_assets.warehouse.moves import moved_items
from channels_assets.warehouse.sql import names, same_key


def keep_last(con: duckdb.DuckDBPyConnection, table: ListTable) -> dict[int, tuple[int, int]]:
    """Make the temporary table `fresh`: `staged` without duplicates, with positions from 1.

    Returns by number, for each list that is not empty, its rows in `fresh` and its duplicates.
    """
    given = "".join(f'"{name}", ' for name in (*table.scope, *table.constants))
    counted = run(
        con,
        f"""
        SELECT number, count(*), sum(times)::BIGINT - count(*) FROM (
            SELECT number, count(*) AS times FROM staged GROUP BY number, {names(table.item)}
        ) GROUP BY number
        """,  # noqa: S608
    ).fetchall()
    sizes = {int(number): (int(rows), int(twice)) for number, rows, twice in counted}
    repeated = any(duplicates for _, duplicates in sizes.values())
    last = f"SELECT number, max(place) AS place FROM staged GROUP BY number, {names(table.item)}"  # noqa: S608
    run(
        con,
        f"""
        CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT number, place, {given} {names(table.item + table.sent)}, position
        FROM staged JOIN (
            SELECT number, place, row_number() OVER (PARTITION BY number ORDER BY place) AS position
            FROM {f"({last})" if repeated else "staged"}
        ) USING (number, place) JOIN batch USING (number)
        """,  # noqa: S608
    )
    return sizes


def compare(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    """Make the temporary table `diff`: the list's number, the key, the place in `fresh` (if it is there) and the
    kind of each difference."""
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


def find_moves(con: duckdb.DuckDBPyConnection, table: ListTable) -> None:
    """Add to `diff` the rows that stand elsewhere among those that are in both lists."""
    both = f"FROM fresh new JOIN {table.name} old USING ({names(table.key)})"
    # Nearly always the order is the same: only DuckDB looks at the rows then.
    backwards = run(
        con,
        f"""
        SELECT DISTINCT number FROM (
            SELECT number, old.position < lag(old.position)
                OVER (PARTITION BY number ORDER BY new.position) AS back {both}
        ) WHERE back ORDER BY number
        """,  # noqa: S608
    ).fetchall()
    for (number,) in backwards:
        places = con.execute(
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
            {"number": number, "moved": moved_items([int(row[0]) for row in places])},
        )


def count_changes(con: duckdb.DuckDBPyConnection) -> dict[int, dict[str, int]]:
    """How many differences of which kind `diff` has, by the number of the list."""
    changes: dict[int, dict[str, int]] = {}
    for number, change, rows in run(
        con, "SELECT number, change, count(*) FROM diff GROUP BY ALL"
    ).fetchall():
        changes.setdefault(int(number), {})[str(change)] = int(rows)
    return changes
