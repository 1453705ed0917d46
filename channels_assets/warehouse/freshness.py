"""How old each list is, and why: what Dagster's own freshness, one verdict for an asset, can't tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from channels_assets.warehouse.schema import get_meta, set_meta

CLOCKS_DIFFER_SECONDS = 300.0
"""By how much the clocks of several machines may differ. The view list_freshness has the same number."""


@dataclass(frozen=True)
class ListAge:
    """A list's age in seconds since its last load, None if it was never loaded.

    Negative where the clock was ahead at that load. `error` is why its last attempt failed, None if
    it did not.
    """

    partition: str | None
    seconds: float | None
    error: str | None

    @property
    def is_from_future(self) -> bool:
        """Whether a clock was ahead, by more than the clocks of several machines differ."""
        return self.seconds is not None and self.seconds < -CLOCKS_DIFFER_SECONDS


def list_ages(
    con: duckdb.DuckDBPyConnection, asset: str, partitions: Sequence[str | None]
) -> list[ListAge]:
    """The ages of these lists, the oldest first; lists that were never read come before all."""
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


def lists_tried(con: duckdb.DuckDBPyConnection, asset: str) -> set[str]:
    """The partitions that were loaded or failed since they were last added."""
    rows = con.execute(
        """
        SELECT "partition" FROM loads WHERE asset = $asset
        GROUP BY ALL HAVING max_by(end_reason, load_id) <> 'removed'
        UNION SELECT "partition" FROM failures WHERE asset = $asset
        """,
        {"asset": asset},
    ).fetchall()
    return {row[0] for row in rows}


def keep_promises(con: duckdb.DuckDBPyConnection, hours: Mapping[str, float]) -> None:
    """Keep how old the lists of each asset may be, for the views list_freshness and coverage."""
    for asset, most in hours.items():
        key = f"fresh_hours.{asset}"
        if get_meta(con, key) != str(most):
            set_meta(con, key, str(most))
