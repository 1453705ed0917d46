"""The log of loads: what was pulled, and what became of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from channels_assets.warehouse.transaction import atomic


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


def new_load_id() -> str:
    """A fresh id; ids of later loads sort after those of earlier ones."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:12]}"


def record_loads(
    con: duckdb.DuckDBPyConnection, loads: Sequence[Load], loaded: Sequence[Loaded]
) -> None:
    """Write the rows of these loads; to be called within the transaction that writes their rows.

    The lists' last failures are over with it.
    """
    con.execute(
        """
        DELETE FROM failures WHERE EXISTS (
            FROM (SELECT unnest($assets::VARCHAR[]) AS asset, unnest($partitions::VARCHAR[]) AS list) l
            WHERE l.asset = failures.asset AND l.list IS NOT DISTINCT FROM failures."partition"
        )
        """,
        {"assets": [one.asset for one in loads], "partitions": [one.partition for one in loads]},
    )
    con.executemany(
        """
        INSERT INTO loads (
            load_id, asset, "partition", run_id, started_at, finished_at, pages, api_calls,
            "rows", duplicates, total_num, end_reason, resumed_pages
        ) VALUES (
            $load_id, $asset, $partition, $run_id, $started_at, $finished_at, $pages, $api_calls,
            $rows, $duplicates, $total_num, $end_reason, $resumed_pages
        )
        """,
        [
            {
                "load_id": done.load_id,
                "asset": load.asset,
                "partition": load.partition,
                "run_id": load.run_id,
                "started_at": load.started_at,
                "finished_at": datetime.now(UTC),
                "pages": load.pages,
                "api_calls": load.api_calls,
                "rows": done.rows,
                "duplicates": done.duplicates,
                "total_num": load.total_num,
                "end_reason": load.end_reason,
                "resumed_pages": load.resumed_pages,
            }
            for load, done in zip(loads, loaded, strict=True)
        ],
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
