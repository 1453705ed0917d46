"""The partitioned assets: window_products, shop_articles, article_products."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetSpec,
    BackfillPolicy,
    Backoff,
    Jitter,
    RetryPolicy,
    multi_asset,
)

from channels_assets.defs.assets.articles import derive_products, refresh_articles
from channels_assets.defs.assets.windows import refresh_windows
from channels_assets.defs.interrupts import stopping
from channels_assets.defs.names import key_beside
from channels_assets.defs.partitions import ARTICLE_LISTS, WINDOWS
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.source_assets import source_key
from channels_assets.wechat.league import SHOP_ARTICLES
from channels_assets.wechat.window import WINDOW_PRODUCTS

RETRY = RetryPolicy(max_retries=2, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)


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
            f"One partition is one `[[window]]` of channels.toml. Source: {WINDOW_PRODUCTS.doc}",
        )
    ],
    config_schema={},
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RETRY,
)
def window_products(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
) -> Iterator[Any]:
    # Generators that yield nothing: each partition is recorded as it is loaded, while for a plain
    # return Dagster would mark the whole range.
    yield from ()
    with stopping() as stop:
        refresh_windows(context, wechat, warehouse, stop)


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
            f"One partition is shop_appid/promoter_id/sharer_appid. Source: {SHOP_ARTICLES.doc}",
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
def articles(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
) -> Iterator[Any]:
    yield from ()
    with stopping() as stop:
        if key_beside(context, "shop_articles") in context.selected_asset_keys:
            refresh_articles(context, wechat, warehouse, stop)
        else:
            derive_products(context, warehouse, wechat.settings, stop)
