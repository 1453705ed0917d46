"""Jobs: what one refresh runs. Each covers one kind of partition, because a run can't mix them."""

from __future__ import annotations

from dagster import AssetSelection, define_asset_job

discover = define_asset_job(
    "discover",
    AssetSelection.assets("cooperating_shops", "shop_promoters", "sharers"),
    description="Finds cooperating shops, linked accounts and sharers, and thereby the article lists.",
)
refresh_windows = define_asset_job(
    "refresh_windows",
    AssetSelection.assets("window_products"),
    description="Pulls the product lists of a range of windows.",
)
refresh_articles = define_asset_job(
    "refresh_articles",
    AssetSelection.assets("shop_articles", "article_products"),
    description="Pulls a range of article lists and derives their products.",
)
