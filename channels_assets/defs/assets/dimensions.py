"""The unpartitioned assets: cooperating_shops, shop_promoters, sharers. They find the article lists."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    asset,
)

from channels_assets.defs.assets.refresh import RETRY, RefreshPlan, load_in_batches
from channels_assets.defs.events import (
    FailedPartition,
    Metadata,
    evidence_table,
    failure_of,
    load_metadata,
    table_metadata,
)
from channels_assets.defs.interrupts import stopping
from channels_assets.defs.partition_sync import Discovered, sync_article_lists
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.source_assets import ENDPOINTS, source_key
from channels_assets.extract.pull import PullTask
from channels_assets.warehouse import ListTable, Store, active_shops, preview, tables
from channels_assets.wechat import league
from channels_assets.wechat.paging import ListRequest

FOUND_CHECK = "article_lists_found"

Requests = Callable[[Store], Mapping[str, ListRequest[Any]]]
"""From what is stored to the lists to pull, by the value that names each in the table, "" for a table
that is a single list."""


def dimension(
    table: ListTable,
    description: str,
    requests: Requests,
    *,
    deps: Sequence[AssetsDefinition] = (),
    finds: str | None = None,
) -> AssetsDefinition:
    """An asset that fills a table without partitions, from one list or from one list for each key.

    `finds` says which of its rows the partitions of shop_articles follow, if any.
    """
    found_check = AssetCheckSpec(
        FOUND_CHECK,
        asset=table.name,
        description=f"The partitions of shop_articles follow {finds}; when more than half would "
        "vanish at once, none is removed.",
    )

    @asset(
        name=table.name,
        deps=[*deps, source_key(table.name)],
        config_schema={},
        group_name="discovery",
        kinds={"wechat", "duckdb"},
        retry_policy=RETRY,
        check_specs=[found_check] if finds else [],
        description=f"{description} Source: {ENDPOINTS[table.name].doc}",
    )
    def body(
        context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
    ) -> MaterializeResult:
        with stopping() as stop:
            metadata = _refresh(context, wechat, warehouse, table, requests, stop)
            if not finds:
                return MaterializeResult(metadata=metadata)
            store = warehouse.open(wechat.settings)
            found = sync_article_lists(context.instance, store, wechat.settings)
            store.publish()
            return MaterializeResult(metadata=metadata, check_results=[_check(context, found)])

    return body


def _promoter_requests(store: Store) -> Mapping[str, ListRequest[Any]]:
    with store.writing() as connection:
        return {shop: league.shop_promoters(shop) for shop in active_shops(connection)}


cooperating_shops = dimension(
    tables.COOPERATING_SHOPS,
    "Shops that cooperate with the agency (合作小店).",
    lambda _: {"": league.cooperating_shops()},
)
shop_promoters = dimension(
    tables.SHOP_PROMOTERS,
    "Accounts linked to each cooperating shop (小店关联账号), of every promoter_type.",
    _promoter_requests,
    deps=[cooperating_shops],
    finds="the linked accounts",
)
sharers = dimension(
    tables.SHARERS,
    "Sharers (推客) bound to the agency.",
    lambda _: {"": league.sharers()},
    finds="the chosen sharers",
)


def _refresh(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
    table: ListTable,
    requests: Requests,
    stop: threading.Event,
) -> dict[str, Any]:
    """Pulls and loads all lists of the table; those that fail keep their rows and fail the asset.

    Returns the metadata of the whole table.
    """
    settings, account, client = wechat.settings, wechat.league.appid, wechat.league_client()
    store = warehouse.open(settings)
    failed: list[FailedPartition] = []
    metadata: dict[str, Any] = {}
    tasks = {
        key: PullTask(table.name, account, client, request, dict.fromkeys(table.scope, key))
        for key, request in requests(store).items()
    }
    plan = RefreshPlan(table, tasks)
    with closing(load_in_batches(context, warehouse, settings, plan, stop)) as batches:
        for ended in chain.from_iterable(batches):
            if isinstance(ended.result, Exception):
                failed.append(FailedPartition.of(ended.key or table.name, ended.result))
            else:
                _add_up(metadata, load_metadata(ended.stats[table.name], ended.result))
    with store.writing() as connection:
        metadata["preview"] = evidence_table(preview(connection, table.name))
    metadata.update(table_metadata(table, source_key(table.name)))
    store.publish()
    if failed:
        # The lists that were found stay found, although the asset fails.
        sync_article_lists(context.instance, store, settings)
        failed.sort(key=lambda failure: failure.partition)
        raise failure_of(table.name, failed, len(tasks))
    return {"lists": len(tasks), **metadata}


def _add_up(total: dict[str, Any], more: Metadata) -> None:
    for name, value in more.items():
        if isinstance(value.value, int | float):
            total[name] = total.get(name, 0) + value.value


def _check(context: AssetExecutionContext, found: Discovered) -> AssetCheckResult:
    # Another asset's rows may be those of the last refresh, or not there yet: it speaks for itself.
    shown = (None, context.asset_key.path[-1])
    problems = [problem for problem in found.problems if problem.asset in shown]
    severity = AssetCheckSeverity.WARN
    if any(problem.blocking for problem in problems):
        severity = AssetCheckSeverity.ERROR
    return AssetCheckResult(
        check_name=FOUND_CHECK,
        asset_key=context.asset_key,
        passed=not problems,
        severity=severity,
        description=" ".join(problem.text for problem in problems) or None,
        metadata={
            "lists": found.known,
            "added": len(found.added),
            "removed": len(found.removed),
        },
    )
