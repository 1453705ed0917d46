"""A refresh as a sequence of Dagster runs in this process: discovery, windows, articles."""

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
from channels_assets.defs.interrupts import stop_requested
from channels_assets.defs.machine_failures import machine_error_in
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
from channels_assets.machine_errors import MachineError
from channels_assets.warehouse import Store

MODULE = "channels_assets.definitions"
"""The code location in which the UI finds the jobs of runs."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class AssetResult:
    """The outcome of one asset: partitions planned, succeeded and failed, and what was read."""

    planned: list[str]
    succeeded: set[str] = field(default_factory=set)
    failed: dict[str, FailedPartition] = field(default_factory=dict)
    rows: int = 0
    pages: int = 0
    api_calls: int = 0


Progress = Callable[[str, AssetResult], None]


class Refresh:
    """Runs jobs of `definitions` on `instance` and collects the outcome of each partition.

    Raises KeyboardInterrupt after a signal (see interrupts.run_in_worker), and MachineError.
    """

    def __init__(
        self,
        definitions: Definitions,
        instance: DagsterInstance,
        store: Store,
        names: Names,
        progress: Progress,
    ) -> None:
        self._definitions = definitions
        self._instance = instance
        self._store = store
        self._names = names
        self._progress = progress
        self.results: dict[str, AssetResult] = {}
        self.failed_checks: list[str] = []
        self._machine_error: MachineError | None = None

    def discover(self, assets: Collection[str]) -> None:
        chosen = [name for name in DISCOVERY if name in assets]
        if chosen:
            self._run(DISCOVER, chosen, {name: [name] for name in chosen}, {})

    def refresh_windows(self, assets: Collection[str], keys: Collection[str] | None) -> None:
        self._refresh_partitions(REFRESH_WINDOWS, self._names.windows, WINDOW_ASSETS, assets, keys)

    def refresh_articles(self, assets: Collection[str], keys: Collection[str] | None) -> None:
        lists = self._names.article_lists
        self._refresh_partitions(REFRESH_ARTICLES, lists, ARTICLE_ASSETS, assets, keys)

    def _refresh_partitions(
        self,
        job: str,
        partition_set: str,
        job_assets: Sequence[str],
        assets: Collection[str],
        keys: Collection[str] | None,
    ) -> None:
        chosen = [name for name in job_assets if name in assets]
        if not chosen:
            return
        known = self._instance.get_dynamic_partitions(partition_set)
        own = set(own_lists(self._instance, self._store, partition_set))
        for name in chosen:
            self.results.setdefault(name, AssetResult([]))
        for key_range in stretches(known, own if keys is None else own & set(keys)):
            tags = {PARTITION_RANGE_START: key_range[0], PARTITION_RANGE_END: key_range[-1]}
            self._run(job, chosen, dict.fromkeys(chosen, key_range), tags)

    def _run(
        self,
        job: str,
        assets: Sequence[str],
        planned: dict[str, list[str]],
        tags: dict[str, str],
    ) -> None:
        _raise_if_stopped()
        for name in assets:
            result = self.results.setdefault(name, AssetResult([]))
            result.planned.extend(planned[name])
            self._progress(name, result)
        run_id = new_run_id()
        with locked_run(self._instance, run_id) as lock_tags:
            self._instance.add_event_listener(
                run_id, lambda entry: self._handle_event(entry, assets)
            )
            succeeded = execute_job(
                self._definitions.resolve_job_def(self._names.name(job)),
                self._instance,
                run_id=run_id,
                asset_selection={self._names.asset_key(name) for name in assets},
                tags={**tags, **lock_tags},
                run_config=_QUIET,
                module=MODULE,
            )
        _raise_if_stopped()
        if self._machine_error is not None:
            raise self._machine_error
        for name in assets:
            if not self.results[name].failed:
                self._fail_remaining(name, f"was not reached in run {run_id}", "NotReached")
        if not succeeded and not any(self.results[name].failed for name in assets):
            reason = f"every list was loaded, but run {run_id} failed then: see it in Dagster"
            self.results[assets[0]].failed[job] = FailedPartition(
                job, reason, "RunFailed", 0, False
            )

    def _handle_event(self, entry: EventLogEntry, assets: Sequence[str]) -> None:
        event = entry.dagster_event
        if event is None:
            return
        self._machine_error = self._machine_error or machine_error_in(event)
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            materialization = event.step_materialization_data.materialization
            name = materialization.asset_key.path[-1]
            if name in self.results:
                partition = materialization.partition or name
                self._add_success(name, partition, materialization.metadata)
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            step = ARTICLE_ASSETS if event.step_key == "shop_articles" else (event.step_key,)
            self._add_failure(event, [name for name in assets if name in step])
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                asset = check.asset_key.to_user_string()
                self.failed_checks.append(f"{asset}: {check.description}")

    def _add_success(
        self, name: str, partition: str, metadata: Mapping[str, MetadataValue[Any]]
    ) -> None:
        result = self.results[name]
        result.succeeded.add(partition)
        result.rows += _number(metadata, "dagster/row_count")
        result.pages += _number(metadata, "pages")
        result.api_calls += _number(metadata, "api_calls")
        self._progress(name, result)

    def _add_failure(self, event: DagsterEvent, assets: Sequence[str]) -> None:
        data = event.step_failure_data
        metadata = data.user_failure_data.metadata if data.user_failure_data else {}
        value = metadata[FAILED_METADATA].value if FAILED_METADATA in metadata else []
        failed = [FailedPartition(**fields) for fields in cast("list[dict[str, Any]]", value)]
        for name in assets:
            for partition in failed:
                self.results[name].failed[partition.partition] = partition
            if name in PULLING:
                self.results[name].api_calls += sum(partition.api_calls for partition in failed)
            if not failed:
                self._fail_remaining(name, _reason(event), "RunFailed")

    def _fail_remaining(self, name: str, reason: str, error_class: str) -> None:
        result = self.results[name]
        for partition in result.planned:
            if partition not in result.succeeded and partition not in result.failed:
                result.failed[partition] = FailedPartition(partition, reason, error_class, 0, False)
        self._progress(name, result)


def _raise_if_stopped() -> None:
    if stop_requested():
        raise KeyboardInterrupt


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
