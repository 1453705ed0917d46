"""The body of every partitioned asset: pull many lists at once, load each as it ends, report each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb
from dagster import AssetExecutionContext, DagsterRun
from dagster._core.storage.tags import RESUME_RETRY_TAG

from channels_assets.config import Settings
from channels_assets.defs.report import FailedPartition, failure_of, materialization
from channels_assets.defs.resources import WarehouseResource
from channels_assets.extract.pool import Outcome, pull_all
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.extract.staging import remove_leftovers
from channels_assets.warehouse import Load, Loaded, Warehouse, loaded_partitions

Loader = Callable[[duckdb.DuckDBPyConnection, str, Pulled, Load], Mapping[str, Loaded]]


@dataclass(frozen=True)
class RefreshPlan:
    """Which lists to pull, and how to load one; `problems` are partitions that can't be tried.

    `asset` is the one that pulls; `load` returns what was loaded, by asset name.
    """

    asset: str
    tasks: Mapping[str, PullTask]
    problems: Mapping[str, Exception]
    load: Loader


def refresh(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    plan: RefreshPlan,
) -> None:
    """Records each partition as it is loaded; raises Failure at the end when some could not be."""
    store = warehouse.open(settings)
    staging = warehouse.staging(settings)
    remove_leftovers(staging.folder, staging.now() - staging.resume_seconds)
    failed = [FailedPartition.of(key, error) for key, error in plan.problems.items()]
    for batch in pull_all(plan.tasks, staging, settings.api.max_in_flight):
        for key, result in _load(context, store, plan, batch):
            if isinstance(result, Exception):
                failed.append(FailedPartition.of(key, result))
                context.log.error(f"{plan.asset} {key}: {failed[-1].error}")
                continue
            pulled, loaded = result
            for asset, one in loaded.items():
                took = pulled if asset == plan.asset else None
                context.log_event(materialization(asset, key, one, took))
        store.publish_if_due()
    store.publish()
    if failed:
        raise failure_of(plan.asset, failed, len(plan.tasks) + len(plan.problems))


def _load(
    context: AssetExecutionContext,
    store: Warehouse,
    plan: RefreshPlan,
    batch: list[Outcome[str]],
) -> list[tuple[str, Exception | tuple[Pulled, Mapping[str, Loaded]]]]:
    """Loads what was pulled, each list in a transaction of its own, in one turn at the warehouse."""
    results: list[tuple[str, Exception | tuple[Pulled, Mapping[str, Loaded]]]] = []
    with store.writing() as connection:
        for outcome in batch:
            pulled = outcome.result
            if isinstance(pulled, Exception):
                results.append((outcome.key, pulled))
                continue
            record = load_record(plan.asset, outcome.key, context.run.run_id, pulled)
            try:
                loaded = plan.load(connection, outcome.key, pulled, record)
                results.append((outcome.key, (pulled, loaded)))
            except duckdb.Error as error:
                results.append((outcome.key, error))
            pulled.staged.discard()
    return results


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
    """The run's partition keys, less those that this run, or the one it resumes, has loaded already.

    A retry runs the whole body again; re-execution from failure runs the whole range again.
    """
    earlier = _runs_resumed(context)
    if not earlier:
        return list(context.partition_keys)
    with store.writing() as connection:
        done = loaded_partitions(connection, asset, earlier)
    return [key for key in context.partition_keys if key not in done]


def _runs_resumed(context: AssetExecutionContext) -> list[str]:
    run: DagsterRun | None = context.run
    runs = [context.run.run_id] if context.retry_number else []
    while run is not None and run.tags.get(RESUME_RETRY_TAG) == "true" and run.parent_run_id:
        runs.append(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return runs
