"""Follow the changes of lists through time."""

import duckdb

from channels_assets.warehouse.batch import of_batch
from channels_assets.warehouse.columns import ListTable
from channels_assets.warehouse.connection import run
from channels_assets.warehouse.sql import names, same_key


def follow(con: duckdb.DuckDBPyConnection, table: ListTable, history: str) -> None:
    """Close the history rows of what `diff` says is gone or different, and open new ones.

    Both happen at the list's fetched_at, or a microsecond after its latest entry if that is later:
    a clock that stands still or runs back can't make periods overlap or vanish.
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
