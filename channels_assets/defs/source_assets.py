"""The API's lists as Dagster sees them: external assets that the tables come from."""

from typing import Any

from dagster import AssetKey, AssetSpec, MetadataValue

from channels_assets.wechat.league import (
    COOPERATING_SHOPS,
    SHARERS,
    SHOP_ARTICLES,
    SHOP_PROMOTERS,
)
from channels_assets.wechat.paging import Endpoint
from channels_assets.wechat.window import WINDOW_PRODUCTS

OWNERS = ["team:channels"]
TAGS = {"domain": "wechat_channels"}
ENDPOINTS: dict[str, Endpoint[Any]] = {
    "window_products": WINDOW_PRODUCTS,
    "shop_articles": SHOP_ARTICLES,
    "cooperating_shops": COOPERATING_SHOPS,
    "shop_promoters": SHOP_PROMOTERS,
    "sharers": SHARERS,
}


def source_key(asset: str) -> AssetKey:
    """The API list that a table is read from; article_products are part of shop_articles' answer."""
    endpoint = ENDPOINTS[asset if asset in ENDPOINTS else "shop_articles"]
    return AssetKey(["wechat", endpoint.name])


def source_metadata(asset: str) -> dict[str, MetadataValue]:
    endpoint = ENDPOINTS[asset if asset in ENDPOINTS else "shop_articles"]
    return {
        "dagster/table_name": MetadataValue.text(f"channels.main.{asset}"),
        "source": MetadataValue.url(endpoint.doc),
    }


SOURCES = [
    AssetSpec(
        AssetKey(["wechat", endpoint.name]),
        group_name="wechat_api",
        kinds={"wechat"},
        owners=OWNERS,
        tags=TAGS,
        description=f"POST {endpoint.path}: items in `{endpoint.list_field}`, cursor "
        f"`{endpoint.cursor_field}`, at most {endpoint.max_page_size} a page. Source: {endpoint.doc}",
        metadata={"source": MetadataValue.url(endpoint.doc)},
    )
    for endpoint in ENDPOINTS.values()
]
