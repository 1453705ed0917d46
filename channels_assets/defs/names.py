"""What our things are called on a Dagster instance, which other projects and data folders may use too."""

from __future__ import annotations

from dataclasses import dataclass

from dagster import AssetExecutionContext, AssetKey

from channels_assets.config import Settings
from channels_assets.defs.partitions import ARTICLE_LISTS_NAME, WINDOWS_NAME
from channels_assets.warehouse import LIST_TABLES, with_derived

DISCOVERY = tuple(sorted(table.name for table in LIST_TABLES.values() if table.keeps_vanished))
"""The assets without partitions, in the order in which commands print them."""
WINDOW_ASSETS = ("window_products",)
ARTICLE_ASSETS = tuple(table.name for table in with_derived(LIST_TABLES["shop_articles"]))
ASSETS = (*DISCOVERY, *WINDOW_ASSETS, *ARTICLE_ASSETS)
PULLING = tuple(asset for asset in ASSETS if not LIST_TABLES[asset].derived_from)
"""The assets that call the API."""
DISCOVER = "discover"
REFRESH_WINDOWS = "refresh_windows"
REFRESH_ARTICLES = "refresh_articles"
JOBS = (DISCOVER, REFRESH_WINDOWS, REFRESH_ARTICLES)


@dataclass(frozen=True)
class Names:
    """Names under `[dagster] namespace`; without one, the plain names."""

    namespace: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Names:
        return cls(settings.dagster.namespace)

    def name(self, plain: str) -> str:
        """Of a job, a schedule, a sensor or a partition set."""
        return f"{self.namespace}_{plain}" if self.namespace else plain

    def asset_key(self, asset: str) -> AssetKey:
        return AssetKey([self.namespace, asset] if self.namespace else [asset])

    @property
    def asset_keys(self) -> dict[str, AssetKey]:
        return {asset: self.asset_key(asset) for asset in ASSETS}

    @property
    def jobs(self) -> list[str]:
        return [self.name(job) for job in JOBS]

    @property
    def windows(self) -> str:
        return self.name(WINDOWS_NAME)

    @property
    def article_lists(self) -> str:
        return self.name(ARTICLE_LISTS_NAME)


def key_beside(context: AssetExecutionContext, asset: str) -> AssetKey:
    """The key of `asset` under the prefix that the running assets have."""
    prefix = next(iter(context.selected_asset_keys)).path[:-1]
    return AssetKey([*prefix, asset])
