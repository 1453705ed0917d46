"""A refresh as a sequence of Dagster runs on one instance: discover, windows, articles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    EventLogEntry,
    MetadataValue,
)

from channels_assets.defs.active_runs import locked_run
from channels_assets.defs.dagster_internals import (
    PARTITION_RANGE_END,
    PARTITION_RANGE_START,
    execute_job,
    new_run_id,
)
from channels_assets.defs.events import FAILED_METADATA, FailedPartition
from channels_assets.defs.names import (
    ARTICLE_ASSETS,
    DISCOVER,
    DISCOVERY,
    PULLING,
    REFRESH_ARTICLES,
    REFRESH_WINDOWS,
    WINDOW_ASSETS,
    Names,
)
from channels_assets.defs.partition_sync import own_lists
from channels_assets.defs.partitions import stretches
from channels_assets.warehouse import Store

MODULE = "channels_assets.definitions"
"""The code location, in which the UI finds the jobs of runs again."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class AssetResult:
    """What became of one asset: partitions planned, succeeded and failed, and what was read."""

    planned: list[str]
    succeeded: set[str] = field(default_factory=set)
    failed: dict[str, FailedPartition] = field(default_factory=dict)
    rows: int = 0
    pages: int = 0
    api_calls: int = 0


Progress = Callable[[str, AssetResult], None]


class Refresh:
    """Runs jobs of `definitions` on `instance` and gathers what became of each partition.

    Raises KeyboardInterrupt when it was asked to stop.
    """

    def __init__(
        self,
        definitions: Definitions,
        instance: DagsterInstance,
        store: Store,
        names: Names,
        progress: Progress,
        asked_to_stop: Callable[[], bool],
    ) -> None:
        self._asked_to_stop = asked_to_stop
        self._definitions = definitions
        self._instance = instance
        self._store = store
        self._names = names
        self._progress = progress
        self.results: dict[str, AssetResult] = {}
        self.check_problems: list[str] = []

    def discover(self, assets: Collection[str]) -> None:
        chosen = [name for name in DISCOVERY if name in assets]
        if chosen:
            self._run(DISCOVER, chosen, {name: [name] for name in chosen}, {})

    def windows(self, assets: Collection[str], keys: Collection[str] | None) -> None:
        self._partitioned(REFRESH_WINDOWS, self._names.windows, WINDOW_ASSETS, assets, keys)

    def articles(self, assets: Collection[str], keys: Collection[str] | None) -> None:
        lists = self._names.article_lists
        self._partitioned(REFRESH_ARTICLES, lists, ARTICLE_ASSETS, assets, keys)

    def _partitioned(
        self,
        job: str,
        partitions: str,
        of_job: Sequence[str],
        assets: Collection[str],
        keys: Collection[str] | None,
    ) -> None:
        chosen = [name for name in of_job if name in assets]
        if not chosen:
            return
        known = self._instance.get_dynamic_partitions(partitions)
        own = set(own_lists(self._instance, self._store, partitions))
        for name in chosen:
            self.results.setdefault(name, AssetResult([]))
        for stretch in stretches(known, own if keys is None else own & set(keys)):
            tags = {
                PARTITION_RANGE_START: stretch[0],
                PARTITION_RANGE_END: stretch[-1],
            }
            self._run(job, chosen, dict.fromkeys(chosen, stretch), tags)

    def _run(
        self,
        job: str,
        assets: Sequence[str],
        planned: dict[str, list[str]],
        tags: dict[str, str],
    ) -> None:
        for name in assets:
            result = self.results.setdefault(name, AssetResult([]))
            result.planned.extend(planned[name])
            self._progress(name, result)
        run_id = new_run_id()
        with locked_run(self._instance, run_id) as lock_tags:
            self._instance.add_event_listener(run_id, lambda entry: self._see(entry, assets))
            succeeded = execute_job(
                self._definitions.resolve_job_def(self._names.name(job)),
                self._instance,
                run_id=run_id,
                asset_selection={self._names.asset_key(name) for name in assets},
                tags={**tags, **lock_tags},
                run_config=_QUIET,
                module=MODULE,
            )
        if self._asked_to_stop():
            raise KeyboardInterrupt
        for name in assets:
            if not self.results[name].failed:
                self._fail_rest(name, f"was not reached in run {run_id}", "NotReached")
        if not succeeded and not any(self.results[name].failed for name in assets):
            reason = f"every list was loaded, but run {run_id} failed then: see it in Dagster"
            self.results[assets[0]].failed[job] = FailedPartition(
                job, reason, "RunFailed", 0, False
            )

    def _see(self, entry: EventLogEntry, assets: Sequence[str]) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            done = event.step_materialization_data.materialization
            name = done.asset_key.path[-1]
            if name in self.results:
                self._succeed(name, done.partition or name, done.metadata)
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            of_step = ARTICLE_ASSETS if event.step_key == "shop_articles" else (event.step_key,)
            self._see_failure(event, [name for name in assets if name in of_step])
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                self.check_problems.append(
                    f"{check.asset_key.to_user_string()}: {check.description}"
                )

    def _succeed(
        self, name: str, partition: str, metadata: Mapping[str, MetadataValue[Any]]
    ) -> None:
        result = self.results[name]
        result.succeeded.add(partition)
        result.rows += _number(metadata, "dagster/row_count")
        result.pages += _number(metadata, "pages")
        result.api_calls += _number(metadata, "api_calls")
        self._progress(name, result)

    def _see_failure(self, event: DagsterEvent, assets: Sequence[str]) -> None:
        data = event.step_failure_data
        told = data.user_failure_data.metadata if data.user_failure_data else {}
        failed = cast(
            "list[dict[str, Any]]", told[FAILED_METADATA].value if FAILED_METADATA in told else []
        )
        for name in assets:
            for one in failed:
                self.results[name].failed[one["partition"]] = FailedPartition(**one)
            if name in PULLING:
                self.results[name].api_calls += sum(one["api_calls"] for one in failed)
            if not failed:
                self._fail_rest(name, _reason(event), "RunFailed")

    def _fail_rest(self, name: str, reason: str, error_class: str) -> None:
        result = self.results[name]
        for partition in result.planned:
            if partition not in result.succeeded and partition not in result.failed:
                result.failed[partition] = FailedPartition(partition, reason, error_class, 0, False)
        self._progress(name, result)


def _reason(event: DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    cause = data.error
    while cause is not None and cause.cause is not None:
        cause = cause.cause
    return cause.message.strip() if cause is not None else "failed for an unknown reason"


def _number(metadata: Mapping[str, MetadataValue[Any]], name: str) -> int:
    value = metadata[name].value if name in metadata else 0
    return int(value)
