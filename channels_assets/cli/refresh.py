"""`channels-assets refresh`: which lists, in which order, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import DagsterInstance

from channels_assets.cli.context import Surroundings
from channels_assets.config import ConfigError
from channels_assets.definitions import build
from channels_assets.defs.active_runs import end_dead_runs
from channels_assets.defs.checks import evaluate
from channels_assets.defs.dagster_internals import batched
from channels_assets.defs.interrupts import noting_signals
from channels_assets.defs.names import (
    ARTICLE_ASSETS,
    ASSETS,
    DISCOVERY,
    WINDOW_ASSETS,
    Names,
)
from channels_assets.defs.partition_sync import own_lists, sync_windows
from channels_assets.defs.runner import AssetResult, Progress, Refresh
from channels_assets.warehouse import connect


@dataclass(frozen=True)
class Report:
    """What became of each asset, and what asset checks have against it."""

    assets: dict[str, AssetResult]
    check_problems: list[str]

    @property
    def good(self) -> bool:
        return not any(result.failed for result in self.assets.values())

    def as_json(self, seconds: float) -> dict[str, Any]:
        return {
            "assets": {
                name: {
                    "partitions": len(result.planned),
                    "succeeded": len(result.succeeded),
                    "failed": [
                        {"partition": one.partition, "error": one.error, "class": one.error_class}
                        for one in result.failed.values()
                    ],
                    "rows": result.rows,
                    "pages": result.pages,
                    "api_calls": result.api_calls,
                }
                for name, result in self.assets.items()
            },
            "seconds": round(seconds, 3),
        }


def run_refresh(
    around: Surroundings,
    assets: Sequence[str],
    partitions: Sequence[str],
    progress: Progress,
    notice: Callable[[str], None],
) -> Report:
    """Raises ConfigError for a partition that does not exist, before any call is made."""
    with DagsterInstance.get() as instance, noting_signals() as asked_to_stop:
        names = Names.of(around.settings)
        found = sync_windows(instance, around.store, around.settings)
        if found.others:
            notice(others_told(names.windows, found.others))
        for key in found.removed:
            notice(
                f"{key} is no [[window]] of channels.toml any more: its rows were removed. "
                "channels.toml 中已无该橱窗，其数据已移除。"
            )
        chosen = _chosen_assets(around, assets, bool(partitions))
        keys = set(partitions) if partitions else None
        if keys is not None:
            chosen = _assets_of_keys(instance, around, chosen, keys)
        end_dead_runs(instance, names)
        definitions = build(around.settings)
        run = Refresh(definitions, instance, around.store, names, progress, asked_to_stop)
        run.discover(chosen)
        run.windows(chosen, keys)
        run.articles(chosen, keys)
        _refuse_nothing(run.results, assets, keys)
        around.store.publish()
        return Report(run.results, [*run.check_problems, *_check(instance, around)])


def others_told(partition_set: str, others: Sequence[str]) -> str:
    named = ", ".join(key[:80] for key in others[:5]) + (", ..." if len(others) > 5 else "")
    return (
        f"Dagster's `{partition_set}` has keys that this data folder has not added. They are left alone, and "
        f"not refreshed; delete them in the Dagster UI if nobody needs them: {named}"
    )


def _check(instance: DagsterInstance, around: Surroundings) -> Iterator[str]:
    """Evaluates all asset checks, records the answers, and gives those that are against it."""
    with connect(around.store.data_dir) as connection:
        answers = list(evaluate(connection, around.settings))
    with batched(instance):
        for answer in answers:
            instance.report_runless_asset_event(answer)
            if not answer.passed:
                asset = answer.asset_key.to_user_string()
                yield f"{asset} {answer.check_name}: {answer.description}"


def _refuse_nothing(
    results: Mapping[str, AssetResult], assets: Sequence[str], keys: set[str] | None
) -> None:
    """A command that names what does not exist must not look like a success."""
    for name in assets:
        if name not in results or not results[name].planned:
            raise ConfigError(
                f"There is no list of {name} to refresh"
                + (" among the partitions that were named" if keys else " yet")
                + ": `channels-assets partitions` shows the known ones, `channels-assets refresh` "
                "finds new ones."
            )
    if keys and not any(result.planned for result in results.values()):
        raise ConfigError(
            "Nothing in channels.toml refreshes these partitions: is [league] or [[window]] missing?"
        )


def _chosen_assets(around: Surroundings, assets: Sequence[str], by_partition: bool) -> list[str]:
    if assets:
        return list(assets)
    chosen = [name for name in ASSETS if not (by_partition and name in DISCOVERY)]
    if around.settings.league is None:
        chosen = [name for name in chosen if name in WINDOW_ASSETS]
    if not around.settings.window:
        chosen = [name for name in chosen if name not in WINDOW_ASSETS]
    return chosen


def _assets_of_keys(
    instance: DagsterInstance, around: Surroundings, chosen: list[str], keys: set[str]
) -> list[str]:
    names = Names.of(around.settings)
    windows = set(own_lists(instance, around.store, names.windows))
    article_lists = set(own_lists(instance, around.store, names.article_lists))
    for key in sorted(keys):
        if key not in windows and key not in article_lists:
            raise ConfigError(
                f"There is no partition {key[:200]!r}: `channels-assets partitions` lists them all, "
                "`channels-assets refresh` finds new ones."
            )
    of_no_key = set[str]()
    if not keys & windows:
        of_no_key.update(WINDOW_ASSETS)
    if not keys & article_lists:
        of_no_key.update(ARTICLE_ASSETS)
    return [name for name in chosen if name not in of_no_key]
