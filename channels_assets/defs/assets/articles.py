"""shop_articles and article_products: the articles of linked accounts, and the products in them."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from dagster import AssetExecutionContext, AssetSpec, BackfillPolicy, multi_asset

from channels_assets.config import Settings
from channels_assets.defs.assets.pending_keys import keys_to_refresh
from channels_assets.defs.assets.refresh import (
    RETRY,
    RefreshPlan,
    refresh_partitions,
)
from channels_assets.defs.events import FailedPartition, failure_of, materialization
from channels_assets.defs.interrupts import stopping
from channels_assets.defs.names import key_beside
from channels_assets.defs.ownership import require_owner
from channels_assets.defs.partitions import ARTICLE_LISTS, ArticleList, UnknownPartition
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.source_assets import source_key
from channels_assets.extract.pull import PullTask
from channels_assets.warehouse import (
    ListToLoad,
    LoadRecord,
    Store,
    active_promoters,
    derive_article_products,
    list_ages,
    tables,
)
from channels_assets.wechat import league
from channels_assets.wechat.client import Stopped


@multi_asset(
    name="shop_articles",
    specs=[
        AssetSpec(
            "shop_articles",
            deps=["shop_promoters", "sharers", source_key("shop_articles")],
            partitions_def=ARTICLE_LISTS,
            skippable=True,
            group_name="articles",
            kinds={"wechat", "duckdb"},
            description="Articles of each account linked to a cooperating shop (小店关联账号的文章), "
            "with the share link of one sharer (推客).\n\n"
            "One partition is shop_appid/promoter_id/sharer_appid. "
            f"Source: {league.SHOP_ARTICLES.doc}",
        ),
        AssetSpec(
            "article_products",
            deps=["shop_articles"],
            partitions_def=ARTICLE_LISTS,
            skippable=True,
            group_name="articles",
            kinds={"duckdb"},
            description="Products shown in each article, with commission: one row a product. Made "
            "from shop_articles without a call.",
        ),
    ],
    can_subset=True,
    config_schema={},
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RETRY,
)
def shop_articles(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> Iterator[Any]:
    # A generator that yields nothing: see window_products.
    yield from ()
    with stopping() as stop:
        if key_beside(context, "shop_articles") in context.selected_asset_keys:
            store = warehouse.open(wechat.settings)
            plan = _plan(wechat, store, keys_to_refresh(context, store, "shop_articles"))
            refresh_partitions(context, warehouse, wechat.settings, plan, stop)
        else:
            _derive_products(context, warehouse, wechat.settings, stop)


def _plan(wechat: WeChatResource, store: Store, keys: Iterable[str]) -> RefreshPlan:
    with store.writing() as connection:
        promoter_types = {
            (promoter.shop_appid, promoter.promoter_id): promoter.promoter_type
            for promoter in active_promoters(connection)
        }
    tasks: dict[str, PullTask] = {}
    problems: dict[str, Exception] = {}
    for key in keys:
        article_list = _article_list(key)
        promoter_type = (
            promoter_types.get((article_list.shop_appid, article_list.promoter_id))
            if article_list
            else None
        )
        if article_list is None or promoter_type is None:
            problems[key] = UnknownPartition(
                f"{key!r} is no account of type 4 (公众号) or 5 (服务号) that is linked to a "
                "cooperating shop now: materialize shop_promoters, or take the partition away. "
                "该账号当前不在合作小店的关联账号中。"
            )
            continue
        request = league.shop_articles(
            shop_appid=article_list.shop_appid,
            promoter_id=article_list.promoter_id,
            promoter_type=promoter_type,
            sharer_appid=article_list.sharer_appid,
        )
        tasks[key] = PullTask(
            "shop_articles",
            wechat.league.appid,
            wechat.league_client(),
            request,
            scope=asdict(article_list),
            constants={"promoter_type": promoter_type},
        )
    return RefreshPlan(tables.SHOP_ARTICLES, tasks, problems)


def _article_list(key: str) -> ArticleList | None:
    try:
        return ArticleList.of_key(key)
    except ValueError:
        return None


def _derive_products(
    context: AssetExecutionContext,
    warehouse: WarehouseResource,
    settings: Settings,
    stop: threading.Event,
) -> None:
    """article_products alone: from the stored lists, without a call."""
    store = warehouse.open(settings)
    require_owner(context, store, settings)
    failed: list[FailedPartition] = []
    with store.writing() as connection:
        ages = list_ages(connection, "shop_articles", context.partition_keys)
    never_loaded = {age.partition for age in ages if age.seconds is None}
    for key in context.partition_keys:
        if stop.is_set():
            raise Stopped
        article_list = _article_list(key)
        if article_list is None or key in never_loaded:
            problem = UnknownPartition(
                f"There is no stored article list {key!r} to derive from: materialize shop_articles "
                "for it. 没有可用的文章列表，请先刷新 shop_articles。"
            )
            failed.append(FailedPartition.of(key, problem))
            continue
        now = datetime.now(UTC)
        record = LoadRecord(key, context.run.run_id, now, now, end_reason="derived")
        with store.writing() as connection:
            derived = ListToLoad(asdict(article_list), (), record)
            stats = derive_article_products(connection, derived)
        asset_key = key_beside(context, "article_products")
        context.log_event(materialization(asset_key, key, stats, None, {}))
    store.publish()
    if failed:
        raise failure_of("article_products", failed, len(context.partition_keys))
