"""Follow the changes of a list through time."""

from collections.abc import Mapping
from datetime import datetime

import duckdb

from channels_assets.warehouse.single import count
from channels_assets.warehouse.sql import in_scope, names, same_key
from channels_assets.warehouse.tables import ListTable


def follow(
    con: duckdb.DuckDBPyConnection,
    table: ListTable,
    history: str,
    scope: Mapping[str, str],
    fetched_at: datetime,
) -> None:
    """Close the history rows of what `diff` says is gone or different, and open new ones.

    Both happen at `fetched_at`, or a microsecond after the list's latest entry if that is later:
    a clock that stands still or runs back can't make periods overlap or vanish.
    """
    # As a number: DuckDB can hand out a TIMESTAMPTZ only with the help of pytz.
    moment = count(
        con,
        f"""
        SELECT epoch_us(greatest($fetched_at::TIMESTAMPTZ, max(greatest(valid_from, valid_to))
            + INTERVAL 1 MICROSECOND))
        FROM {history} WHERE {in_scope(table)}
        """,  # noqa: S608
        {**scope, "fetched_at": fetched_at},
    )
    con.execute(
        f"""
        UPDATE {history} AS old SET valid_to = make_timestamptz($moment)
        WHERE {in_scope(table)} AND valid_to IS NULL
        AND EXISTS (FROM diff WHERE {same_key(table, "old", "diff")})
        """,  # noqa: S608
        {**scope, "moment": moment},
    )
    columns = table.key + table.values + (("position",) if table.moves else ())
    con.execute(
        f"""
        INSERT INTO {history} ({names(columns)}, change, valid_from)
        SELECT {names(columns)}, change, make_timestamptz($moment)
        FROM fresh JOIN diff USING ({names(table.key)})
        WHERE change <> 'removed' ORDER BY position
        """,  # noqa: S608
        {"moment": moment},
    )
