"""Dagster's own bookkeeping: runs of assets that do nothing but record the same partitions.

The same instance settings, runs and events as a refresh, without calls, rows and metadata. Events
are written one by one where the instance has Dagster's own event log, together where it has ours.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    DagsterInstance,
    Definitions,
    DynamicPartitionsDefinition,
    asset,
    define_asset_job,
    in_process_executor,
    multi_asset,
)
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from channels_assets.defs.dagster_internals import batched

_BATCH = 30
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


DISCOVERED = ("cooperating_shops", "sharers", "shop_promoters")


def discovery() -> Definitions:
    def recording(name: str) -> AssetsDefinition:
        @asset(name=name)
        def record() -> None:
            """Its materialization is all there is to it."""

        return record

    assets = [recording(name) for name in DISCOVERED]
    job = define_asset_job("record_discovery", assets)
    return Definitions(assets, jobs=[job], executor=in_process_executor)


def definitions(name: str, assets: tuple[str, ...]) -> Definitions:
    lists = DynamicPartitionsDefinition(name=name)

    @multi_asset(
        name=name,
        specs=[AssetSpec(item, partitions_def=lists, skippable=True) for item in assets],
        backfill_policy=BackfillPolicy.single_run(),
    )
    def record(context: AssetExecutionContext) -> Iterator[Any]:
        yield from ()
        keys = context.partition_keys
        for first in range(0, len(keys), _BATCH):
            with batched(context.instance):
                for key in keys[first : first + _BATCH]:
                    for item in assets:
                        context.log_event(AssetMaterialization(item, partition=key))

    job = define_asset_job(f"record_{name}", [record])
    return Definitions([record], jobs=[job], executor=in_process_executor)


def record(instance: DagsterInstance, name: str, assets: tuple[str, ...], partitions: int) -> None:
    keys = [f"wxshop{n:010d}/{n:010d}/wxsharer00000000" for n in range(partitions)]
    instance.add_dynamic_partitions(name, keys)
    job = definitions(name, assets).resolve_job_def(f"record_{name}")
    tags = {ASSET_PARTITION_RANGE_START_TAG: keys[0], ASSET_PARTITION_RANGE_END_TAG: keys[-1]}
    with batched(instance):
        run = instance.create_run_for_job(job, tags=tags, run_config=_QUIET)
    assert execute_run(InMemoryJob(job), run, instance).success


def main() -> None:
    home, windows, lists = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    started = time.perf_counter()
    with DagsterInstance.from_config(str(home)) as instance:
        if lists:
            job = discovery().resolve_job_def("record_discovery")
            run = instance.create_run_for_job(job, run_config=_QUIET)
            assert execute_run(InMemoryJob(job), run, instance).success
        if windows:
            record(instance, "windows", ("window_products",), windows)
        if lists:
            record(instance, "lists", ("shop_articles", "article_products"), lists)
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started}) + "\n")


if __name__ == "__main__":
    main()
