"""The body of every partitioned asset: pull many lists at once, load each as it ends, report each."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import duckdb
from dagster import (
    AssetExecutionContext,
    DagsterEventType,
    DagsterRun,
)

from channels_assets.config import Settings
from channels_assets.defs.assets.loading import Ended, Loading, load_batch
from channels_assets.defs.dagster_internals import IS_RESUME_RETRY, batched
from channels_assets.defs.events import (
    FailedPartition,
    evidence_table,
    failure_of,
    materialization,
    observation,
    table_metadata,
)
from channels_assets.defs.names import key_beside
from channels_assets.defs.ownership import require_owner
from channels_assets.defs.resources import WarehouseResource
from channels_assets.defs.source_assets import source_key
from channels_assets.extract.page_file import remove_leftovers
from channels_assets.extract.pool import Outcome, pull_all
from channels_assets.extract.prefetch import in_background
from channels_assets.extract.pull import PullTask
from channels_assets.warehouse import (
    LIST_TABLES,
    ListLoad,
    Store,
    loaded_partitions,
    previews,
)


@dataclass(frozen=True)
class RefreshPlan:
    """Which lists to pull and how to load them; `problems` are partitions that can't be tried."""

    tasks: Mapping[str, PullTask]
    problems: Mapping[str, Exception]
    loading: Loading

    @property
    def assets(self) -> Sequence[str]:
        return self.loading.assets


def refresh(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    plan: RefreshPlan,
    stop: threading.Event,
) -> None:
    """Records each partition as it is loaded; raises Failure at the end when some could not be."""
    store = warehouse.open(settings)
    require_owner(context, store, settings)
    staging = warehouse.staging(settings)
    remove_leftovers(staging.folder, *staging.resumable())
    in_flight = settings.api.max_in_flight
    with closing(pull_all(plan.tasks, staging, in_flight, stop)) as pulled:
        _refresh(context, store, plan, pulled, stop)


def _refresh(
    context: AssetExecutionContext,
    store: Store,
    plan: RefreshPlan,
    pulled: Generator[Sequence[Outcome[str]]],
    stop: threading.Event,
) -> None:
    def loaded() -> Generator[Sequence[Ended]]:
        unknown = [Outcome(key, error) for key, error in plan.problems.items()]
        for batch in chain([unknown] if unknown else [], pulled):
            with store.writing() as connection:
                done = load_batch(connection, context.run.run_id, plan.loading, batch)
                _describe(connection, plan, done.loaded)
            yield done.ended
            store.publish_if_due()

    failed: list[FailedPartition] = []
    # Recording goes on beside the next load.
    with closing(in_background(loaded(), stop)) as batches:
        for batch in batches:
            with batched(context.instance):
                for ended in batch:
                    if isinstance(ended.result, Exception):
                        failed.append(FailedPartition.of(ended.key, ended.result))
                    _report(context, plan, ended)
    store.publish()
    if failed:
        place = {key: number for number, key in enumerate([*plan.problems, *plan.tasks])}
        failed.sort(key=lambda one: place[one.partition])
        raise failure_of(plan.assets[0], failed, len(plan.tasks) + len(plan.problems))


def _report(context: AssetExecutionContext, plan: RefreshPlan, ended: Ended) -> None:
    if isinstance(ended.result, Exception):
        why = FailedPartition.of(ended.key, ended.result)
        context.log.error(f"{plan.assets[0]} {ended.key}: {why.error}")
        for asset in plan.assets:
            context.log_event(observation(key_beside(context, asset), why))
        return
    # The asset that pulls comes last: a list that has its event is done (keys_to_refresh), so a run
    # that is killed between two events leaves none out.
    for asset, one in reversed(list(ended.loaded.items())):
        took = ended.result if asset == plan.assets[0] else None
        key = key_beside(context, asset)
        context.log_event(materialization(key, ended.key, one, took, ended.more[asset]))


def _describe(
    connection: duckdb.DuckDBPyConnection,
    plan: RefreshPlan,
    loaded: Sequence[tuple[Ended, ListLoad]],
) -> None:
    """A preview for each list. Columns and lineage go with the last load of a batch: the UI reads
    them off the newest one."""
    if not loaded:
        return
    for asset in plan.assets:
        shown = previews(connection, asset, [one for _, one in loaded])
        for (ended, _), rows in zip(loaded, shown, strict=True):
            ended.more[asset] = {"preview": evidence_table(rows)}
        described = table_metadata(LIST_TABLES[asset], source_key(asset))
        loaded[-1][0].more[asset].update(described)


def keys_to_refresh(context: AssetExecutionContext, store: Store, asset: str) -> list[str]:
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
        if (event := entry.get_dagster_event()).asset_key == key_beside(context, asset)
    }
    return [key for key in context.partition_keys if key not in loaded & recorded]


def _runs_resumed(context: AssetExecutionContext) -> list[str]:
    run: DagsterRun | None = context.run
    runs = [context.run.run_id] if context.retry_number else []
    while run is not None and run.tags.get(IS_RESUME_RETRY) == "true" and run.parent_run_id:
        runs.append(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return runs
