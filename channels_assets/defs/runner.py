"""A refresh as a sequence of Dagster runs in this process: discovery, windows, articles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from dagster import (
    AssetCheckEvaluation,
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
from channels_assets.defs.events import FAILED_AFTER_CALLS, FAILED_METADATA, FailedPartition
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
NOT_ASKED = "NotAsked"
"""The class of the failure of a list that was left out because what it needs had failed."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class AssetResult:
    """The outcome of one asset: partitions planned, succeeded and failed, and what was read.

    `rejected` is the number of items without a usable id.
    """

    planned: list[str]
    succeeded: set[str] = field(default_factory=set)
    failed: dict[str, FailedPartition] = field(default_factory=dict)
    rejected: int = 0
    rows: int = 0
    pages: int = 0
    api_calls: int = 0

    @property
    def ended(self) -> int:
        """How many lists were loaded, or failed when they were asked."""
        asked = (failed for failed in self.failed.values() if failed.error_class != NOT_ASKED)
        return len(self.succeeded) + sum(1 for _ in asked)


@dataclass(frozen=True)
class FailedCheck:
    """An asset check that has not passed."""

    asset: str
    check: str
    description: str


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
        self.failed_checks: list[FailedCheck] = []
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
            result = self.results.setdefault(name, AssetResult([]))
            # What fails in the discovery may have found nothing before, either.
            if not own and (waits_for := self._failed_assets(DISCOVERY)):
                reason = _not_asked(waits_for)
                result.failed[name] = FailedPartition(name, reason, NOT_ASKED, 0, False)
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
                waits_for = self._failed_assets(self._upstream_of(name)) or [f"run {run_id}"]
                self._fail_remaining(name, _not_asked(waits_for), NOT_ASKED)
        if not succeeded and not any(self.results[name].failed for name in assets):
            reason = f"every list was loaded, but run {run_id} failed then: see it in Dagster"
            self.results[assets[0]].failed[job] = FailedPartition(
                job, reason, "RunFailed", 0, False
            )

    def _upstream_of(self, name: str) -> set[str]:
        key = self._names.asset_key(name)
        upstream = self._definitions.resolve_assets_def(key).asset_deps[key]
        return {key.path[-1] for key in upstream}

    def _failed_assets(self, names: Collection[str]) -> list[str]:
        return [name for name, result in self.results.items() if name in names and result.failed]

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
        elif event.event_type == DagsterEventType.ASSET_OBSERVATION:
            observation = event.asset_observation_data.asset_observation
            self._add_calls(observation.asset_key.path[-1], observation.metadata)
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            step = ARTICLE_ASSETS if event.step_key == "shop_articles" else (event.step_key,)
            self._add_failure(event, [name for name in assets if name in step])
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                self.failed_checks.append(failed_check(check))

    def _add_success(
        self, name: str, partition: str, metadata: Mapping[str, MetadataValue[Any]]
    ) -> None:
        result = self.results[name]
        result.succeeded.add(partition)
        result.rejected += _number(metadata, "rejected")
        result.rows += _number(metadata, "dagster/row_count")
        result.pages += _number(metadata, "pages")
        result.api_calls += _number(metadata, "api_calls")
        self._progress(name, result)

    def _add_calls(self, name: str, metadata: Mapping[str, MetadataValue[Any]]) -> None:
        """The calls for a list that failed: for each try of the step, which Dagster may repeat."""
        if name in PULLING and name in self.results:
            self.results[name].api_calls += _number(metadata, FAILED_AFTER_CALLS)

    def _add_failure(self, event: DagsterEvent, assets: Sequence[str]) -> None:
        data = event.step_failure_data
        metadata = data.user_failure_data.metadata if data.user_failure_data else {}
        value = metadata[FAILED_METADATA].value if FAILED_METADATA in metadata else []
        failed = [FailedPartition(**fields) for fields in cast("list[dict[str, Any]]", value)]
        for name in assets:
            for partition in failed:
                self.results[name].failed[partition.partition] = partition
            if name in DISCOVERY:
                # Their lists are no partitions, and have no observations.
                self.results[name].api_calls += sum(partition.api_calls for partition in failed)
            if not failed:
                self._fail_remaining(name, _reason(event), "RunFailed")

    def _fail_remaining(self, name: str, reason: str, error_class: str) -> None:
        result = self.results[name]
        for partition in result.planned:
            if partition not in result.succeeded and partition not in result.failed:
                result.failed[partition] = FailedPartition(partition, reason, error_class, 0, False)
        self._progress(name, result)


def _not_asked(waits_for: Sequence[str]) -> str:
    names = ", ".join(waits_for)
    return f"not asked: {names} failed before it, see above. 未请求：{names} 先失败了，原因见上。"


def failed_check(check: AssetCheckEvaluation) -> FailedCheck:
    return FailedCheck(check.asset_key.path[-1], check.check_name, check.description or "")


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
