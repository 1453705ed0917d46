"""Dagster's events for what became of lists: materializations, observations, one Failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    Failure,
    MetadataValue,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableRecord,
    TableSchema,
)

from channels_assets import warehouse
from channels_assets.extract.pull import Pulled
from channels_assets.warehouse import Evidence, ListTable, LoadStats
from channels_assets.wechat.errors import Transient, UnconfirmedEnd, UnprovenEnd, WeChatError

FAILED_METADATA = "failed"
FAILED_AFTER_CALLS = "failed_after_calls"
_NAMED_IN_TEXT = 20
_WORTH_A_RETRY = (Transient, UnprovenEnd, OSError, duckdb.OperationalError)

Metadata = Mapping[str, MetadataValue[Any]]


@dataclass(frozen=True)
class FailedPartition:
    """A partition that was not refreshed; its rows are those of its last good load."""

    partition: str
    error: str
    error_class: str
    api_calls: int
    worth_a_retry: bool

    @classmethod
    def of(cls, partition: str, error: Exception) -> FailedPartition:
        return cls(
            partition=partition,
            error=str(error) or repr(error),
            error_class=type(error).__name__,
            api_calls=error.api_calls if isinstance(error, WeChatError) else 0,
            worth_a_retry=_is_worth_a_retry(error),
        )


def _is_worth_a_retry(error: Exception) -> bool:
    """Whether another try of the asset, in the same run, may help.

    One layer of retries a fault: not where the client has tried the call again already.
    """
    if isinstance(error, WeChatError) and error.tries > 1:
        return False
    return isinstance(error, _WORTH_A_RETRY) and not isinstance(error, UnconfirmedEnd)


def load_metadata(stats: LoadStats, pulled: Pulled | None) -> Metadata:
    """The metadata of a materialization: rows and changes, and the calls and time it took to read them."""
    counts = {
        "dagster/row_count": stats.rows,
        "added": stats.added,
        "removed": stats.removed,
        "changed": stats.changed,
        "duplicates": stats.duplicates,
        "rejected": stats.rejected,
    }
    # Events are kept for weeks: what is nearly always 0 is left out.
    odd = {"unfit": stats.unfit, "repaired": stats.repaired}
    counts |= {name: count for name, count in odd.items() if count}
    metadata: dict[str, MetadataValue] = {
        name: MetadataValue.int(count) for name, count in counts.items()
    }
    metadata["load_id"] = MetadataValue.text(stats.load_id)
    if pulled is not None:
        metadata["pages"] = MetadataValue.int(pulled.pages)
        metadata["api_calls"] = MetadataValue.int(pulled.api_calls)
        metadata["resumed_calls"] = MetadataValue.int(pulled.resumed_calls)
        metadata["resumed_pages"] = MetadataValue.int(pulled.resumed_pages)
        metadata["end_reason"] = MetadataValue.text(pulled.end_reason)
        metadata["seconds"] = MetadataValue.float(
            round((pulled.fetched_at - pulled.started_at).total_seconds(), 3)
        )
        if pulled.total_num is not None:
            metadata["total_num"] = MetadataValue.int(pulled.total_num)
    return metadata


def materialization(
    key: AssetKey, partition: str, stats: LoadStats, pulled: Pulled | None, more: Metadata
) -> AssetMaterialization:
    return AssetMaterialization(
        asset_key=key,
        partition=partition,
        metadata={**load_metadata(stats, pulled), **more},
    )


def evidence_table(found: Evidence) -> MetadataValue:
    """Rows of a query as the UI shows tables."""
    return MetadataValue.table(
        [TableRecord(dict(zip(found.columns, row, strict=True))) for row in found.rows],
        TableSchema([TableColumn(name, "string") for name in found.columns]),
    )


def table_metadata(table: ListTable, source: AssetKey) -> Metadata:
    """Columns with their comments, and which field of the API each comes from."""
    lineage = {
        column.name: [TableColumnDep(source, field)]
        for column in table.columns
        if (field := table.api_field(column)) is not None
    }
    schema = TableSchema(
        [
            TableColumn(column.name, column.kind.type, table.comment_of(column))
            for column in table.columns
        ]
    )
    return {
        "dagster/column_schema": MetadataValue.table_schema(schema),
        "dagster/column_lineage": MetadataValue.column_lineage(TableColumnLineage(lineage)),
    }


def warehouse_failure(asset: str, run_id: str, failed: FailedPartition) -> warehouse.Failure:
    partition = None if failed.partition == asset else failed.partition
    return warehouse.Failure(
        asset, partition, run_id, failed.error_class, failed.error, failed.api_calls
    )


def observation(key: AssetKey, failed: FailedPartition) -> AssetObservation:
    """The failure, to be seen on the page of its partition."""
    return AssetObservation(
        asset_key=key,
        partition=failed.partition,
        description=f"{failed.error_class}: {failed.error}",
        metadata={
            "error": failed.error,
            "error_class": failed.error_class,
            FAILED_AFTER_CALLS: failed.api_calls,
        },
    )


def failure_of(asset: str, failed: list[FailedPartition], planned: int) -> Failure:
    """One Failure that names every failed partition and its reason."""
    lines = [
        f"{each.partition}: {each.error_class}: {each.error}" for each in failed[:_NAMED_IN_TEXT]
    ]
    if len(failed) > _NAMED_IN_TEXT:
        lines.append(f"... and {len(failed) - _NAMED_IN_TEXT} more, in the metadata of this event.")
    return Failure(
        description=f"{asset}: {len(failed)} of {planned} lists were not refreshed; their rows are "
        "those of the last good load.\n" + "\n".join(lines),
        metadata={FAILED_METADATA: MetadataValue.json([asdict(each) for each in failed])},
        allow_retries=any(each.worth_a_retry for each in failed),
    )
