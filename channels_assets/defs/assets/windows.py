"""The body of window_products: which windows to pull, and how."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import duckdb
from dagster import AssetExecutionContext

from channels_assets.config import Window
from channels_assets.defs.assets.loading import Loading
from channels_assets.defs.assets.refresh import RefreshPlan, keys_to_refresh, refresh
from channels_assets.defs.partitions import UnknownPartition
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import ListLoad, Load, Loaded, load_windows, window_list
from channels_assets.wechat.window import window_products as window_request


def refresh_windows(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
    stop: threading.Event,
) -> None:
    settings = wechat.settings
    tasks: dict[str, PullTask] = {}
    problems: dict[str, Exception] = {}
    for key in keys_to_refresh(context, warehouse.open(settings), "window_products"):
        window = settings.window_named(key)
        if window is None:
            problems[key] = UnknownPartition(
                f"channels.toml has no [[window]] named {key!r}. channels.toml 中没有该橱窗。"
            )
        else:
            tasks[key] = window_task(wechat, window)

    def to_load(key: str, pulled: Pulled, load: Load) -> ListLoad:
        account = tasks[key].account
        return window_list(window=key, account_appid=account, pages=pulled.staged, load=load)

    def load(
        connection: duckdb.DuckDBPyConnection, lists: Sequence[ListLoad]
    ) -> Sequence[Sequence[Loaded]]:
        return [(loaded,) for loaded in load_windows(connection, lists)]

    plan = RefreshPlan(tasks, problems, Loading(["window_products"], to_load, load))
    refresh(context, warehouse, settings, plan, stop)


def window_task(wechat: WeChatResource, window: Window) -> PullTask:
    request = window_request(
        appid=window.shop_appid,
        branch_id=window.branch_id,
        query_cps_product=window.cps_only,
    )
    client = wechat.client(window)
    return PullTask("window_products", window.appid, client, request)
