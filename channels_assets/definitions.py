"""What Dagster loads: the table of contents of this project. Nothing is read or opened on import."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Definitions,
    DynamicPartitionsDefinition,
    FreshnessPolicy,
    definitions,
    in_process_executor,
    map_asset_specs,
)

from channels_assets.config import ConfigError, Settings, config_path, load_settings
from channels_assets.defs import automation, checks, source_assets
from channels_assets.defs.assets import articles, dimensions, windows
from channels_assets.defs.names import Names
from channels_assets.defs.resources import WarehouseResource, WeChatResource, no_outputs


@definitions
def defs() -> Definitions:
    """Without a valid channels.toml, the defaults: each run and tick then says what to change."""
    try:
        return build(load_settings(config_path()))
    except ConfigError:
        return build(Settings.model_construct())


def build(settings: Settings) -> Definitions:
    """Settings give the names, the cron strings and how old a list may be."""
    names = Names.of(settings)
    assets = (
        windows.window_products,
        articles.shop_articles,
        dimensions.cooperating_shops,
        dimensions.shop_promoters,
        dimensions.sharers,
    )
    jobs = automation.jobs(names)
    return Definitions(
        assets=[*_configured(assets, names, settings), *source_assets.SOURCES],
        asset_checks=checks.definitions(settings),
        jobs=jobs,
        schedules=automation.schedules(settings),
        sensors=automation.sensors(names, jobs),
        resources={
            "wechat": WeChatResource(),
            "warehouse": WarehouseResource(),
            "io_manager": no_outputs,
        },
        # The steps of a run share one process, one token and one limiter; lists run side by side.
        executor=in_process_executor,
    )


def _configured(
    assets: Iterable[AssetsDefinition], names: Names, settings: Settings
) -> Iterable[AssetsDefinition]:
    """The assets with the names, policies and metadata that depend on settings."""
    keys = {AssetKey(name): key for name, key in names.asset_keys.items()}
    hours = {rule.asset: rule.hours for rule in checks.freshness_rules(settings)}
    at_most = settings.automation.max_partitions_per_run
    policy = BackfillPolicy.multi_run(at_most) if at_most else BackfillPolicy.single_run()

    def configured(spec: AssetSpec) -> AssetSpec:
        name = spec.key.path[-1]
        lists = spec.partitions_def
        if isinstance(lists, DynamicPartitionsDefinition) and lists.name:
            lists = DynamicPartitionsDefinition(name=names.name(lists.name))
        return spec.replace_attributes(
            partitions_def=lists,
            owners=source_assets.OWNERS,
            tags={**spec.tags, **source_assets.TAGS},
            freshness_policy=FreshnessPolicy.time_window(
                fail_window=timedelta(hours=2 * hours[name]),
                warn_window=timedelta(hours=hours[name]),
            ),
        ).merge_attributes(metadata=source_assets.source_metadata(name))

    renamed = (
        definition.with_attributes(
            asset_key_replacements=keys,
            backfill_policy=policy if definition.backfill_policy else None,
        )
        for definition in assets
    )
    return map_asset_specs(configured, renamed)
