"""Which partition keys of a run are still to be refreshed, when it goes on where an earlier attempt ended."""

from __future__ import annotations

from dagster import AssetExecutionContext, DagsterEventType, DagsterRun

from channels_assets.defs.dagster_internals import IS_RESUME_RETRY
from channels_assets.defs.names import key_beside
from channels_assets.warehouse import Store, loaded_partitions


def keys_to_refresh(context: AssetExecutionContext, store: Store, asset: str) -> list[str]:
    """The run's partition keys, less those that this run, or the run that it resumes, has loaded and
    recorded as materialized.

    A retry runs the whole body again; re-execution from failure runs the whole range again.
    """
    earlier = _resumed_runs(context)
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


def _resumed_runs(context: AssetExecutionContext) -> list[str]:
    run: DagsterRun | None = context.run
    runs = [context.run.run_id] if context.retry_number else []
    while run is not None and run.tags.get(IS_RESUME_RETRY) == "true" and run.parent_run_id:
        runs.append(run.parent_run_id)
        run = context.instance.get_run_by_id(run.parent_run_id)
    return runs
