"""The log of loads: how each list was read, and what its load changed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import duckdb

from channels_assets.warehouse.column_types import TIME, Column
from channels_assets.warehouse.connection import atomic, names, run, scalar
from channels_assets.warehouse.log_tables import LOADS
from channels_assets.warehouse.schema import LOADS_WRITTEN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970. As a number, because DuckDB hands out a TIMESTAMPTZ only with the help of pytz."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class LoadRecord:
    """How one list was read, in the words of its row in `loads`. Times carry a zone.

    The default counts are those of a list that is derived from stored rows, without API calls.
    """

    partition: str | None
    run_id: str
    started_at: datetime
    fetched_at: datetime
    end_reason: str
    pages: int = 0
    api_calls: int = 0
    total_num: int | None = None
    resumed_pages: int = 0
    resumed_calls: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a time without a zone: it would be stored hours off."""
        if self.started_at.tzinfo is None or self.fetched_at.tzinfo is None:
            raise ValueError("started_at and fetched_at need a time zone")

    def without_calls(self) -> "LoadRecord":
        """The record of a list that is derived from this one."""
        return replace(self, pages=0, api_calls=0, total_num=None, resumed_pages=0, resumed_calls=0)


@dataclass(frozen=True)
class LoadStats:
    """What a load did to its table.

    `rows` are the list's rows without the `duplicates`. `added`, `removed` and `changed` compare
    them with the list before: new keys, gone keys, keys with another value (in windows also those
    that moved). `rejected` items have no usable id, `unfit` values no place in their columns, `repaired`
    characters were broken.
    """

    load_id: str
    rows: int
    duplicates: int
    added: int
    removed: int
    changed: int
    rejected: int = 0
    unfit: int = 0
    repaired: int = 0


class LoadEntry(NamedTuple):
    """What a row in `loads` is made from; `asset` is the name of the table."""

    asset: str
    record: LoadRecord
    stats: LoadStats


def new_load_ids(con: duckdb.DuckDBPyConnection, loads: int) -> list[str]:
    """Fresh ids, which sort after those of all earlier loads, whatever the clock said then or says now.

    To be called within the transaction that writes the rows: it counts the loads.
    """
    values = {"key": LOADS_WRITTEN, "loads": loads}
    run(
        con,
        "UPDATE meta SET value = (value::BIGINT + $loads)::VARCHAR WHERE key = $key",
        values,
    )
    last = scalar(con, "SELECT value::BIGINT FROM meta WHERE key = $key", {"key": LOADS_WRITTEN})
    numbers = range(last - loads + 1, last + 1)
    return [f"{number:012d}-{uuid.uuid4().hex[:12]}" for number in numbers]


def record_loads(con: duckdb.DuckDBPyConnection, entries: Sequence[LoadEntry]) -> None:
    """Write a row for each load, and delete the lists' last failures and earlier rejected items.

    To be called within the transaction that writes the lists.
    """
    finished_at = datetime.now(UTC)
    rows = [
        {"asset": asset, "finished_at": finished_at, **vars(record), **vars(stats)}
        for asset, record, stats in entries
    ]
    values: dict[str, list[Any]] = {
        column.name: [row[column.name] for row in rows] for column in LOADS.columns
    }
    run(
        con,
        """
        DELETE FROM failures WHERE EXISTS (
            FROM (SELECT unnest($assets::VARCHAR[]) AS asset, unnest($partitions::VARCHAR[]) AS list) l
            WHERE l.asset = failures.asset AND l.list IS NOT DISTINCT FROM failures."partition"
        )
        """,
        {"assets": values["asset"], "partitions": values["partition"]},
    )
    run(
        con,
        """
        DELETE FROM rejected_items old WHERE EXISTS (
            FROM (
                SELECT unnest($assets::VARCHAR[]) AS asset, unnest($partitions::VARCHAR[]) AS list,
                    unnest($load_ids::VARCHAR[]) AS load_id
            ) l
            WHERE l.asset = old.asset AND l.list IS NOT DISTINCT FROM old."partition"
            AND l.load_id <> old.load_id
        )
        """,
        {
            "assets": values["asset"],
            "partitions": values["partition"],
            "load_ids": values["load_id"],
        },
    )
    for column in LOADS.columns:
        if column.kind == TIME:
            values[column.name] = [microseconds(moment) for moment in values[column.name]]
    run(con, _INSERT_LOADS, values)


def _unnested(column: Column) -> str:
    if column.kind == TIME:
        return f"make_timestamptz(unnest(${column.name}::BIGINT[]))"
    return f"unnest(${column.name}::{column.kind.type}[])"


_INSERT_LOADS = (
    f"INSERT INTO loads ({names(column.name for column in LOADS.columns)}) "
    f"SELECT {', '.join(map(_unnested, LOADS.columns))}"
)


def loaded_partitions(
    con: duckdb.DuckDBPyConnection, asset: str, run_ids: Sequence[str]
) -> set[str]:
    """The partitions of this asset that any of these runs has loaded."""
    rows = con.execute(
        """
        SELECT DISTINCT "partition" FROM loads
        WHERE asset = ? AND list_contains(?::VARCHAR[], run_id) AND "partition" IS NOT NULL
        """,
        [asset, list(run_ids)],
    ).fetchall()
    return {str(row[0]) for row in rows}


def calls_of_last_loads(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """What reading every list again will cost: pages by asset, and by account for windows.

    Keys are (asset, account appid), with "" for assets of the agency.
    """
    rows = con.execute(
        """
        WITH last AS (
            SELECT asset, "partition", max_by(pages, load_id) AS pages FROM loads
            GROUP BY ALL HAVING max_by(end_reason, load_id) <> 'removed'
        ), accounts AS (SELECT DISTINCT "window", account_appid FROM window_products)
        SELECT asset, coalesce(account_appid, CASE asset WHEN 'window_products' THEN "partition" END, ''),
            sum(pages)::BIGINT
        FROM last LEFT JOIN accounts ON asset = 'window_products' AND "window" = "partition"
        GROUP BY ALL
        """
    ).fetchall()
    return {(asset, account): pages for asset, account, pages in rows}


@dataclass(frozen=True)
class Failure:
    """Why a list was not loaded."""

    asset: str
    partition: str | None
    run_id: str
    error_class: str
    error: str
    api_calls: int


def record_failure(con: duckdb.DuckDBPyConnection, failure: Failure) -> None:
    """Keep a list's last failure, in place of an earlier one."""
    of_list = [failure.asset, failure.partition]
    with atomic(con):
        con.execute(
            'DELETE FROM failures WHERE asset = ? AND "partition" IS NOT DISTINCT FROM ?', of_list
        )
        con.execute(
            """
            INSERT INTO failures
                (asset, "partition", run_id, failed_at, error_class, error, api_calls)
            VALUES (?, ?, ?, now(), ?, ?, ?)
            """,
            [*of_list, failure.run_id, failure.error_class, failure.error, failure.api_calls],
        )


def last_failure(
    con: duckdb.DuckDBPyConnection, asset: str, partition: str | None
) -> Failure | None:
    """The list's failure since its last load, if there was one."""
    rows = con.execute(
        """
        SELECT run_id, error_class, error, api_calls FROM failures
        WHERE asset = ? AND "partition" IS NOT DISTINCT FROM ?
        """,
        [asset, partition],
    ).fetchall()
    return Failure(asset, partition, *rows[0]) if rows else None
