"""The API's lists as Dagster sees them: external assets that the tables come from."""

from typing import Any

from dagster import AssetKey, AssetSpec, MetadataValue

from channels_assets.warehouse import LIST_TABLES
from channels_assets.wechat import league, window
from channels_assets.wechat.paging import Endpoint

OWNERS = ["team:channels"]
TAGS = {"domain": "wechat_channels"}

_BY_NAME: dict[str, Endpoint[Any]] = {
    endpoint.name: endpoint for endpoint in (window.WINDOW_PRODUCTS, *league.ENDPOINTS)
}
ENDPOINTS = {
    table.name: _BY_NAME[table.endpoint]
    for table in LIST_TABLES.values()
    if table.derived_from is None
}
"""The endpoint of each asset that calls the API."""


def source_key(asset: str) -> AssetKey:
    """The API list that a table is read from."""
    return AssetKey(["wechat", _source(asset).name])


def source_metadata(asset: str) -> dict[str, MetadataValue]:
    return {
        "dagster/table_name": MetadataValue.text(f"channels.main.{asset}"),
        "source": MetadataValue.url(_source(asset).doc),
    }


def _source(asset: str) -> Endpoint[Any]:
    return ENDPOINTS[LIST_TABLES[asset].derived_from or asset]


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
