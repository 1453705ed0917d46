"""The keys that this warehouse's data folder has added to Dagster's partition sets."""

from collections.abc import Sequence

import duckdb

from channels_assets.warehouse.transaction import atomic


def own_keys(con: duckdb.DuckDBPyConnection, partition_set: str) -> list[str]:
    rows = con.execute(
        'SELECT "partition" FROM partition_keys WHERE partition_set = ? ORDER BY "partition"',
        [partition_set],
    ).fetchall()
    return [str(row[0]) for row in rows]


def keep_keys(con: duckdb.DuckDBPyConnection, partition_set: str, keys: Sequence[str]) -> None:
    """Remembers keys as our own; those that already are stay so."""
    known = set(own_keys(con, partition_set))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if new:
        con.execute(
            "INSERT INTO partition_keys SELECT ?, unnest(?::VARCHAR[])", [partition_set, new]
        )


def drop_keys(con: duckdb.DuckDBPyConnection, partition_set: str, keys: Sequence[str]) -> None:
    if keys:
        with atomic(con):
            con.execute(
                'DELETE FROM partition_keys WHERE partition_set = ? AND "partition" IN '
                "(SELECT unnest(?::VARCHAR[]))",
                [partition_set, list(keys)],
            )
