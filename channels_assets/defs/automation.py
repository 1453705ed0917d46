"""Jobs, and what starts them: schedules, the sensor of new lists, the sensor that evaluates checks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetSelection,
    DagsterInstance,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    define_asset_job,
    schedule,
    sensor,
)

from channels_assets.config import Settings
from channels_assets.defs.active_runs import ActiveRun, end_dead_runs, of_job
from channels_assets.defs.checks import COUNTS, FRESH, evaluate
from channels_assets.defs.dagster_internals import PARTITION_RANGE_END, PARTITION_RANGE_START
from channels_assets.defs.names import (
    ARTICLE_ASSETS,
    DISCOVER,
    DISCOVERY,
    REFRESH_ARTICLES,
    REFRESH_WINDOWS,
    WINDOW_ASSETS,
    Names,
)
from channels_assets.defs.ownership import OwnedByAnother, claim
from channels_assets.defs.partition_sync import own_lists, sync_windows
from channels_assets.defs.partitions import stretches
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.warehouse import Store, attempted_partitions, connect

TIME_ZONE = "Asia/Shanghai"
_CHECKS_REPEATED_SECONDS = 600


def jobs(names: Names) -> list[Any]:
    """What one run refreshes. Each covers one kind of partition, because a run can't mix them."""
    discovery_keys = [names.asset_key(asset) for asset in DISCOVERY]
    # Checks are evaluated by a sensor on what is published, also when lists have failed; those that
    # discovery itself answers stay in its job.
    freshness_checks = AssetSelection.checks(*(AssetCheckKey(key, FRESH) for key in discovery_keys))
    return [
        define_asset_job(
            names.name(DISCOVER),
            AssetSelection.assets(*discovery_keys) - freshness_checks,
            description="Finds cooperating shops, linked accounts and sharers, and thereby the article "
            "lists.",
        ),
        define_asset_job(
            names.name(REFRESH_WINDOWS),
            AssetSelection.assets(*map(names.asset_key, WINDOW_ASSETS)).without_checks(),
            description="Pulls the product lists of a range of windows.",
        ),
        define_asset_job(
            names.name(REFRESH_ARTICLES),
            AssetSelection.assets(*map(names.asset_key, ARTICLE_ASSETS)).without_checks(),
            description="Pulls a range of article lists and derives their products.",
        ),
    ]


def _range_requests(
    job: str, chosen: Iterable[Sequence[str]], at_most: int | None
) -> Iterator[RunRequest]:
    """One run for each stretch of keys, or several runs of at most `at_most` lists each."""
    for stretch in chosen:
        size = at_most or len(stretch)
        for start in range(0, len(stretch), size):
            part = stretch[start : start + size]
            yield RunRequest(
                job_name=job,
                tags={
                    PARTITION_RANGE_START: part[0],
                    PARTITION_RANGE_END: part[-1],
                },
            )


def _refresh_schedule(
    name: str, names: Names, plain_job: str, cron: str, partitions: str, at_most: int | None
) -> ScheduleDefinition:
    job = names.name(plain_job)

    @schedule(
        name=names.name(name),
        job_name=job,
        cron_schedule=cron,
        execution_timezone=TIME_ZONE,
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Refreshes all lists of `{partitions}` in one run, unless such a run is active.",
    )
    def tick(
        context: ScheduleEvaluationContext, wechat: WeChatResource, warehouse: WarehouseResource
    ) -> list[RunRequest] | SkipReason:
        settings, instance = wechat.settings, context.instance
        store = warehouse.open(settings)
        try:
            claim(instance, store, settings)
        except OwnedByAnother as error:
            return SkipReason(str(error))
        if active := of_job(end_dead_runs(instance, names), names, plain_job):
            return SkipReason(f"{active}: it is not started again.")
        known = instance.get_dynamic_partitions(partitions)
        own = stretches(known, set(own_lists(instance, store, partitions)))
        requests = list(_range_requests(job, own, at_most))
        return requests or SkipReason(f"No list is known in `{partitions}` yet.")

    return tick


def schedules(settings: Settings) -> list[ScheduleDefinition]:
    names, automation = Names.of(settings), settings.automation
    windows, articles = automation.windows_cron, automation.articles_cron
    at_most = automation.max_partitions_per_run
    return [
        _refresh_schedule(name, names, job, cron, partitions, at_most)
        for name, job, cron, partitions in (
            ("windows_by_the_clock", REFRESH_WINDOWS, windows, names.windows),
            ("articles_by_the_clock", REFRESH_ARTICLES, articles, names.article_lists),
        )
    ]


def _new_lists(names: Names, jobs: Sequence[Any]) -> SensorDefinition:
    @sensor(
        name=names.name("new_lists"),
        jobs=jobs,
        minimum_interval_seconds=15,
        default_status=DefaultSensorStatus.RUNNING,
        description="Finds new and vanished shops, linked accounts, sharers and windows, and "
        "refreshes lists that were never tried at once, in one run. Ends runs whose process died.",
    )
    def new_lists(
        context: SensorEvaluationContext, wechat: WeChatResource, warehouse: WarehouseResource
    ) -> Iterator[RunRequest | SkipReason]:
        settings, instance = wechat.settings, context.instance
        store = warehouse.open(settings)
        try:
            found = sync_windows(instance, store, settings)
        except OwnedByAnother as error:
            yield SkipReason(str(error))
            return
        if found.added or found.removed:
            store.publish()
        active = end_dead_runs(instance, names)
        requested = False
        if settings.league is not None and _discovery_is_due(instance, names, active, settings):
            requested = True
            yield RunRequest(job_name=names.name(DISCOVER))
        waiting: list[str] = []
        for job, asset, partitions in (
            (REFRESH_WINDOWS, "window_products", names.windows),
            (REFRESH_ARTICLES, "shop_articles", names.article_lists),
        ):
            untried = _untried(instance, store, asset, partitions)
            if not untried:
                continue
            if before := of_job(active, names, job):
                number = sum(len(stretch) for stretch in untried)
                waiting.append(f"{number} lists were never tried: waiting for run {before}.")
                continue
            requested = True
            at_most = settings.automation.max_partitions_per_run
            yield from _range_requests(names.name(job), untried, at_most)
        if not requested:
            yield SkipReason(" ".join(waiting) or "Every list that is known was tried before.")

    return new_lists


def _discovery_is_due(
    instance: DagsterInstance, names: Names, active: list[ActiveRun], settings: Settings
) -> bool:
    if of_job(active, names, DISCOVER):
        return False
    newest = instance.get_run_records(RunsFilter(job_name=names.name(DISCOVER)), limit=1)
    every = settings.automation.discover_minutes * 60
    # A run from the future was started while the clock was ahead.
    return not newest or not (0 <= time.time() - newest[0].create_timestamp.timestamp() < every)


def _untried(
    instance: DagsterInstance, store: Store, asset: str, partitions: str
) -> list[list[str]]:
    """Of each stretch of our lists, the part from the first to the last list that was never tried."""
    tried: set[str] = set()
    if store.is_readable():
        with connect(store.data_dir) as connection:
            tried = attempted_partitions(connection, asset)
    found: list[list[str]] = []
    known = instance.get_dynamic_partitions(partitions)
    for stretch in stretches(known, set(own_lists(instance, store, partitions))):
        new = [number for number, key in enumerate(stretch) if key not in tried]
        if new:
            found.append(stretch[new[0] : new[-1] + 1])
    return found


def _checks_up_to_date(names: Names) -> SensorDefinition:
    @sensor(
        name=names.name("checks_up_to_date"),
        minimum_interval_seconds=30,
        default_status=DefaultSensorStatus.RUNNING,
        description="Evaluates all asset checks on what is published, without a run: whenever an answer "
        "changes, and every ten minutes.",
    )
    def checks_up_to_date(
        context: SensorEvaluationContext, wechat: WeChatResource, warehouse: WarehouseResource
    ) -> SensorResult | SkipReason:
        if not warehouse.open(wechat.settings).is_readable():
            return SkipReason("Nothing was loaded yet.")
        now = time.time()
        with connect(warehouse.folder) as connection:
            found = list(evaluate(connection, wechat.settings))
        before: dict[str, Any] = json.loads(context.cursor) if context.cursor else {}
        answers = {
            f"{check.asset_key.to_user_string()}:{check.check_name}": _comparable(check)
            for check in found
        }
        recorded_at = before.get("at", 0.0)
        # A run that is started by hand in the UI includes the checks, and leaves them skipped or
        # failed because each list is recorded on its own: after it, all answers are recorded again.
        ended = RunsFilter(updated_after=datetime.fromtimestamp(recorded_at, UTC))
        due = (
            not 0 <= time.time() - recorded_at < _CHECKS_REPEATED_SECONDS
            or context.instance.get_runs_count(ended) > 0
        )
        changed = [
            check
            for check, (name, answer) in zip(found, answers.items(), strict=True)
            if due or before["answers"].get(name) != answer
        ]
        if not changed:
            return SkipReason("No check has changed its answer.")
        at = now if due else recorded_at
        return SensorResult(
            asset_events=changed,
            cursor=json.dumps({"at": at, "answers": answers}, ensure_ascii=False),
        )

    return checks_up_to_date


def _comparable(answer: AssetCheckEvaluation) -> list[object]:
    """What of an answer is compared: not its text, in which ages and rids change all the time."""
    counts = [answer.metadata[name].value for name in COUNTS if name in answer.metadata]
    return [answer.passed, answer.severity.value, *counts]


def sensors(names: Names, jobs: Sequence[Any]) -> list[SensorDefinition]:
    return [_new_lists(names, jobs), _checks_up_to_date(names)]
