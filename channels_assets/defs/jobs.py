"""Jobs: what one refresh runs. Each covers one kind of partition, because a run can't mix them."""

from __future__ import annotations

from dagster import AssetCheckKey, AssetKey, AssetSelection, define_asset_job

from channels_assets.defs.dimensions import FOUND_CHECK

# Checks are evaluated by a sensor on what is published, also when lists have failed; but those that
# discovery itself answers belong to it.
_FOUND = AssetSelection.checks(
    *(AssetCheckKey(AssetKey(name), FOUND_CHECK) for name in ("shop_promoters", "sharers"))
)

discover = define_asset_job(
    "discover",
    AssetSelection.assets("cooperating_shops", "shop_promoters", "sharers").without_checks()
    | _FOUND,
    description="Finds cooperating shops, linked accounts and sharers, and thereby the article lists.",
)
refresh_windows = define_asset_job(
    "refresh_windows",
    AssetSelection.assets("window_products").without_checks(),
    description="Pulls the product lists of a range of windows.",
)
refresh_articles = define_asset_job(
    "refresh_articles",
    AssetSelection.assets("shop_articles", "article_products").without_checks(),
    description="Pulls a range of article lists and derives their products.",
)
