"""From pulled lists to loaded ones: many in one transaction, and the reason for each that was not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
from dagster import MetadataValue

from channels_assets.defs.events import FailedPartition, warehouse_failure
from channels_assets.extract.pool import Outcome
from channels_assets.extract.pull import Pulled
from channels_assets.warehouse import (
    ListLoad,
    Load,
    Loaded,
    lift_memory_limit,
    record_failure,
    retry_conflicts,
)


@dataclass(frozen=True)
class Loading:
    """How pulled lists are loaded.

    `assets` are what a load fills, the one that pulls first. `to_load` makes of a list's pages what
    `load` takes; that loads many lists in one transaction and returns, for each, what became of
    each of the assets.
    """

    assets: Sequence[str]
    to_load: Callable[[str, Pulled, Load], ListLoad]
    load: Callable[[duckdb.DuckDBPyConnection, Sequence[ListLoad]], Sequence[Sequence[Loaded]]]


@dataclass
class Ended:
    """A list that ended: pulled and loaded, or the reason why not; `more` is metadata by asset.

    `key` is its partition, "" where the asset is a single list.
    """

    key: str
    result: Pulled | Exception
    loaded: Mapping[str, Loaded] = field(default_factory=dict[str, Loaded])
    more: dict[str, dict[str, MetadataValue]] = field(
        default_factory=dict[str, dict[str, MetadataValue]]
    )


@dataclass(frozen=True)
class Batch:
    """Lists that ended together, and those of them that were loaded, as they were given to `load`."""

    ended: Sequence[Ended]
    loaded: Sequence[tuple[Ended, ListLoad]]


def load_batch(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    loading: Loading,
    outcomes: Sequence[Outcome[str]],
) -> Batch:
    """Loads what was pulled and keeps the reasons of what was not; the staged pages are gone then."""
    ended: list[Ended] = []
    lists: dict[str, ListLoad] = {}
    pulled: dict[str, Pulled] = {}
    try:
        for one in outcomes:
            if isinstance(one.result, Exception):
                ended.append(_fail(connection, run_id, loading, one.key, one.result))
                continue
            pulled[one.key] = one.result
            record = _load_record(loading.assets[0], one.key, run_id, one.result)
            lists[one.key] = loading.to_load(one.key, one.result, record)
        good: list[tuple[Ended, ListLoad]] = []
        for key, loaded in _load_together(connection, loading, lists).items():
            if isinstance(loaded, Exception):
                ended.append(_fail(connection, run_id, loading, key, loaded))
            else:
                by_asset = dict(zip(loading.assets, loaded, strict=True))
                good.append((Ended(key, pulled[key], by_asset), lists[key]))
        return Batch([*ended, *(one for one, _ in good)], good)
    finally:
        # What does not fit would not fit again: a retry asks the API anew.
        for one in pulled.values():
            one.staged.discard()


def _load_together(
    connection: duckdb.DuckDBPyConnection, loading: Loading, lists: Mapping[str, ListLoad]
) -> dict[str, Sequence[Loaded] | Exception]:
    """All lists in one transaction; when that fails, each in its own: whatever is wrong with one
    must not keep the others from being loaded."""
    if not lists:
        return {}
    try:
        try:
            loaded = retry_conflicts(loading.load, connection, list(lists.values()))
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            # No room for what doesn't fit into the memory, here or on the disk.
            lift_memory_limit(connection)
            loaded = retry_conflicts(loading.load, connection, list(lists.values()))
        return dict(zip(lists, loaded, strict=True))
    except Exception as error:
        if len(lists) == 1:
            return dict.fromkeys(lists, error)
    done: dict[str, Sequence[Loaded] | Exception] = {}
    for key, one in lists.items():
        done.update(_load_together(connection, loading, {key: one}))
    return done


def _fail(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    loading: Loading,
    key: str,
    error: Exception,
) -> Ended:
    for asset in loading.assets:
        why = FailedPartition.of(key or asset, error)
        record_failure(connection, warehouse_failure(asset, run_id, why))
    return Ended(key, error)


def _load_record(asset: str, key: str, run_id: str, pulled: Pulled) -> Load:
    return Load(
        asset=asset,
        partition=key or None,
        run_id=run_id,
        started_at=pulled.started_at,
        fetched_at=pulled.fetched_at,
        pages=pulled.pages,
        api_calls=pulled.api_calls,
        total_num=pulled.total_num,
        end_reason=pulled.end_reason,
        resumed_pages=pulled.resumed_pages,
    )
