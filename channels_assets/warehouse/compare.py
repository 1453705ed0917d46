"""Set a staged list against the stored one: temporary tables `fresh` and `diff`."""

from collections.abc import Mapping

import duckdb

from channels_assets.warehouse.moves import moved_items
from channels_assets.warehouse.single import count
from channels_assets.warehouse.sql import current, in_scope, names, same_key
from channels_assets.warehouse.tables import ListTable


def keep_last(con: duckdb.DuckDBPyConnection, table: ListTable) -> int:
    """Make the temporary table `fresh`: `staged` without duplicates, with positions from 1."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT {names(table.key + table.values)}, row_number() OVER (ORDER BY place) AS position
        FROM staged
        WHERE place IN (SELECT max(place) FROM staged GROUP BY {names(table.key)})
        """  # noqa: S608
    )
    return count(con, "SELECT (SELECT count(*) FROM staged) - (SELECT count(*) FROM fresh)")


def compare(con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str]) -> None:
    """Make the temporary table `diff`: the key and the kind of each difference."""
    differs = " OR ".join(
        f'old."{column}" IS DISTINCT FROM new."{column}"' for column in table.values
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE diff AS
        WITH old AS (SELECT *, TRUE AS was FROM {table.name} WHERE {current(table)}),
        new AS (SELECT *, TRUE AS "is" FROM fresh),
        compared AS (
            SELECT {names(table.key)}, CASE
                WHEN was IS NULL THEN 'added'
                WHEN "is" IS NULL THEN 'removed'
                WHEN {differs} THEN 'changed' END AS change
            FROM old FULL JOIN new USING ({names(table.key)})
        )
        SELECT * FROM compared WHERE change IS NOT NULL
        """,  # noqa: S608
        dict(scope),
    )


def find_moves(con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str]) -> None:
    """Add to `diff` the rows that stand elsewhere among those that are in both lists."""
    both = f"""
        FROM fresh new JOIN {table.name} old USING ({names(table.key)})
        WHERE {in_scope(table)}
    """
    # Nearly always the order is the same: only DuckDB looks at the rows then.
    backwards = count(
        con,
        f"""
        SELECT count(*) FILTER (back) FROM (
            SELECT old.position < lag(old.position) OVER (ORDER BY new.position) AS back {both}
        )
        """,  # noqa: S608
        scope,
    )
    if not backwards:
        return
    places = con.execute(
        f"SELECT old.position {both} ORDER BY new.position", dict(scope)
    ).fetchall()
    moved = moved_items([int(row[0]) for row in places])
    con.execute(
        f"""
        INSERT INTO diff
        SELECT {names(table.key)}, 'moved' {both}
        AND old.position IN (SELECT unnest($moved::BIGINT[]))
        AND NOT EXISTS (FROM diff WHERE {same_key(table, "diff", "new")})
        """,
        {**scope, "moved": moved},
    )
