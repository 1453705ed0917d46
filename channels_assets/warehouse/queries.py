"""What a refresh asks the warehouse: active shops and accounts, ages of lists, previews of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from channels_assets.warehouse.batch import ListToLoad
from channels_assets.warehouse.checks import Evidence, gather
from channels_assets.warehouse.column_types import ListTable
from channels_assets.warehouse.connection import in_scope, names, scalar
from channels_assets.warehouse.schema import get_meta, set_meta
from channels_assets.warehouse.tables import LIST_TABLES

CLOCK_SKEW_SECONDS = 300.0
"""How far the clocks of several machines may differ. The view list_freshness has the same number."""


@dataclass(frozen=True)
class PromoterKey:
    """An account linked to a shop, with what getshopmparticlelist wants of it."""

    shop_appid: str
    promoter_id: str
    promoter_type: int


@dataclass(frozen=True)
class ListAge:
    """A list's age in seconds since its last load, None if it was never loaded.

    Negative where the clock was ahead at that load. `error` is why its last attempt failed, None if
    it did not fail.
    """

    partition: str | None
    seconds: float | None
    error: str | None

    @property
    def is_from_future(self) -> bool:
        """Whether the load's clock was ahead by more than the clocks of several machines differ."""
        return self.seconds is not None and self.seconds < -CLOCK_SKEW_SECONDS


def rows_held(con: duckdb.DuckDBPyConnection, table: ListTable, scope: Mapping[str, str]) -> int:
    """How many rows the table has of this list as it was last loaded."""
    active = "is_active AND " if table.keeps_vanished else ""
    query = f"SELECT count(*) FROM {table.name} WHERE {active}{in_scope(table)}"  # noqa: S608
    return scalar(con, query, scope)


def active_shops(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The shop_appid of each shop in the latest list, in order."""
    rows = con.execute(
        "SELECT shop_appid FROM cooperating_shops WHERE is_active ORDER BY shop_appid"
    ).fetchall()
    return [str(row[0]) for row in rows]


def active_promoters(con: duckdb.DuckDBPyConnection) -> list[PromoterKey]:
    """The accounts that publish articles (types 4 公众号 and 5 服务号), in order of their keys.

    Only those in their shop's latest list whose shop is in the latest list of shops.
    """
    rows = con.execute(
        """
        SELECT shop_appid, promoter_id, promoter_type
        FROM shop_promoters p SEMI JOIN (FROM cooperating_shops WHERE is_active) s
        USING (shop_appid)
        WHERE p.is_active AND promoter_type IN (4, 5)
        ORDER BY ALL
        """
    ).fetchall()
    return [PromoterKey(str(shop), str(promoter), int(kind)) for shop, promoter, kind in rows]


def linked_account_types(con: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """The promoter_types of the accounts that are linked to shops now, and how many accounts have each."""
    rows = con.execute(
        """
        SELECT promoter_type, count(*)
        FROM shop_promoters p SEMI JOIN (FROM cooperating_shops WHERE is_active) s
        USING (shop_appid)
        WHERE p.is_active AND promoter_type IS NOT NULL
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    return {int(kind): int(count) for kind, count in rows}


def active_sharers(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The sharer_appid of each sharer in the latest list, in order."""
    rows = con.execute(
        "SELECT sharer_appid FROM sharers WHERE is_active ORDER BY sharer_appid"
    ).fetchall()
    return [str(row[0]) for row in rows]


def list_ages(
    con: duckdb.DuckDBPyConnection, asset: str, partitions: Sequence[str | None]
) -> list[ListAge]:
    """The ages of these lists, the oldest first; lists that were never loaded come before all."""
    rows = con.execute(
        """
        WITH wanted AS (SELECT unnest($partitions::VARCHAR[]) AS "partition"),
        last AS (
            SELECT "partition", max_by(finished_at, load_id) AS loaded_at FROM loads
            WHERE asset = $asset GROUP BY ALL HAVING max_by(end_reason, load_id) <> 'removed'
        ),
        failed AS (SELECT "partition", error FROM failures WHERE asset = $asset)
        SELECT wanted."partition", epoch(now()) - epoch(loaded_at) AS seconds, error
        FROM wanted
        LEFT JOIN last ON wanted."partition" IS NOT DISTINCT FROM last."partition"
        LEFT JOIN failed ON wanted."partition" IS NOT DISTINCT FROM failed."partition"
        ORDER BY seconds DESC NULLS FIRST, wanted."partition"
        """,
        {"asset": asset, "partitions": list(partitions)},
    ).fetchall()
    return [ListAge(*row) for row in rows]


def attempted_partitions(con: duckdb.DuckDBPyConnection, asset: str) -> set[str]:
    """The partitions that were loaded, or failed, since they were last added."""
    rows = con.execute(
        """
        SELECT "partition" FROM loads WHERE asset = $asset
        GROUP BY ALL HAVING max_by(end_reason, load_id) <> 'removed'
        UNION SELECT "partition" FROM failures WHERE asset = $asset
        """,
        {"asset": asset},
    ).fetchall()
    return {row[0] for row in rows}


def save_freshness_rules(con: duckdb.DuckDBPyConnection, hours: Mapping[str, float]) -> None:
    """Store how old the lists of each asset may be, for the views list_freshness and coverage."""
    for asset, limit in hours.items():
        key = f"fresh_hours.{asset}"
        if get_meta(con, key) != str(limit):
            set_meta(con, key, str(limit))


def preview(con: duckdb.DuckDBPyConnection, table: str, limit: int = 5) -> Evidence:
    """The first rows of a table that is one list, as text."""
    declared = LIST_TABLES[table]
    sql = f"SELECT {_short_columns(declared)} FROM {table} ORDER BY {names(declared.item)}"  # noqa: S608
    return gather(con, sql, {}, limit)


def previews(
    con: duckdb.DuckDBPyConnection, table: str, lists: Sequence[ListToLoad], limit: int = 5
) -> list[Evidence]:
    """The first rows of each of these lists, as text, without the columns that are the same in all."""
    declared = LIST_TABLES[table]
    scopes = ", ".join(f'unnest(${name}::VARCHAR[]) AS "{name}"' for name in declared.scope)
    result = con.execute(
        f"""
        WITH wanted AS (SELECT unnest(range($lists)) AS number, {scopes})
        SELECT number, {_short_columns(declared)}
        FROM {table} JOIN wanted USING ({names(declared.scope)})
        WHERE position <= {limit:d} ORDER BY number, position
        """,  # noqa: S608
        {
            "lists": len(lists),
            **{name: [each.scope[name] for each in lists] for name in declared.scope},
        },
    )
    columns = tuple(str(column[0]) for column in result.description or [])[1:]
    rows: dict[int, list[tuple[str, ...]]] = {number: [] for number in range(len(lists))}
    for number, *values in result.fetchall():
        rows[int(number)].append(tuple("" if value is None else str(value) for value in values))
    return [Evidence(columns, tuple(of_list), len(of_list)) for of_list in rows.values()]


def _short_columns(table: ListTable) -> str:
    """The columns of a preview: what differs from row to row and is short."""
    long = {column.name for column in table.columns if column.kind.type == "JSON"}
    columns = [*table.item, *(name for name in table.sent if name not in long)]
    return ", ".join(f'left("{name}"::VARCHAR, 80) AS "{name}"' for name in columns)
