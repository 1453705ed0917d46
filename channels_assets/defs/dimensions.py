"""The dimension assets: cooperating_shops, shop_promoters, sharers. They find the article lists."""

from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import chain
from typing import Any

import duckdb
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    MaterializeResult,
    asset,
)

from channels_assets.defs.assets import RETRY
from channels_assets.defs.discovery import Discovered, sync_promoters
from channels_assets.defs.refresh import load_record
from channels_assets.defs.report import (
    FailedPartition,
    Metadata,
    evidence_table,
    failure_of,
    load_metadata,
    table_metadata,
    warehouse_failure,
)
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.sources import source_key
from channels_assets.defs.stopping import stopping
from channels_assets.extract.pool import Outcome, pull_all
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import (
    Load,
    Loaded,
    active_shops,
    columns,
    load_promoters,
    load_sharers,
    load_shops,
    preview,
    record_failure,
)
from channels_assets.wechat import promoter

FOUND_CHECK = "article_lists_found"
Loader = Callable[[duckdb.DuckDBPyConnection, str, Pulled, Load], Loaded]


@asset(
    deps=[source_key("cooperating_shops")],
    group_name="discovery",
    kinds={"wechat", "duckdb"},
    retry_policy=RETRY,
    description="Shops that cooperate with the agency (合作小店). "
    f"Source: {promoter.COOPERATING_SHOPS.doc}",
)
def cooperating_shops(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> MaterializeResult:
    request = promoter.cooperating_shops()
    task = PullTask("cooperating_shops", wechat.league.appid, wechat.league_client(), request)
    return _pull_and_load(
        context,
        wechat,
        warehouse,
        {"": task},
        lambda connection, _, pulled, load: load_shops(connection, pages=pulled.staged, load=load),
    )


@asset(
    deps=[cooperating_shops, source_key("shop_promoters")],
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
    f"Source: {promoter.SHOP_PROMOTERS.doc}",
)
def shop_promoters(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> MaterializeResult:
    client = wechat.league_client()
    with warehouse.open(wechat.settings).writing() as connection:
        shops = active_shops(connection)
    tasks = {
        shop: PullTask("shop_promoters", wechat.league.appid, client, promoter.shop_promoters(shop))
        for shop in shops
    }
    result = _pull_and_load(
        context,
        wechat,
        warehouse,
        tasks,
        lambda connection, shop, pulled, load: load_promoters(
            connection, shop_appid=shop, pages=pulled.staged, load=load
        ),
    )
    return _with_found_lists(context, wechat, warehouse, result)


@asset(
    deps=[source_key("sharers")],
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
    description=f"Sharers (推客) bound to the agency. Source: {promoter.SHARERS.doc}",
)
def sharers(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> MaterializeResult:
    task = PullTask("sharers", wechat.league.appid, wechat.league_client(), promoter.sharers())
    result = _pull_and_load(
        context,
        wechat,
        warehouse,
        {"": task},
        lambda connection, _, pulled, load: load_sharers(
            connection, pages=pulled.staged, load=load
        ),
    )
    return _with_found_lists(context, wechat, warehouse, result)


def _pull_and_load(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
    tasks: Mapping[str, PullTask],
    loader: Loader,
) -> MaterializeResult:
    """Pulls one list, or one for each shop; those that fail keep their rows and fail the asset."""
    settings = wechat.settings
    store = warehouse.open(settings)
    name = context.asset_key.to_user_string()
    failed: list[FailedPartition] = []
    metadata: dict[str, Any] = {}
    staging = warehouse.staging(settings)
    in_flight = settings.api.max_in_flight
    with stopping() as stop, closing(pull_all(tasks, staging, in_flight, stop)) as pulled:
        for outcome in chain.from_iterable(pulled):
            with store.writing() as connection:
                error = _load_one(context, connection, loader, outcome, metadata)
                if error is not None:
                    failed.append(FailedPartition.of(outcome.key or name, error))
                    why = warehouse_failure(name, context.run.run_id, failed[-1])
                    record_failure(connection, why)
    with store.writing() as connection:
        metadata["preview"] = evidence_table(preview(connection, name))
        metadata.update(table_metadata(columns(connection, name), source_key(name)))
    store.publish()
    if failed:
        # What was found is found, although the asset fails.
        sync_promoters(context.instance, store, wechat.league)
        raise failure_of(name, failed, len(tasks))
    return MaterializeResult(metadata={"lists": len(tasks), **metadata})


def _load_one(
    context: AssetExecutionContext,
    connection: duckdb.DuckDBPyConnection,
    loader: Loader,
    outcome: Outcome[str],
    metadata: dict[str, Any],
) -> Exception | None:
    """Loads one list and adds what it tells to `metadata`; the reason when it could not."""
    pulled = outcome.result
    if isinstance(pulled, Exception):
        return pulled
    name = context.asset_key.to_user_string()
    try:
        load = load_record(name, outcome.key or None, context.run.run_id, pulled)
        loaded = loader(connection, outcome.key, pulled, load)
    except Exception as error:
        return error
    finally:
        pulled.staged.discard()
    _add_up(metadata, load_metadata(loaded, pulled))
    return None


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
    found = sync_promoters(context.instance, store, wechat.league)
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
