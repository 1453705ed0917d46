"""The log of loads: what was pulled, and what became of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from channels_assets.warehouse.connection import atomic, run, scalar
from channels_assets.warehouse.schema import LOADS_WRITTEN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970. As a number, because DuckDB hands out a TIMESTAMPTZ only with the help of pytz."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Load:
    """One pull of one list, as its row in `loads` tells it. Times carry a zone."""

    asset: str
    partition: str | None
    run_id: str
    started_at: datetime
    fetched_at: datetime
    pages: int
    api_calls: int
    total_num: int | None
    end_reason: str
    resumed_pages: int

    def __post_init__(self) -> None:
        """Raises ValueError for a time without a zone: it would be stored hours off."""
        if self.started_at.tzinfo is None or self.fetched_at.tzinfo is None:
            raise ValueError("started_at and fetched_at need a time zone")


def load_without_calls(
    asset: str, partition: str, run_id: str, end_reason: str, at: datetime
) -> Load:
    """The load of a list that changes from what is stored, not from answers."""
    return Load(
        asset=asset,
        partition=partition,
        run_id=run_id,
        started_at=at,
        fetched_at=at,
        pages=0,
        api_calls=0,
        total_num=None,
        end_reason=end_reason,
        resumed_pages=0,
    )


@dataclass(frozen=True)
class Loaded:
    """What a load did to its table.

    `rows` are the list's rows without the `duplicates`. `added`, `removed` and `changed` compare
    them with the list before: new keys, gone keys, keys with another value (in windows also those
    that moved).
    """

    load_id: str
    rows: int
    duplicates: int
    added: int
    removed: int
    changed: int


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


def record_loads(
    con: duckdb.DuckDBPyConnection, loads: Sequence[Load], loaded: Sequence[Loaded]
) -> None:
    """Write the rows of these loads; to be called within the transaction that writes their rows.

    The lists' last failures are over with it.
    """
    run(
        con,
        """
        DELETE FROM failures WHERE EXISTS (
            FROM (SELECT unnest($assets::VARCHAR[]) AS asset, unnest($partitions::VARCHAR[]) AS list) l
            WHERE l.asset = failures.asset AND l.list IS NOT DISTINCT FROM failures."partition"
        )
        """,
        {"assets": [one.asset for one in loads], "partitions": [one.partition for one in loads]},
    )
    finished_us = microseconds(datetime.now(UTC))
    run(
        con,
        """
        INSERT INTO loads (
            load_id, asset, "partition", run_id, started_at, finished_at, pages, api_calls,
            "rows", duplicates, total_num, end_reason, resumed_pages
        )
        SELECT unnest($load_id::VARCHAR[]), unnest($asset::VARCHAR[]), unnest($partition::VARCHAR[]),
            unnest($run_id::VARCHAR[]), make_timestamptz(unnest($started_us::BIGINT[])),
            make_timestamptz($finished_us), unnest($pages::BIGINT[]), unnest($api_calls::BIGINT[]),
            unnest($rows::BIGINT[]), unnest($duplicates::BIGINT[]), unnest($total_num::BIGINT[]),
            unnest($end_reason::VARCHAR[]), unnest($resumed_pages::BIGINT[])
        """,
        {
            "load_id": [one.load_id for one in loaded],
            "asset": [one.asset for one in loads],
            "partition": [one.partition for one in loads],
            "run_id": [one.run_id for one in loads],
            "started_us": [microseconds(one.started_at) for one in loads],
            "finished_us": finished_us,
            "pages": [one.pages for one in loads],
            "api_calls": [one.api_calls for one in loads],
            "rows": [one.rows for one in loaded],
            "duplicates": [one.duplicates for one in loaded],
            "total_num": [one.total_num for one in loads],
            "end_reason": [one.end_reason for one in loads],
            "resumed_pages": [one.resumed_pages for one in loads],
        },
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
    """What reading every list once more will cost: pages by asset, and by account for windows.

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
