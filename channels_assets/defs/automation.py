"""What happens by itself: refreshes by the clock, new lists at once, checks kept up to date."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    DagsterInstance,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    schedule,
    sensor,
)
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from channels_assets.config import Automation, Settings
from channels_assets.defs import jobs
from channels_assets.defs.checks import COUNTS, evaluate
from channels_assets.defs.discovery import sync_windows
from channels_assets.defs.partitions import PROMOTERS_NAME, WINDOWS_NAME
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.running import is_under_way
from channels_assets.warehouse import Store, connect, lists_tried

TIME_ZONE = "Asia/Shanghai"
_CHECKS_SHOWN_AGAIN_SECONDS = 600


def _range_requests(job: str, keys: Sequence[str], at_most: int | None) -> list[RunRequest]:
    """One run for the stretch of keys, or several of at most so many lists each."""
    size = at_most or len(keys)
    stretches = (keys[start : start + size] for start in range(0, len(keys), size))
    return [
        RunRequest(
            job_name=job,
            tags={
                ASSET_PARTITION_RANGE_START_TAG: stretch[0],
                ASSET_PARTITION_RANGE_END_TAG: stretch[-1],
            },
        )
        for stretch in stretches
    ]


def _refresh_schedule(
    name: str, job: str, cron: str, partitions: str, at_most: int | None
) -> ScheduleDefinition:
    @schedule(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone=TIME_ZONE,
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Refreshes all lists of `{partitions}` in one run, unless one is under way.",
    )
    def tick(context: ScheduleEvaluationContext) -> list[RunRequest] | SkipReason:
        if is_under_way(context.instance, job):
            return SkipReason(f"{job} is still running or queued: it is not started again.")
        keys = context.instance.get_dynamic_partitions(partitions)
        if not keys:
            return SkipReason(f"No list is known in `{partitions}` yet.")
        return _range_requests(job, keys, at_most)

    return tick


def schedules(automation: Automation) -> list[ScheduleDefinition]:
    windows, articles = automation.windows_cron, automation.articles_cron
    at_most = automation.max_partitions_per_run
    return [
        _refresh_schedule(name, job, cron, partitions, at_most)
        for name, job, cron, partitions in (
            ("windows_by_the_clock", "refresh_windows", windows, WINDOWS_NAME),
            ("articles_by_the_clock", "refresh_articles", articles, PROMOTERS_NAME),
        )
    ]


@sensor(
    name="new_lists",
    jobs=[jobs.discover, jobs.refresh_windows, jobs.refresh_articles],
    minimum_interval_seconds=15,
    default_status=DefaultSensorStatus.RUNNING,
    description="Looks for new and vanished shops, linked accounts, sharers and windows, and "
    "refreshes lists that were never tried at once, in one run.",
)
def new_lists(
    context: SensorEvaluationContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> Iterator[RunRequest | SkipReason]:
    settings, instance = wechat.settings, context.instance
    store = warehouse.open(settings)
    sync_windows(instance, store, settings)
    asked = False
    if settings.league is not None and _discovery_is_due(instance, settings):
        asked = True
        yield RunRequest(job_name="discover")
    for job, asset, partitions in (
        ("refresh_windows", "window_products", WINDOWS_NAME),
        ("refresh_articles", "shop_articles", PROMOTERS_NAME),
    ):
        keys = _untried(instance, store, asset, partitions)
        if keys and not is_under_way(instance, job):
            asked = True
            yield from _range_requests(job, keys, settings.automation.max_partitions_per_run)
    if not asked:
        yield SkipReason("Every list that is known was tried before.")


def _discovery_is_due(instance: DagsterInstance, settings: Settings) -> bool:
    if is_under_way(instance, "discover"):
        return False
    newest = instance.get_run_records(RunsFilter(job_name="discover"), limit=1)
    every = settings.automation.discover_minutes * 60
    return not newest or time.time() - newest[0].create_timestamp.timestamp() >= every


def _untried(instance: DagsterInstance, store: Store, asset: str, partitions: str) -> list[str]:
    """The stretch of known lists from the first that was never tried to the last such one."""
    keys = instance.get_dynamic_partitions(partitions)
    if not keys:
        return []
    tried: set[str] = set()
    if store.is_readable():
        with connect(store.data_dir) as connection:
            tried = lists_tried(connection, asset)
    new = [number for number, key in enumerate(keys) if key not in tried]
    return list(keys[new[0] : new[-1] + 1]) if new else []


@sensor(
    name="checks_up_to_date",
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
        found = list(evaluate(connection, context.instance, wechat.settings))
    before: dict[str, Any] = json.loads(context.cursor) if context.cursor else {}
    answers = {f"{one.asset_key.to_user_string()}:{one.check_name}": _gist(one) for one in found}
    told_at = before.get("at", 0.0)
    # A run that is started by clicking includes the checks, and leaves them skipped or failed
    # because each list is recorded on its own: after it, all answers are told again.
    ended = RunsFilter(updated_after=datetime.fromtimestamp(told_at, UTC))
    due = (
        time.time() - told_at >= _CHECKS_SHOWN_AGAIN_SECONDS
        or context.instance.get_runs_count(ended) > 0
    )
    told = [
        one
        for one, (name, answer) in zip(found, answers.items(), strict=True)
        if due or before["answers"].get(name) != answer
    ]
    if not told:
        return SkipReason("No check has changed its answer.")
    at = now if due else told_at
    return SensorResult(
        asset_events=told, cursor=json.dumps({"at": at, "answers": answers}, ensure_ascii=False)
    )


def _gist(answer: AssetCheckEvaluation) -> list[object]:
    """What makes an answer another one: not its text, in which ages and rids change all the time."""
    counts = [answer.metadata[name].value for name in COUNTS if name in answer.metadata]
    return [answer.passed, answer.severity.value, *counts]


SENSORS = (new_lists, checks_up_to_date)
