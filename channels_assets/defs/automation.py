"""What happens by itself: refreshes by the clock, new lists at once, checks kept up to date."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
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
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    schedule,
    sensor,
)

from channels_assets.config import Settings
from channels_assets.defs.active_runs import ActiveRun, end_dead_runs, of_job
from channels_assets.defs.checks import COUNTS, evaluate
from channels_assets.defs.dagster_internals import PARTITION_RANGE_END, PARTITION_RANGE_START
from channels_assets.defs.names import DISCOVER, REFRESH_ARTICLES, REFRESH_WINDOWS, Names
from channels_assets.defs.ownership import OwnedByAnother, claim
from channels_assets.defs.partition_sync import own_lists, sync_windows
from channels_assets.defs.partitions import stretches
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.warehouse import Store, attempted_partitions, connect

TIME_ZONE = "Asia/Shanghai"
_CHECKS_SHOWN_AGAIN_SECONDS = 600


def _range_requests(
    job: str, chosen: Iterable[Sequence[str]], at_most: int | None
) -> Iterator[RunRequest]:
    """One run for each stretch of keys, or several of at most so many lists each."""
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
        description=f"Refreshes all lists of `{partitions}` in one run, unless one is under way.",
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
        asked = list(_range_requests(job, own, at_most))
        return asked or SkipReason(f"No list is known in `{partitions}` yet.")

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
        description="Looks for new and vanished shops, linked accounts, sharers and windows, and "
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
        asked = False
        if settings.league is not None and _discovery_is_due(instance, names, active, settings):
            asked = True
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
            asked = True
            at_most = settings.automation.max_partitions_per_run
            yield from _range_requests(names.name(job), untried, at_most)
        if not asked:
            yield SkipReason(" ".join(waiting) or "Every list that is known was tried before.")

    return new_lists


def _discovery_is_due(
    instance: DagsterInstance, names: Names, active: list[ActiveRun], settings: Settings
) -> bool:
    if of_job(active, names, DISCOVER):
        return False
    newest = instance.get_run_records(RunsFilter(job_name=names.name(DISCOVER)), limit=1)
    every = settings.automation.discover_minutes * 60
    # A moment in the future is of a clock that was ahead.
    return not newest or not (0 <= time.time() - newest[0].create_timestamp.timestamp() < every)


def _untried(
    instance: DagsterInstance, store: Store, asset: str, partitions: str
) -> list[list[str]]:
    """Of each stretch of our lists, what goes from the first that was never tried to the last such one."""
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
            f"{one.asset_key.to_user_string()}:{one.check_name}": _gist(one) for one in found
        }
        told_at = before.get("at", 0.0)
        # A run that is started by clicking includes the checks, and leaves them skipped or failed
        # because each list is recorded on its own: after it, all answers are told again.
        ended = RunsFilter(updated_after=datetime.fromtimestamp(told_at, UTC))
        due = (
            not 0 <= time.time() - told_at < _CHECKS_SHOWN_AGAIN_SECONDS
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

    return checks_up_to_date


def _gist(answer: AssetCheckEvaluation) -> list[object]:
    """What makes an answer another one: not its text, in which ages and rids change all the time."""
    counts = [answer.metadata[name].value for name in COUNTS if name in answer.metadata]
    return [answer.passed, answer.severity.value, *counts]


def sensors(names: Names, jobs: Sequence[Any]) -> list[SensorDefinition]:
    return [_new_lists(names, jobs), _checks_up_to_date(names)]
