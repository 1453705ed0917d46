"""WeChat's outcomes in Dagster's words: materializations, failures, and whose move it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from dagster import AssetMaterialization, Failure, MetadataValue

from channels_assets.extract.pull import Pulled
from channels_assets.warehouse import Loaded
from channels_assets.wechat.errors import TokenRejected, Transient, UnprovenEnd, WeChatError

FAILED_METADATA = "failed"
_NAMED_IN_TEXT = 20
_WORTH_A_RETRY = (Transient, TokenRejected, UnprovenEnd, OSError)

Metadata = Mapping[str, MetadataValue]


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
            worth_a_retry=isinstance(error, _WORTH_A_RETRY),
        )


def load_metadata(loaded: Loaded, pulled: Pulled | None) -> Metadata:
    """What a materialization tells: rows and changes, and what it took to read them."""
    seen = {
        "dagster/row_count": loaded.rows,
        "added": loaded.added,
        "removed": loaded.removed,
        "changed": loaded.changed,
        "duplicates": loaded.duplicates,
    }
    metadata: dict[str, MetadataValue] = {
        name: MetadataValue.int(count) for name, count in seen.items()
    }
    metadata["load_id"] = MetadataValue.text(loaded.load_id)
    if pulled is not None:
        metadata["pages"] = MetadataValue.int(pulled.pages)
        metadata["api_calls"] = MetadataValue.int(pulled.api_calls)
        metadata["resumed_pages"] = MetadataValue.int(pulled.resumed_pages)
        metadata["end_reason"] = MetadataValue.text(pulled.end_reason)
        metadata["seconds"] = MetadataValue.float(
            round((pulled.fetched_at - pulled.started_at).total_seconds(), 3)
        )
        if pulled.total_num is not None:
            metadata["total_num"] = MetadataValue.int(pulled.total_num)
    return metadata


def materialization(
    asset: str, partition: str, loaded: Loaded, pulled: Pulled | None
) -> AssetMaterialization:
    return AssetMaterialization(
        asset_key=asset, partition=partition, metadata=dict(load_metadata(loaded, pulled))
    )


def failure_of(asset: str, failed: list[FailedPartition], planned: int) -> Failure:
    """One Failure that names every failed partition and its reason."""
    lines = [f"{one.partition}: {one.error_class}: {one.error}" for one in failed[:_NAMED_IN_TEXT]]
    if len(failed) > _NAMED_IN_TEXT:
        lines.append(f"... and {len(failed) - _NAMED_IN_TEXT} more, in the metadata of this event.")
    return Failure(
        description=f"{asset}: {len(failed)} of {planned} lists were not refreshed; their rows are "
        "those of the last good load.\n" + "\n".join(lines),
        metadata={FAILED_METADATA: MetadataValue.json([asdict(one) for one in failed])},
        allow_retries=any(one.worth_a_retry for one in failed),
    )
