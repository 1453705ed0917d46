"""What Dagster loads: the table of contents of this project. Nothing is read or opened on import."""

from __future__ import annotations

from datetime import timedelta

from dagster import (
    AssetSpec,
    BackfillPolicy,
    Definitions,
    FreshnessPolicy,
    definitions,
    in_process_executor,
    map_asset_specs,
)

from channels_assets.config import ConfigError, Settings, config_path, load_settings
from channels_assets.defs import assets, automation, checks, dimensions, jobs, sources
from channels_assets.defs.ahead import Ahead
from channels_assets.defs.resources import WarehouseResource, WeChatResource, fixed, no_outputs


@definitions
def defs() -> Definitions:
    """Without a good channels.toml, the defaults: each run and tick then says what to change."""
    try:
        return build(load_settings(config_path()))
    except ConfigError:
        return build(Settings.model_construct())


def build(settings: Settings, ahead: Ahead | None = None) -> Definitions:
    """Settings give the cron strings and how old a list may be; `ahead` what is being pulled already."""
    at_most = settings.automation.max_partitions_per_run
    policy = BackfillPolicy.multi_run(at_most) if at_most else BackfillPolicy.single_run()
    ours = [
        assets.window_products.with_attributes(backfill_policy=policy),
        assets.articles.with_attributes(backfill_policy=policy),
        dimensions.cooperating_shops,
        dimensions.shop_promoters,
        dimensions.sharers,
    ]
    promised = {promise.asset: promise.hours for promise in checks.promises(settings.freshness)}

    def with_policy(spec: AssetSpec) -> AssetSpec:
        name = spec.key.to_user_string()
        hours = promised[name]
        return spec.replace_attributes(
            owners=sources.OWNERS,
            tags={**spec.tags, **sources.TAGS},
            freshness_policy=FreshnessPolicy.time_window(
                fail_window=timedelta(hours=2 * hours), warn_window=timedelta(hours=hours)
            ),
        ).merge_attributes(metadata=sources.source_metadata(name))

    return Definitions(
        assets=[*map_asset_specs(with_policy, ours), *sources.SOURCES],
        asset_checks=checks.definitions(settings),
        jobs=[jobs.discover, jobs.refresh_windows, jobs.refresh_articles],
        schedules=automation.schedules(settings.automation),
        sensors=automation.SENSORS,
        resources={
            "wechat": WeChatResource(),
            "warehouse": WarehouseResource(),
            "ahead": fixed(ahead or Ahead()),
            "io_manager": no_outputs,
        },
        # The steps of a run share one process, one token and one limiter; lists run side by side.
        executor=in_process_executor,
    )
