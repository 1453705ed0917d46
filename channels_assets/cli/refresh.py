"""`channels-assets refresh`: which lists it refreshes, in which order, and the report of the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dagster import DagsterInstance

from channels_assets.cli.context import CommandContext
from channels_assets.config import ConfigError
from channels_assets.definitions import build
from channels_assets.defs.active_runs import end_dead_runs
from channels_assets.defs.assets.dimensions import FOUND_CHECK
from channels_assets.defs.checks import evaluate
from channels_assets.defs.dagster_internals import batched
from channels_assets.defs.interrupts import run_in_worker
from channels_assets.defs.names import (
    ARTICLE_ASSETS,
    ASSETS,
    DISCOVERY,
    WINDOW_ASSETS,
    Names,
)
from channels_assets.defs.partition_sync import own_lists, sync_windows
from channels_assets.defs.runner import AssetResult, FailedCheck, Progress, Refresh, failed_check
from channels_assets.warehouse import connect


@dataclass(frozen=True)
class Report:
    """The outcome of each asset, and the asset checks that failed, each once."""

    assets: dict[str, AssetResult]
    failed_checks: list[FailedCheck]

    @property
    def good(self) -> bool:
        """Whether all that channels.toml asks for was asked, and no list failed."""
        return not (
            any(result.failed for result in self.assets.values())
            or any(failed.check == FOUND_CHECK for failed in self.failed_checks)
        )

    def as_json(self, seconds: float) -> dict[str, Any]:
        return {
            "assets": {
                name: {
                    "partitions": len(result.planned),
                    "succeeded": len(result.succeeded),
                    "failed": [
                        {
                            "partition": failed.partition,
                            "error": failed.error,
                            "class": failed.error_class,
                        }
                        for failed in result.failed.values()
                    ],
                    "rejected": result.rejected,
                    "rows": result.rows,
                    "pages": result.pages,
                    "api_calls": result.api_calls,
                }
                for name, result in self.assets.items()
            },
            "checks": [asdict(failed) for failed in self.failed_checks],
            "seconds": round(seconds, 3),
        }


def run_refresh(
    context: CommandContext,
    assets: Sequence[str],
    partitions: Sequence[str],
    progress: Progress,
    notice: Callable[[str], None],
) -> Report:
    """For the main thread. Raises ConfigError for a partition that does not exist, before any call is
    made; KeyboardInterrupt after a signal, once what was under way has ended.
    """
    return run_in_worker(lambda: _refresh(context, assets, partitions, progress, notice))


def _refresh(
    context: CommandContext,
    assets: Sequence[str],
    partitions: Sequence[str],
    progress: Progress,
    notice: Callable[[str], None],
) -> Report:
    with DagsterInstance.get() as instance:
        names = Names.of(context.settings)
        sync = sync_windows(instance, context.store, context.settings)
        if sync.others:
            notice(others_notice(names.windows, sync.others))
        for key in sync.removed:
            notice(
                f"{key} is no [[window]] of channels.toml any more: its rows were removed. "
                "channels.toml 中已无该橱窗，其数据已移除。"
            )
        chosen = _chosen_assets(context, assets, bool(partitions))
        keys = set(partitions) if partitions else None
        if keys is not None:
            chosen = _assets_with_keys(instance, context, chosen, keys)
        end_dead_runs(instance, names)
        refresh = Refresh(build(context.settings), instance, context.store, names, progress)
        refresh.discover(chosen)
        refresh.refresh_windows(chosen, keys)
        refresh.refresh_articles(chosen, keys)
        _require_planned(refresh.results, assets, keys)
        context.store.publish()
        # Several assets may say the same.
        failed_checks = {
            (failed.check, failed.description): failed
            for failed in (*refresh.failed_checks, *_failed_checks(instance, context))
        }
        return Report(refresh.results, list(failed_checks.values()))


def others_notice(partition_set: str, others: Sequence[str]) -> str:
    """On keys of other data folders or of people."""
    shown = ", ".join(key[:80] for key in others[:5]) + (", ..." if len(others) > 5 else "")
    return (
        f"Dagster's `{partition_set}` has keys that this data folder has not added. They are left alone, and "
        f"not refreshed; delete them in the Dagster UI if nobody needs them: {shown}"
    )


def _failed_checks(instance: DagsterInstance, context: CommandContext) -> Iterator[FailedCheck]:
    """Evaluates all asset checks, records the evaluations, and yields the failed ones."""
    with connect(context.store.data_dir) as connection:
        evaluations = list(evaluate(connection, context.settings))
    with batched(instance):
        for evaluation in evaluations:
            instance.report_runless_asset_event(evaluation)
            if not evaluation.passed:
                yield failed_check(evaluation)


def _require_planned(
    results: Mapping[str, AssetResult], assets: Sequence[str], keys: set[str] | None
) -> None:
    """A command that names what does not exist must not look like a success."""
    for name in assets:
        if name not in results or not results[name].planned:
            raise ConfigError(
                f"There is no list of {name} to refresh"
                + (" among the partitions that were named" if keys else " yet")
                + ": `channels-assets partitions` shows the known ones, `channels-assets refresh` "
                "finds new ones.",
                ("指定的分区中" if keys else "目前")
                + f"没有可刷新的 {name} 列表：`channels-assets partitions` 列出已知的列表，"
                "`channels-assets refresh` 会查找新的列表。",
            )
    if keys and not any(result.planned for result in results.values()):
        raise ConfigError(
            "Nothing in channels.toml refreshes these partitions: is [league] or [[window]] missing?",
            "channels.toml 中没有对应这些分区的设置：是否缺少 [league] 或 [[window]]？",
        )


def _chosen_assets(context: CommandContext, assets: Sequence[str], by_partition: bool) -> list[str]:
    if assets:
        return list(assets)
    chosen = [name for name in ASSETS if not (by_partition and name in DISCOVERY)]
    if context.settings.league is None:
        chosen = [name for name in chosen if name in WINDOW_ASSETS]
    if not context.settings.window:
        chosen = [name for name in chosen if name not in WINDOW_ASSETS]
    return chosen


def _assets_with_keys(
    instance: DagsterInstance, context: CommandContext, chosen: list[str], keys: set[str]
) -> list[str]:
    names = Names.of(context.settings)
    windows = set(own_lists(instance, context.store, names.windows))
    article_lists = set(own_lists(instance, context.store, names.article_lists))
    for key in sorted(keys):
        if key not in windows and key not in article_lists:
            raise ConfigError(
                f"There is no partition {key[:200]!r}: `channels-assets partitions` lists them all, "
                "`channels-assets refresh` finds new ones.",
                f"没有分区 {key[:200]!r}：`channels-assets partitions` 列出全部分区，"
                "`channels-assets refresh` 会查找新的列表。",
            )
    without_key = set[str]()
    if not keys & windows:
        without_key.update(WINDOW_ASSETS)
    if not keys & article_lists:
        without_key.update(ARTICLE_ASSETS)
    return [name for name in chosen if name not in without_key]
