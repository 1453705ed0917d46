"""window_products: the products of each Channels window."""

from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetSpec, BackfillPolicy, multi_asset

from channels_assets.config import Window
from channels_assets.defs.assets.pending_keys import keys_to_refresh
from channels_assets.defs.assets.refresh import (
    RETRY,
    RefreshPlan,
    refresh_partitions,
)
from channels_assets.defs.interrupts import stopping
from channels_assets.defs.partitions import WINDOWS, UnknownPartition
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.source_assets import source_key
from channels_assets.extract.pull import PullTask
from channels_assets.warehouse import tables
from channels_assets.wechat import window as api


@multi_asset(
    name="window_products",
    specs=[
        AssetSpec(
            "window_products",
            deps=[source_key("window_products")],
            partitions_def=WINDOWS,
            skippable=True,
            group_name="windows",
            kinds={"wechat", "duckdb"},
            description="Products of each Channels window (视频号橱窗), as the API lists them.\n\n"
            "One partition is one `[[window]]` of channels.toml. "
            f"Source: {api.WINDOW_PRODUCTS.doc}",
        )
    ],
    config_schema={},
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RETRY,
)
def window_products(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> Iterator[Any]:
    # A generator that yields nothing: each partition is recorded when it is loaded, while for a plain
    # return Dagster would mark the whole range.
    yield from ()
    with stopping() as stop:
        keys = keys_to_refresh(context, warehouse.open(wechat.settings), "window_products")
        refresh_partitions(context, warehouse, wechat.settings, _plan(wechat, keys), stop)


def _plan(wechat: WeChatResource, keys: list[str]) -> RefreshPlan:
    tasks: dict[str, PullTask] = {}
    problems: dict[str, Exception] = {}
    for key in keys:
        window = wechat.settings.window_named(key)
        if window is None:
            problems[key] = UnknownPartition(
                f"channels.toml has no [[window]] named {key!r}. channels.toml 中没有该橱窗。"
            )
        else:
            tasks[key] = _task(wechat, key, window)
    return RefreshPlan(tables.WINDOW_PRODUCTS, tasks, problems)


def _task(wechat: WeChatResource, key: str, window: Window) -> PullTask:
    request = api.window_products(
        appid=window.shop_appid,
        branch_id=window.branch_id,
        query_cps_product=window.cps_only,
    )
    return PullTask(
        "window_products",
        window.appid,
        wechat.client(window),
        request,
        scope={"window": key},
        constants={"account_appid": window.appid},
    )
