"""The partitioned assets: window_products, shop_articles, article_products."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import duckdb
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    BackfillPolicy,
    Backoff,
    Jitter,
    RetryPolicy,
    multi_asset,
)

from channels_assets.config import Settings, Window
from channels_assets.defs.loading import Loading
from channels_assets.defs.partitions import PROMOTERS, WINDOWS, ArticleList
from channels_assets.defs.refresh import RefreshPlan, keys_to_refresh, refresh
from channels_assets.defs.report import FailedPartition, failure_of, materialization
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.defs.sources import source_key
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import (
    ListLoad,
    Load,
    Loaded,
    active_promoters,
    article_list,
    derive_article_products,
    list_ages,
    load_article_lists,
    load_windows,
    window_list,
)
from channels_assets.wechat.promoter import SHOP_ARTICLES
from channels_assets.wechat.promoter import shop_articles as shop_articles_request
from channels_assets.wechat.window import WINDOW_PRODUCTS
from channels_assets.wechat.window import window_products as window_request

RETRY = RetryPolicy(max_retries=2, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)


class UnknownPartition(Exception):
    """The partition's list is not known (any more)."""


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
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RETRY,
)
def window_products(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> Iterator[Any]:
    # Generators that yield nothing: each partition is recorded as it is loaded, while for a plain
    # return Dagster would mark the whole range.
    yield from ()
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
            tasks[key] = _window_task(wechat, window)

    def to_load(key: str, pulled: Pulled, load: Load) -> ListLoad:
        account = tasks[key].account
        return window_list(window=key, account_appid=account, pages=pulled.staged, load=load)

    def load(
        connection: duckdb.DuckDBPyConnection, lists: Sequence[ListLoad]
    ) -> Sequence[Sequence[Loaded]]:
        return [(loaded,) for loaded in load_windows(connection, lists)]

    plan = RefreshPlan(tasks, problems, Loading(["window_products"], to_load, load))
    refresh(context, warehouse, settings, plan)


def _window_task(wechat: WeChatResource, window: Window) -> PullTask:
    request = window_request(
        appid=window.shop_appid,
        branch_id=window.branch_id,
        query_cps_product=window.cps_only,
    )
    client = wechat.client(window)
    return PullTask("window_products", window.appid, client, request)


@multi_asset(
    name="shop_articles",
    specs=[
        AssetSpec(
            "shop_articles",
            deps=["shop_promoters", "sharers", source_key("shop_articles")],
            partitions_def=PROMOTERS,
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
            partitions_def=PROMOTERS,
            skippable=True,
            group_name="articles",
            kinds={"duckdb"},
            description="Products shown in each article, with commission: one row a product. Made "
            "from shop_articles without a call.",
        ),
    ],
    can_subset=True,
    backfill_policy=BackfillPolicy.single_run(),
    retry_policy=RETRY,
)
def articles(
    context: AssetExecutionContext, wechat: WeChatResource, warehouse: WarehouseResource
) -> Iterator[Any]:
    yield from ()
    settings = wechat.settings
    if AssetKey("shop_articles") not in context.selected_asset_keys:
        _derive(context, warehouse, settings)
        return
    store = warehouse.open(settings)
    with store.writing() as connection:
        types = {
            (p.shop_appid, p.promoter_id): p.promoter_type for p in active_promoters(connection)
        }
    tasks: dict[str, PullTask] = {}
    lists: dict[str, ArticleList] = {}
    problems: dict[str, Exception] = {}
    for key in keys_to_refresh(context, store, "shop_articles"):
        one = _article_list(key)
        promoter_type = types.get((one.shop_appid, one.promoter_id)) if one else None
        if one is None or promoter_type is None:
            problems[key] = _unknown(key)
            continue
        request = shop_articles_request(
            shop_appid=one.shop_appid,
            promoter_id=one.promoter_id,
            promoter_type=promoter_type,
            sharer_appid=one.sharer_appid,
        )
        tasks[key] = PullTask("shop_articles", wechat.league.appid, wechat.league_client(), request)
        lists[key] = one

    def to_load(key: str, pulled: Pulled, load: Load) -> ListLoad:
        one = lists[key]
        promoter_type = types[one.shop_appid, one.promoter_id]
        return article_list(
            **asdict(one),
            partition=key,
            promoter_type=promoter_type,
            pages=pulled.staged,
            load=load,
        )

    loading = Loading(["shop_articles", "article_products"], to_load, load_article_lists)
    plan = RefreshPlan(tasks, problems, loading)
    refresh(context, warehouse, settings, plan)


def _article_list(key: str) -> ArticleList | None:
    try:
        return ArticleList.of_key(key)
    except ValueError:
        return None


def _unknown(key: str) -> UnknownPartition:
    return UnknownPartition(
        f"{key!r} is no account of type 4 (公众号) or 5 (服务号) that is linked to a cooperating shop "
        "now: materialize shop_promoters, or take the partition away. 该账号当前不在合作小店的关联账号中。"
    )


def _derive(
    context: AssetExecutionContext, warehouse: WarehouseResource, settings: Settings
) -> None:
    """article_products alone: from the stored lists, without a call."""
    store = warehouse.open(settings)
    failed: list[FailedPartition] = []
    with store.writing() as connection:
        ages = list_ages(connection, "shop_articles", context.partition_keys)
    never_loaded = {age.partition for age in ages if age.seconds is None}
    for key in context.partition_keys:
        one = _article_list(key)
        if one is None or key in never_loaded:
            problem = UnknownPartition(
                f"There is no stored article list {key!r} to derive from: materialize shop_articles "
                "for it. 没有可用的文章列表，请先刷新 shop_articles。"
            )
            failed.append(FailedPartition.of(key, problem))
            continue
        now = datetime.now(UTC)
        load = Load(
            asset="article_products",
            partition=key,
            run_id=context.run.run_id,
            started_at=now,
            fetched_at=now,
            pages=0,
            api_calls=0,
            total_num=None,
            end_reason="derived",
            resumed_pages=0,
        )
        with store.writing() as connection:
            loaded = derive_article_products(
                connection,
                partition=key,
                shop_appid=one.shop_appid,
                promoter_id=one.promoter_id,
                sharer_appid=one.sharer_appid,
                load=load,
            )
        context.log_event(materialization("article_products", key, loaded, None, {}))
    store.publish()
    if failed:
        raise failure_of("article_products", failed, len(context.partition_keys))
