"""The table `partition_keys`: the keys that this warehouse's data folder has added to Dagster.

A file of its own, though small: only these keys may ever be removed from a Dagster instance, which
may hold the keys of others as well.
"""

from collections.abc import Sequence

import duckdb

from channels_assets.warehouse.connection import atomic


def own_partition_keys(con: duckdb.DuckDBPyConnection, partition_set: str) -> list[str]:
    """The keys of this partition set that are ours, in order."""
    rows = con.execute(
        'SELECT "partition" FROM partition_keys WHERE partition_set = ? ORDER BY "partition"',
        [partition_set],
    ).fetchall()
    return [str(row[0]) for row in rows]


def add_partition_keys(
    con: duckdb.DuckDBPyConnection, partition_set: str, keys: Sequence[str]
) -> None:
    """Store keys as ours; those that already are stay so."""
    known = set(own_partition_keys(con, partition_set))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if new:
        con.execute(
            "INSERT INTO partition_keys SELECT ?, unnest(?::VARCHAR[])", [partition_set, new]
        )


def remove_partition_keys(
    con: duckdb.DuckDBPyConnection, partition_set: str, keys: Sequence[str]
) -> None:
    """Store that these keys are no longer ours."""
    if keys:
        with atomic(con):
            con.execute(
                'DELETE FROM partition_keys WHERE partition_set = ? AND "partition" IN '
                "(SELECT unnest(?::VARCHAR[]))",
                [partition_set, list(keys)],
            )
