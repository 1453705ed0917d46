"""The body of every partitioned asset: pull many lists at once, load each as it ends, report each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

import duckdb
from dagster import (
    AssetExecutionContext,
    AssetKey,
    DagsterEventType,
    DagsterRun,
    MetadataValue,
)
from dagster._core.storage.tags import RESUME_RETRY_TAG

from channels_assets.config import Settings
from channels_assets.defs.report import (
    FailedPartition,
    evidence_table,
    failure_of,
    materialization,
    observation,
    table_metadata,
    warehouse_failure,
)
from channels_assets.defs.resources import WarehouseResource
from channels_assets.defs.sources import source_key
from channels_assets.defs.stopping import stopping
from channels_assets.extract.pool import Outcome, pull_all
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.extract.staging import remove_leftovers
from channels_assets.warehouse import (
    ListLoad,
    Load,
    Loaded,
    Warehouse,
    columns,
    loaded_partitions,
    previews,
    record_failure,
)


@dataclass(frozen=True)
class RefreshPlan:
    """Which lists to pull, and how to load them; `problems` are partitions that can't be tried.

    `assets` are what a load fills, the one that pulls first. `to_load` makes of a partition's pages
    what `load` takes; that loads many lists in one transaction and returns, for each, what became
    of each of the assets.
    """

    assets: Sequence[str]
    tasks: Mapping[str, PullTask]
    problems: Mapping[str, Exception]
    to_load: Callable[[str, Pulled, Load], ListLoad]
    load: Callable[[duckdb.DuckDBPyConnection, Sequence[ListLoad]], Sequence[Sequence[Loaded]]]


@dataclass
class _Ended:
    """A list that ended: pulled and loaded, or the reason why not; `more` is metadata by asset."""

    key: str
    result: Pulled | Exception
    loaded: Mapping[str, Loaded] = field(default_factory=dict)
    more: dict[str, dict[str, MetadataValue]] = field(default_factory=dict)


def refresh(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    plan: RefreshPlan,
) -> None:
    """Records each partition as it is loaded; raises Failure at the end when some could not be."""
    with stopping() as stop:
        _refresh(context, warehouse, settings, plan, stop)


def _refresh(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    plan: RefreshPlan,
    stop: threading.Event,
) -> None:
    store = warehouse.open(settings)
    staging = warehouse.staging(settings)
    remove_leftovers(staging.folder, staging.now() - staging.resume_seconds)
    failed: list[FailedPartition] = []
    unknown = [Outcome(key, error) for key, error in plan.problems.items()]
    with closing(pull_all(plan.tasks, staging, settings.api.max_in_flight, stop)) as pulled:
        for batch in chain([unknown] if unknown else [], pulled):
            for ended in _load(context, store, plan, batch):
                if isinstance(ended.result, Exception):
                    failed.append(FailedPartition.of(ended.key, ended.result))
                _report(context, plan, ended)
            store.publish_if_due()
    store.publish()
    if failed:
        raise failure_of(plan.assets[0], failed, len(plan.tasks) + len(plan.problems))


def _report(context: AssetExecutionContext, plan: RefreshPlan, ended: _Ended) -> None:
    if isinstance(ended.result, Exception):
        why = FailedPartition.of(ended.key, ended.result)
        context.log.error(f"{plan.assets[0]} {ended.key}: {why.error}")
        for asset in plan.assets:
            context.log_event(observation(asset, why))
        return
    for asset, one in ended.loaded.items():
        took = ended.result if asset == plan.assets[0] else None
        context.log_event(materialization(asset, ended.key, one, took, ended.more[asset]))


def _load(
    context: AssetExecutionContext,
    store: Warehouse,
    plan: RefreshPlan,
    batch: Sequence[Outcome[str]],
) -> list[_Ended]:
    """Loads what was pulled in one turn at the warehouse."""
    pulled: dict[str, Pulled] = {}
    lists: dict[str, ListLoad] = {}
    for one in batch:
        if isinstance(one.result, Pulled):
            record = load_record(plan.assets[0], one.key, context.run.run_id, one.result)
            pulled[one.key] = one.result
            lists[one.key] = plan.to_load(one.key, one.result, record)
    try:
        with store.writing() as connection:
            ended = [
                _fail(context, connection, plan, one.key, one.result)
                for one in batch
                if isinstance(one.result, Exception)
            ]
            for key, loaded in _load_together(connection, plan, lists).items():
                if isinstance(loaded, Exception):
                    ended.append(_fail(context, connection, plan, key, loaded))
                else:
                    by_asset = dict(zip(plan.assets, loaded, strict=True))
                    ended.append(_Ended(key, pulled[key], by_asset))
            _describe(connection, plan, [one for one in ended if one.loaded], lists)
    finally:
        # What does not fit would not fit again: a retry asks the API anew.
        for one in pulled.values():
            one.staged.discard()
    return ended


def _load_together(
    connection: duckdb.DuckDBPyConnection, plan: RefreshPlan, lists: Mapping[str, ListLoad]
) -> dict[str, Sequence[Loaded] | Exception]:
    """All lists in one transaction; when that fails, each in its own: whatever is wrong with one
    must not keep the others from being loaded."""
    if not lists:
        return {}
    try:
        return dict(zip(lists, plan.load(connection, list(lists.values())), strict=True))
    except Exception as error:
        if len(lists) == 1:
            return dict.fromkeys(lists, error)
    done: dict[str, Sequence[Loaded] | Exception] = {}
    for key, one in lists.items():
        done.update(_load_together(connection, plan, {key: one}))
    return done


def _fail(
    context: AssetExecutionContext,
    connection: duckdb.DuckDBPyConnection,
    plan: RefreshPlan,
    key: str,
    error: Exception,
) -> _Ended:
    why = FailedPartition.of(key, error)
    for asset in plan.assets:
        record_failure(connection, warehouse_failure(asset, context.run.run_id, why))
    return _Ended(key, error)


def _describe(
    connection: duckdb.DuckDBPyConnection,
    plan: RefreshPlan,
    loaded: Sequence[_Ended],
    lists: Mapping[str, ListLoad],
) -> None:
    """A preview for each list. Columns and lineage go with the last load of a batch: the UI reads
    them off the newest one."""
    if not loaded:
        return
    for asset in plan.assets:
        shown = previews(connection, asset, [lists[one.key] for one in loaded])
        for one, rows in zip(loaded, shown, strict=True):
            one.more[asset] = {"preview": evidence_table(rows)}
        described = table_metadata(columns(connection, asset), source_key(asset))
        loaded[-1].more[asset].update(described)


def load_record(asset: str, partition: str | None, run_id: str, pulled: Pulled) -> Load:
    return Load(
        asset=asset,
        partition=partition,
        run_id=run_id,
        started_at=pulled.started_at,
        fetched_at=pulled.fetched_at,
        pages=pulled.pages,
        api_calls=pulled.api_calls,
        total_num=pulled.total_num,
        end_reason=pulled.end_reason,
        resumed_pages=pulled.resumed_pages,
    )


def keys_to_refresh(context: AssetExecutionContext, store: Warehouse, asset: str) -> list[str]:
    """The run's partition keys, less those that this run, or the one it resumes, has done already:
    loaded, and recorded as materialized.

    A retry runs the whole body again; re-execution from failure runs the whole range again.
    """
    earlier = _runs_resumed(context)
    if not earlier:
        return list(context.partition_keys)
    with store.writing() as connection:
        loaded = loaded_partitions(connection, asset, earlier)
    recorded = {
        event.partition
        for run_id in earlier
        for entry in context.instance.all_logs(run_id, DagsterEventType.ASSET_MATERIALIZATION)
        if (event := entry.get_dagster_event()).asset_key == AssetKey(asset)
    }
    return [key for key in context.partition_keys if key not in loaded & recorded]


def _runs_resumed(context: AssetExecutionContext) -> list[str]:
    run: DagsterRun | None = context.run
    runs = [context.run.run_id] if context.retry_number else []
    while run is not None and run.tags.get(RESUME_RETRY_TAG) == "true" and run.parent_run_id:
        runs.append(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return runs
