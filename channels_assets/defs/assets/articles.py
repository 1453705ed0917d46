"""The bodies of shop_articles and article_products: which lists to pull, or to derive from."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from dagster import AssetExecutionContext

from channels_assets.config import Settings
from channels_assets.defs.assets.loading import Loading
from channels_assets.defs.assets.refresh import RefreshPlan, keys_to_refresh, refresh
from channels_assets.defs.events import FailedPartition, failure_of, materialization
from channels_assets.defs.names import key_beside
from channels_assets.defs.ownership import require_owner
from channels_assets.defs.partitions import ArticleList, UnknownPartition
from channels_assets.defs.resources import WarehouseResource, WeChatResource
from channels_assets.extract.pull import Pulled, PullTask
from channels_assets.warehouse import (
    ListLoad,
    Load,
    Store,
    active_promoters,
    article_list,
    derive_article_products,
    list_ages,
    load_article_lists,
    load_without_calls,
)
from channels_assets.wechat.client import Stopped
from channels_assets.wechat.league import shop_articles as shop_articles_request


@dataclass(frozen=True)
class _Known:
    """Article lists by key, as the discovered accounts say; `problems` are keys that are none of theirs."""

    lists: Mapping[str, ArticleList]
    types: Mapping[str, int]
    tasks: Mapping[str, PullTask]
    problems: Mapping[str, Exception]


def _known(wechat: WeChatResource, store: Store, keys: Iterable[str]) -> _Known:
    with store.writing() as connection:
        linked = {
            (p.shop_appid, p.promoter_id): p.promoter_type for p in active_promoters(connection)
        }
    lists: dict[str, ArticleList] = {}
    types: dict[str, int] = {}
    tasks: dict[str, PullTask] = {}
    problems: dict[str, Exception] = {}
    for key in keys:
        one = _article_list(key)
        promoter_type = linked.get((one.shop_appid, one.promoter_id)) if one else None
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
        lists[key], types[key] = one, promoter_type
    return _Known(lists, types, tasks, problems)


def refresh_articles(
    context: AssetExecutionContext,
    wechat: WeChatResource,
    warehouse: WarehouseResource,
    stop: threading.Event,
) -> None:
    settings = wechat.settings
    store = warehouse.open(settings)
    known = _known(wechat, store, keys_to_refresh(context, store, "shop_articles"))

    def to_load(key: str, pulled: Pulled, load: Load) -> ListLoad:
        return article_list(
            **asdict(known.lists[key]),
            partition=key,
            promoter_type=known.types[key],
            pages=pulled.staged,
            load=load,
        )

    loading = Loading(["shop_articles", "article_products"], to_load, load_article_lists)
    plan = RefreshPlan(known.tasks, known.problems, loading)
    refresh(context, warehouse, settings, plan, stop)


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


def derive_products(
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
        one = _article_list(key)
        if one is None or key in never_loaded:
            problem = UnknownPartition(
                f"There is no stored article list {key!r} to derive from: materialize shop_articles "
                "for it. 没有可用的文章列表，请先刷新 shop_articles。"
            )
            failed.append(FailedPartition.of(key, problem))
            continue
        load = load_without_calls(
            "article_products", key, context.run.run_id, "derived", datetime.now(UTC)
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
        asset_key = key_beside(context, "article_products")
        context.log_event(materialization(asset_key, key, loaded, None, {}))
    store.publish()
    if failed:
        raise failure_of("article_products", failed, len(context.partition_keys))
