"""The dimension assets: cooperating_shops, shop_promoters, sharers. They find the article lists."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    MaterializeResult,
    asset,
)

from channels_assets.defs.assets.loading import Loading, load_batch
from channels_assets.defs.assets.shared import RETRY
from channels_assets.defs.events import (
    FailedPartition,
    Metadata,
    evidence_table,
    failure_of,
    load_metadata,
    table_metadata,
)
from channels_assets.defs.interrupts import stopping
from channels_assets.defs.ownership import require_owner
from channels_assets.defs.partition_sync import Discovered, sync_article_lists
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.source_assets import source_key
from channels_assets.extract.pool import pull_all
from channels_assets.extract.pull import PullTask
from channels_assets.warehouse import (
    LIST_TABLES,
    ListLoad,
    Loaded,
    active_shops,
    load_promoter_lists,
    load_sharers,
    load_shops,
    preview,
    promoter_list,
)
from channels_assets.wechat import league

FOUND_CHECK = "article_lists_found"


@asset(
    deps=[source_key("cooperating_shops")],
    config_schema={},
    group_name="discovery",
    kinds={"wechat", "duckdb"},
    retry_policy=RETRY,
    description="Shops that cooperate with the agency (合作小店). "
    f"Source: {league.COOPERATING_SHOPS.doc}",
)
def cooperating_shops(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> MaterializeResult:
    request = league.cooperating_shops()
    task = PullTask("cooperating_shops", wechat.league.appid, wechat.league_client(), request)
    loading = _single_list("cooperating_shops", load_shops)
    with stopping() as stop:
        return _pull_and_load(context, wechat, warehouse, {"": task}, loading, stop)


@asset(
    deps=[cooperating_shops, source_key("shop_promoters")],
    config_schema={},
    group_name="discovery",
    kinds={"wechat", "duckdb"},
    retry_policy=RETRY,
    check_specs=[
        AssetCheckSpec(
            FOUND_CHECK,
            asset="shop_promoters",
            description="The partitions of shop_articles follow the linked accounts; when more than "
            "half would vanish at once, none is removed.",
        )
    ],
    description="Accounts linked to each cooperating shop (小店关联账号), of every promoter_type. "
    f"Source: {league.SHOP_PROMOTERS.doc}",
)
def shop_promoters(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> MaterializeResult:
    account, client = wechat.league.appid, wechat.league_client()
    loading = Loading(
        ["shop_promoters"],
        lambda shop, pulled, load: promoter_list(shop_appid=shop, pages=pulled.staged, load=load),
        lambda connection, lists: [(one,) for one in load_promoter_lists(connection, lists)],
    )
    with stopping() as stop:
        with warehouse.open(wechat.settings).writing() as connection:
            shops = active_shops(connection)
        tasks = {
            shop: PullTask("shop_promoters", account, client, league.shop_promoters(shop))
            for shop in shops
        }
        result = _pull_and_load(context, wechat, warehouse, tasks, loading, stop)
        return _with_found_lists(context, wechat, warehouse, result)


@asset(
    deps=[source_key("sharers")],
    config_schema={},
    group_name="discovery",
    kinds={"wechat", "duckdb"},
    retry_policy=RETRY,
    check_specs=[
        AssetCheckSpec(
            FOUND_CHECK,
            asset="sharers",
            description="The partitions of shop_articles follow the chosen sharers; when more than "
            "half would vanish at once, none is removed.",
        )
    ],
    description=f"Sharers (推客) bound to the agency. Source: {league.SHARERS.doc}",
)
def sharers(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> MaterializeResult:
    task = PullTask("sharers", wechat.league.appid, wechat.league_client(), league.sharers())
    loading = _single_list("sharers", load_sharers)
    with stopping() as stop:
        result = _pull_and_load(context, wechat, warehouse, {"": task}, loading, stop)
        return _with_found_lists(context, wechat, warehouse, result)


def _single_list(asset: str, load: Callable[..., Loaded]) -> Loading:
    """For assets that are one list; `load` takes its pages and the load."""
    return Loading(
        [asset],
        lambda _, pulled, record: ListLoad({}, pulled.staged, record),
        lambda connection, lists: [
            (load(connection, pages=one.pages, load=one.load),) for one in lists
        ],
    )


def _pull_and_load(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
    tasks: Mapping[str, PullTask],
    loading: Loading,
    stop: threading.Event,
) -> MaterializeResult:
    """Pulls one list, or one for each shop; those that fail keep their rows and fail the asset."""
    settings = wechat.settings
    store = warehouse.open(settings)
    name = context.asset_key.path[-1]
    require_owner(context, store, settings)
    failed: list[FailedPartition] = []
    metadata: dict[str, Any] = {}
    staging = warehouse.staging(settings)
    in_flight = settings.api.max_in_flight
    with closing(pull_all(tasks, staging, in_flight, stop)) as pulled:
        for batch in pulled:
            with store.writing() as connection:
                done = load_batch(connection, context.run.run_id, loading, batch)
            for one in done.ended:
                if isinstance(one.result, Exception):
                    failed.append(FailedPartition.of(one.key or name, one.result))
                else:
                    _add_up(metadata, load_metadata(one.loaded[name], one.result))
    with store.writing() as connection:
        metadata["preview"] = evidence_table(preview(connection, name))
    metadata.update(table_metadata(LIST_TABLES[name], source_key(name)))
    store.publish()
    if failed:
        # What was found is found, although the asset fails.
        sync_article_lists(context.instance, store, wechat.settings)
        failed.sort(key=lambda one: one.partition)
        raise failure_of(name, failed, len(tasks))
    return MaterializeResult(metadata={"lists": len(tasks), **metadata})


def _add_up(total: dict[str, Any], more: Metadata) -> None:
    for name, value in more.items():
        if isinstance(value.value, int | float):
            total[name] = total.get(name, 0) + value.value


def _with_found_lists(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
    result: MaterializeResult,
) -> MaterializeResult:
    store = warehouse.open(wechat.settings)
    found = sync_article_lists(context.instance, store, wechat.settings)
    store.publish()
    return MaterializeResult(metadata=result.metadata, check_results=[_check(context, found)])


def _check(context: AssetExecutionContext, found: Discovered) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=FOUND_CHECK,
        asset_key=context.asset_key,
        passed=not found.problems,
        severity=AssetCheckSeverity.ERROR if found.blocking else AssetCheckSeverity.WARN,
        description=" ".join(found.problems) or None,
        metadata={
            "lists": found.known,
            "added": len(found.added),
            "removed": len(found.removed),
        },
    )
